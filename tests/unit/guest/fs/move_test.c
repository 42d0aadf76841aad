#include "guest/fs/move.h"

#include "tree.h"

static void new_directories(void **state)
{
    struct err e;

    (void)state;
    make_file("file", "");
    assert_int_equal(fs_make_new_dirs(below("a/b"), getuid(), getgid(), &e), 0);
    assert_int_equal(access(below("a/b"), F_OK), 0);
    assert_int_equal(fs_make_new_dirs(below("a"), getuid(), getgid(), &e), -1);
    assert_int_equal(e.status, STATUS_ALREADY_EXISTS);
    assert_int_equal(fs_make_new_dirs(below("file"), getuid(), getgid(), &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_int_equal(fs_make_new_dirs(below("file/x"), getuid(), getgid(), &e), -1);
    assert_int_equal(e.status, STATUS_INTERNAL);
}

static void renames(void **state)
{
    struct err e;

    (void)state;
    make_file("from", "");
    assert_int_equal(fs_move(below("from"), below("x/y/to"), getuid(), getgid(), &e), 0);
    assert_int_equal(access(below("x/y/to"), F_OK), 0);
    assert_int_equal(fs_move(below("from"), below("z/to"), getuid(), getgid(), &e), -1);
    assert_int_equal(e.status, STATUS_NOT_FOUND);
    assert_int_equal(access(below("z"), F_OK), 0); /* as envd: the way is there, the file is not */
    assert_int_equal(fs_move(below("z"), below("x"), getuid(), getgid(), &e), -1);
    assert_int_equal(e.status, STATUS_INTERNAL);
    assert_memory_equal(e.text, "error renaming: ", 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_directories),
        cmocka_unit_test(renames),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, clear);
}
