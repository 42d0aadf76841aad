#include "http/http.h"

#include <stdio.h>

#include "test.h"

static void finds(void **state)
{
    struct http h;
    char allowed[64], paths[200][16];

    (void)state;
    http_init(&h, NULL);
    assert_null(http_route_find(&h, "GET", BYTES_LIT("/"), allowed));
    for (int i = 0; i < 200; i++) {
        snprintf(paths[i], sizeof paths[i], "/p%d", i);
        assert_int_equal(
            http_route_add(&h, &(struct http_route){.method = "POST", .path = paths[i], .flags = 7}), 0);
    }
    assert_int_equal(http_route_add(&h, &(struct http_route){.method = "GET", .path = "/p7"}), 0);
    for (int i = 0; i < 200; i++)
        assert_string_equal(http_route_find(&h, "POST", bytes_of(paths[i]), allowed)->path, paths[i]);
    assert_non_null(http_route_find(&h, "GET", BYTES_LIT("/p7"), allowed));
    assert_non_null(http_route_find(&h, "HEAD", BYTES_LIT("/p7"), allowed));
    assert_null(http_route_find(&h, "PUT", BYTES_LIT("/p7"), allowed));
    assert_string_equal(allowed, "POST, GET, HEAD");
    assert_null(http_route_find(&h, "HEAD", BYTES_LIT("/p8"), allowed));
    assert_string_equal(allowed, "POST");
    assert_null(http_route_find(&h, "POST", BYTES_LIT("/p7/"), allowed));
    assert_null(http_route_find(&h, "POST", BYTES_LIT(""), allowed));
    assert_string_equal(allowed, "");
    http_destroy(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds)};

    return RUN(tests);
}
