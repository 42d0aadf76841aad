#include "files/files.h"

#include "files_rig.h"
#include "test.h"

static bool registered(const char *path)
{
    char allowed[64];

    return http_route_find(&rig.http, "POST", bytes_of(path), allowed) != NULL;
}

static void services_are_there(void **state)
{
    (void)state;
    assert_true(registered("/filesystem.Filesystem/Stat"));
    assert_true(registered("/guest.v1.Files/List"));
    assert_false(registered("/filesystem.Filesystem/None"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_are_there),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
