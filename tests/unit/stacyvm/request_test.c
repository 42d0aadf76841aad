#include "stacyvm/request.h"

#include <stdio.h>

#include "test.h"

static struct request r;
static struct err e;
static char content[256]; /* what has come of it, with a "|" at its end */

static int teardown(void **state)
{
    (void)state;
    request_clear(&r);
    return 0;
}

/* Reads the text in pieces of `step` bytes; the last event that is not MORE. */
static enum request_event read_in(const char *text, size_t step)
{
    enum request_event last = REQUEST_MORE, event;
    char *at = content;

    request_clear(&r);
    request_init(&r);
    for (size_t i = 0; i < strlen(text) && last != REQUEST_BAD; i += step) {
        struct bytes in = {text + i, MIN(step, strlen(text) - i)}, piece;

        while ((event = request_next(&r, &in, &piece)) != REQUEST_MORE) {
            last = event;
            if (event == REQUEST_CONTENT)
                at = mempcpy(at, piece.ptr, piece.len);
            else if (event == REQUEST_CONTENT_END)
                *at++ = '|';
            else if (event == REQUEST_BAD)
                break;
        }
    }
    *at = 0;
    return last;
}

#define READ(text) read_in(text, 1000)

static void all_fields(void **state)
{
    static const char text[] =
        "{\"id\":\"7\",\"method\":\"exec\",\"params\":{\"command\":\"c\",\"mode\":\"m\",\"work_dir\":\"w\","
        "\"path\":\"p\","
        "\"old_path\":\"o\",\"new_path\":\"n\",\"pattern\":\"t\",\"args\":[\"a\",\"\",\"b\"],\"env\":{\"A\":"
        "\"1\",\"B\":\"\"},"
        "\"recursive\":true,\"content\":\"QUJD\",\"other\":{\"path\":\"x\",\"args\":[\"y\"]}}}";
    static const char *const want[FIELD_TEXTS] = {"c", "m", "w", "p", "o", "n", "t"};
    size_t steps[] = {1, 2, 5, 1000};

    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
        assert_int_equal(read_in(text, steps[k]), REQUEST_END);
        assert_true(bytes_are(r.id, "7") && bytes_are(r.method, "exec"));
        for (int i = 0; i < FIELD_TEXTS; i++)
            assert_string_equal(r.texts[i], want[i]);
        assert_int_equal(r.arg_count, 3);
        assert_string_equal(r.args[0], "a");
        assert_string_equal(r.args[1], "");
        assert_string_equal(r.args[2], "b");
        assert_int_equal(r.env_count, 2);
        assert_string_equal(r.env[1].name, "B");
        assert_string_equal(r.env[1].value, "");
        assert_true(r.recursive && r.has_path);
        assert_string_equal(content, "QUJD|");
        assert_int_equal(request_check(&r, ~0u, &e), 0);
    }
}

static void what_is_missing_is_empty(void **state)
{
    (void)state;
    assert_int_equal(READ("{}"), REQUEST_END);
    assert_int_equal(r.id.len + r.method.len, 0);
    assert_string_equal(r.texts[FIELD_PATH], "");
    assert_false(r.has_path || r.recursive);
    assert_int_equal(
        READ("{\"id\":null,\"params\":{\"path\":null,\"args\":null,\"recursive\":null,\"env\":null}}"),
        REQUEST_END);
    assert_int_equal(request_check(&r, ~0u, &e), 0);
    assert_int_equal(READ("{\"params\":null}"), REQUEST_END);
    assert_int_equal(request_check(&r, ~0u, &e), 0);
}

/* Names count where they belong only. */
static void names_elsewhere_mean_nothing(void **state)
{
    (void)state;
    assert_int_equal(READ("{\"path\":\"x\",\"other\":{\"path\":\"x\",\"id\":\"y\"},\"params\":{\"id\":\"z\","
                          "\"params\":{\"path\":\"x\"},"
                          "\"env\":{\"path\":\"q\"}},\"args\":[\"a\"]}"),
                     REQUEST_END);
    assert_string_equal(r.texts[FIELD_PATH], "");
    assert_int_equal(r.id.len, 0);
    assert_int_equal(r.arg_count, 0);
    assert_int_equal(r.env_count, 1);
    assert_int_equal(request_check(&r, ~0u, &e), 0);
}

