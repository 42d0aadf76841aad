/* What cannot be frozen. What can is frozen in tests/system/test_freeze.py, on a disk of its own: never here. */
#include "guest/fs/fsfreeze.h"

#include <errno.h>

#include "test.h"

static void a_file_system_that_cannot(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(fs_freeze("/proc", &e), -1);
    assert_int_equal(e.status, STATUS_INTERNAL);
    assert_int_equal(e.errnum, EOPNOTSUPP);
    assert_string_equal(e.text, "freeze the file system of '/proc': operation not supported");
}

static void what_is_not_frozen_is_thawed(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(fs_thaw("/proc", &e), 0);
}

static void a_path_that_is_not_there(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(fs_freeze("/proc/no/such", &e), -1);
    assert_int_equal(e.errnum, ENOENT);
    assert_int_equal(fs_thaw("/proc/no/such", &e), -1);
    assert_string_equal(e.text, "thaw the file system of '/proc/no/such': no such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_system_that_cannot),
        cmocka_unit_test(what_is_not_frozen_is_thawed),
        cmocka_unit_test(a_path_that_is_not_there),
    };

    return RUN(tests);
}
