#include "http/http.h"

#include <stdio.h>

#include "test.h"

static struct http h;
static struct http_route found;
static char allowed[HTTP_ALLOWED_MAX];

static void on_begin(struct http_exchange *x)
{
    (void)x;
}

static void add(const char *method, const char *path)
{
    assert_int_equal(
        http_route_add(&h,
                       &(struct http_route){.method = method, .path = path, .flags = 7, .begin = on_begin}),
        0);
}

static bool is_found(const char *method, const char *path)
{
    found = (struct http_route){0};
    return http_route_find(&h, method, bytes_of(path), &found, allowed);
}

static int setup(void **state)
{
    (void)state;
    http_init(&h, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_destroy(&h);
    return 0;
}

static void finds(void **state)
{
    char paths[200][16];

    (void)state;
    assert_false(is_found("GET", "/"));
    for (int i = 0; i < 200; i++) {
        snprintf(paths[i], sizeof paths[i], "/p%d", i);
        add("POST", paths[i]);
    }
    add("GET", "/p7");
    for (int i = 0; i < 200; i++) {
        assert_true(is_found("POST", paths[i]));
        assert_string_equal(found.path, paths[i]);
        assert_int_equal(found.flags, 7);
    }
    assert_true(is_found("GET", "/p7"));
    assert_true(is_found("HEAD", "/p7"));
    assert_string_equal(found.method, "GET");
    assert_false(is_found("PUT", "/p7"));
    assert_string_equal(allowed, "POST, GET, HEAD");
    assert_null(found.begin);
    assert_false(is_found("HEAD", "/p8"));
    assert_string_equal(allowed, "POST");
    assert_false(is_found("POST", "/p7/"));
    assert_false(is_found("POST", ""));
    assert_string_equal(allowed, "");
}

/* As long as a list may be, it ends. */
static void a_path_with_many_methods(void **state)
{
    static const char *const methods[] = {"A23456789012345", "B23456789012345", "C23456789012345",
                                          "D23456789012345", "E23456789012345"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        add(methods[i], "/p");
    assert_false(is_found("GET", "/p"));
    assert_string_equal(allowed, "A23456789012345, B23456789012345, C23456789012345");
}

static bool find(const void *arg, const char *method, struct bytes path, struct http_route *r, char *list)
{
    assert_ptr_equal(arg, &h);
    if (!bytes_are(path, "/there") || !http_route_answers("GET", method, list))
        return false;
    *r = (struct http_route){.method = "GET", .begin = on_begin};
    return true;
}

static void what_no_table_has(void **state)
{
    (void)state;
    h.find = find;
    h.find_arg = &h;
    add("POST", "/here");
    assert_true(is_found("POST", "/here"));
    assert_true(is_found("GET", "/there"));
    assert_true(is_found("HEAD", "/there"));
    assert_ptr_equal(found.begin, on_begin);
    assert_false(is_found("POST", "/there"));
    assert_string_equal(allowed, "GET, HEAD");
    assert_null(found.begin);
    assert_false(is_found("GET", "/here"));
    assert_string_equal(allowed, "POST");
    assert_false(is_found("GET", "/nowhere"));
    assert_string_equal(allowed, "");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(finds), T(a_path_with_many_methods), T(what_no_table_has)};

    return RUN(tests);
}
