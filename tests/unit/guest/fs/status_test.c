#include "guest/fs/status.h"

#include <errno.h>

#include "test.h"

static void space_and_rights(void **state)
{
    (void)state;
    assert_int_equal(fs_status(ENOSPC), STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(fs_status(EDQUOT), STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(fs_status(EMFILE), STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(fs_status(EACCES), STATUS_PERMISSION_DENIED);
    assert_int_equal(fs_status(EROFS), STATUS_PERMISSION_DENIED);
    assert_int_equal(fs_status(ENOENT), STATUS_INTERNAL);
    assert_int_equal(fs_status(EIO), STATUS_INTERNAL);
}

static void one_strict_step(void **state)
{
    (void)state;
    assert_int_equal(fs_status_strict(ENOENT), STATUS_NOT_FOUND);
    assert_int_equal(fs_status_strict(EEXIST), STATUS_ALREADY_EXISTS);
    assert_int_equal(fs_status_strict(ENOTEMPTY), STATUS_FAILED_PRECONDITION);
    assert_int_equal(fs_status_strict(ENAMETOOLONG), STATUS_INVALID_ARGUMENT);
    assert_int_equal(fs_status_strict(ENOSPC), STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(fs_status_strict(EIO), STATUS_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(space_and_rights),
        cmocka_unit_test(one_strict_step),
    };

    return RUN(tests);
}