static void bad_requests(void **state)
{
    static const char *const bad[] = {"[]",         "1 ",          "\"a\"",           "null",
                                      "{\"id\":1}", "{\"id\":{}}", "{\"method\":[]}", "{\"method\":true}",
                                      "{]"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (READ(bad[i]) != REQUEST_BAD)
            fail_msg("%s", bad[i]);
}

static void wrong_types(void **state)
{
    static const struct {
        const char *params;
        enum request_field field;
    } cases[] = {
        {"{\"path\":1}", FIELD_PATH},
        {"{\"path\":[]}", FIELD_PATH},
        {"{\"path\":{\"path\":\"x\"}}", FIELD_PATH},
        {"{\"path\":\"a\\u0000b\"}", FIELD_PATH},
        {"{\"args\":\"x\"}", FIELD_ARGS},
        {"{\"args\":{\"a\":\"b\"}}", FIELD_ARGS},
        {"{\"args\":[1]}", FIELD_ARGS},
        {"{\"args\":[[\"x\"]]}", FIELD_ARGS},
        {"{\"args\":[\"\\u0000\"]}", FIELD_ARGS},
        {"{\"env\":[\"x\"]}", FIELD_ENV},
        {"{\"env\":{\"a\":1}}", FIELD_ENV},
        {"{\"env\":{\"a=\":\"x\"}}", FIELD_ENV},
        {"{\"env\":{\"\":\"x\"}}", FIELD_ENV},
        {"{\"recursive\":\"true\"}", FIELD_RECURSIVE},
        {"{\"recursive\":1}", FIELD_RECURSIVE},
        {"{\"content\":[]}", FIELD_CONTENT},
        {"{\"content\":false}", FIELD_CONTENT},
        {"[]", FIELD_PARAMS},
        {"\"x\"", FIELD_PARAMS},
        {"1", FIELD_PARAMS},
    };
    char text[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(text, sizeof text, "{\"params\":%s}", cases[i].params);
        assert_int_equal(READ(text), REQUEST_END);
        if (r.wrong != 1u << cases[i].field)
            fail_msg("%s: %x", cases[i].params, r.wrong);
        assert_int_equal(request_check(&r, 1u << cases[i].field, &e), -1);
        assert_memory_equal(e.text, "bad params: ", 12);
        assert_int_equal(request_check(&r, 0, &e), 0); /* who does not ask for it */
    }
}

static void length_has_a_bound(void **state)
{
    static char text[STACYVM_REQUEST_MAX + 1000];
    size_t n;

    (void)state;
    n = (size_t)sprintf(text, "{\"id\":\"7\",\"params\":{\"command\":\"");
    memset(text + n, 'x', STACYVM_REQUEST_MAX + 1);
    strcpy(text + n + STACYVM_REQUEST_MAX + 1, "\"}}");
    assert_int_equal(read_in(text, 65536), REQUEST_END);
    assert_true(r.too_long && bytes_are(r.id, "7"));
    assert_int_equal(request_check(&r, 0, &e), -1);
    n = (size_t)sprintf(text, "{\"params\":{\"args\":[");
    while (n < STACYVM_REQUEST_MAX)
        n += (size_t)sprintf(text + n, "\"x\",");
    strcpy(text + n, "\"x\"]}}");
    assert_int_equal(read_in(text, 65536), REQUEST_END);
    assert_true(r.too_long);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(all_fields, teardown),
        cmocka_unit_test_teardown(what_is_missing_is_empty, teardown),
        cmocka_unit_test_teardown(names_elsewhere_mean_nothing, teardown),
        cmocka_unit_test_teardown(bad_requests, teardown),
        cmocka_unit_test_teardown(wrong_types, teardown),
        cmocka_unit_test_teardown(length_has_a_bound, teardown),
    };

    return RUN(tests);
}
