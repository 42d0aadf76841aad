#include "guest/fs/change.h"

#include "tree.h"

static void one_directory(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(fs_make_dir(below("d"), 02771, 1000, 1001, &e), 0);
    assert_int_equal(stat_of("d").st_mode, S_IFDIR | 02771); /* whatever the umask */
    assert_int_equal(stat_of("d").st_uid, 1000);
    assert_int_equal(fs_make_dir(below("d"), 0700, 0, 0, &e), -1);
    assert_int_equal(e.status, STATUS_ALREADY_EXISTS);
    assert_int_equal(fs_make_dir(below("no/d"), 0700, 0, 0, &e), -1);
    assert_int_equal(e.status, STATUS_NOT_FOUND);
}

static void one_link(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(fs_symlink("d", below("link"), 1000, 1001, &e), 0);
    assert_int_equal(stat_of("link").st_gid, 1001);
    assert_int_equal(fs_symlink("d", below("link"), 0, 0, &e), -1);
    assert_int_equal(e.status, STATUS_ALREADY_EXISTS);
}

static void modes(void **state)
{
    struct fs_change c = {.path = below("link"), .stop = &stop};
    struct err e;

    (void)state;
    make_file("d/f", "");
    make_file("out", "");
    assert_int_equal(symlink("../out", below("d/l")), 0);
    assert_int_equal(fs_chmod(&c, 0711, &e), 0); /* the link's target */
    assert_int_equal(stat_of("d").st_mode, S_IFDIR | 0711);
    assert_int_equal(stat_of("d/f").st_mode, S_IFREG | 0600);
    c.recursive = true;
    assert_int_equal(fs_chmod(&c, 0750, &e), 0);
    assert_int_equal(stat_of("d/f").st_mode, S_IFREG | 0750);
    assert_int_equal(stat_of("out").st_mode, S_IFREG | 0600);
    c.path = below("none");
    assert_int_equal(fs_chmod(&c, 0750, &e), -1);
    assert_int_equal(e.status, STATUS_NOT_FOUND);
}

static void owners(void **state)
{
    struct fs_change c = {.path = below("d"), .recursive = true, .stop = &stop};
    struct err e;

    (void)state;
    assert_int_equal(fs_chown(&c, 7, FS_KEEP, &e), 0);
    assert_int_equal(stat_of("d").st_uid, 7);
    assert_int_equal(stat_of("d").st_gid, 1001);
    assert_int_equal(stat_of("d/f").st_uid, 7);
    assert_int_equal(stat_of("d/l").st_uid, 7);
    assert_int_equal(stat_of("out").st_uid, 0);
    c.path = below("link"); /* itself, and nothing that it leads to */
    assert_int_equal(fs_chown(&c, 8, 8, &e), 0);
    assert_int_equal(stat_of("link").st_uid, 8);
    assert_int_equal(stat_of("d/f").st_uid, 7);
}

static void a_tree_can_be_stopped(void **state)
{
    struct fs_change c = {.path = below("d"), .recursive = true, .stop = &stop};
    struct err e;

    (void)state;
    atomic_store(&stop, true);
    assert_int_equal(fs_chown(&c, 9, 9, &e), -1);
    assert_int_equal(e.status, STATUS_CANCELED);
    assert_int_equal(stat_of("d/f").st_uid, 7);
    atomic_store(&stop, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_directory),
        cmocka_unit_test(one_link),
        cmocka_unit_test(modes),
        cmocka_unit_test(owners),
        cmocka_unit_test(a_tree_can_be_stopped),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, clear);
}
