#include "rig.h"
#include "test.h"

static struct rig r;

static void hello(struct http_exchange *x)
{
    http_reply(x, 200, "text/plain", BYTES_LIT("hi"));
}

static void answers(void **state)
{
    char got[2048];
    int fd;

    (void)state;
    rig_start(&r);
    assert_int_equal(
        http_route_add(&r.http, &(struct http_route){.method = "GET", .path = "/x", .begin = hello}), 0);
    fd = rig_connect(&r);

    rig_talk(&r, fd,
             "OPTIONS /any HTTP/1.1\r\nHost: a\r\nOrigin: http://o\r\nAccess-Control-Request-Method: PUT\r\n"
             "Access-Control-Request-Headers: x-access-token\r\n\r\n",
             got, sizeof got, NULL);
    assert_memory_equal(got, "HTTP/1.1 204 ", 13);
    assert_non_null(strstr(got, "access-control-allow-origin: *\r\n"));
    assert_non_null(strstr(got, "access-control-allow-methods: PUT\r\n"));
    assert_non_null(strstr(got, "access-control-allow-headers: x-access-token\r\n"));
    assert_non_null(strstr(got, "access-control-max-age: 7200\r\n"));

    rig_talk(
        &r, fd,
        "OPTIONS /any HTTP/1.1\r\nHost: a\r\nOrigin: http://o\r\nAccess-Control-Request-Method: BREW\r\n\r\n",
        got, sizeof got, NULL);
    assert_memory_equal(got, "HTTP/1.1 204 ", 13);
    assert_null(strstr(got, "access-control-allow"));

    rig_talk(&r, fd, "GET /x HTTP/1.1\r\nHost: a\r\nOrigin: http://o\r\n\r\n", got, sizeof got, NULL);
    assert_memory_equal(got, "HTTP/1.1 200 ", 13);
    assert_non_null(strstr(got, "access-control-allow-origin: *\r\n"));
    assert_non_null(strstr(got, "access-control-expose-headers: Grpc-Status,"));

    rig_talk(&r, fd, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, NULL);
    assert_non_null(strstr(got, "vary: Origin\r\n"));
    assert_null(strstr(got, "access-control-"));

    rig_talk(&r, fd, "OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, NULL); /* no preflight */
    assert_memory_equal(got, "HTTP/1.1 405 ", 13);
    close(fd);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers)};

    return RUN(tests);
}
