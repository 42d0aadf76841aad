#include "files/files.h"

#include <errno.h>

#include "files_rig.h"
#include "test.h"

static void kick(struct http_exchange *x)
{
    (void)x;
}

/* The status that an error is answered with. */
static int status_of(enum status status, int errnum)
{
    static const struct http_wire wire = {.kick = kick};
    struct http_exchange x = {.wire = &wire};
    struct err e = {.status = status, .errnum = errnum, .text = "why"};
    char text[64] = "";

    files_refuse(&x, &e);
    assert_true(x.body.bytes < sizeof text);
    chain_peek(&x.body, text, x.body.bytes);
    assert_non_null(strstr(text, "\"message\":\"why\""));
    chain_clear(&x.body);
    http_fields_clear(&x.response);
    return x.status;
}

static void statuses(void **state)
{
    (void)state;
    assert_int_equal(status_of(STATUS_RESOURCE_EXHAUSTED, ENOSPC), 507);
    assert_int_equal(status_of(STATUS_RESOURCE_EXHAUSTED, EDQUOT), 507);
    assert_int_equal(status_of(STATUS_RESOURCE_EXHAUSTED, 0), 429);
    assert_int_equal(status_of(STATUS_OUT_OF_RANGE, 0), 413);
    assert_int_equal(status_of(STATUS_INVALID_ARGUMENT, 0), 400);
    assert_int_equal(status_of(STATUS_UNAUTHENTICATED, 0), 401);
    assert_int_equal(status_of(STATUS_INTERNAL, EIO), 500);
}

static bool registered(const char *path)
{
    char allowed[HTTP_ALLOWED_MAX];
    struct http_route route;

    return http_route_find(&rig.http, "POST", bytes_of(path), &route, allowed);
}

static void services_are_there(void **state)
{
    (void)state;
    assert_true(registered("/filesystem.Filesystem/Stat"));
    assert_true(registered("/guest.v1.Files/List"));
    assert_true(registered("/files"));
    assert_true(registered("/files/compose"));
    assert_false(registered("/filesystem.Filesystem/None"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_are_there),
        cmocka_unit_test(statuses),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
