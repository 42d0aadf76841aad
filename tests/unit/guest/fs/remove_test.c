#include "guest/fs/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char dir[] = "/tmp/guestd-remove-XXXXXX";
static atomic_bool stop;

static const char *below(const char *rest)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, rest);
    return path;
}

static void make_dir(const char *name)
{
    assert_int_equal(mkdir(below(name), 0700), 0);
}

static void make_file(const char *name)
{
    int fd = open(below(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    close(fd);
}

static void a_tree(void **state)
{
    char name[32];
    struct err e;

    (void)state;
    make_dir("kept");
    make_file("kept/file");
    make_dir("t");
    make_dir("t/a");
    assert_int_equal(symlink("../kept", below("t/link")), 0);
    for (int i = 0; i < 2000; i++) { /* more than one reading of the directory */
        snprintf(name, sizeof name, i % 7 ? "t/a/%d" : "t/a/d%d", i);
        if (i % 7)
            make_file(name);
        else
            make_dir(name);
    }
    assert_int_equal(fs_remove(below("t"), &stop, &e), 0);
    assert_int_equal(access(below("t"), F_OK), -1);
    assert_int_equal(access(below("kept/file"), F_OK), 0);
}

static void a_link_and_nothing(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(symlink("kept", below("l")), 0);
    assert_int_equal(fs_remove(below("l/"), &stop, &e), 0);
    assert_int_equal(access(below("kept/file"), F_OK), 0);
    assert_int_equal(fs_remove(below("l"), &stop, &e), 0);
    assert_int_equal(fs_remove(below("no/thing"), &stop, &e), 0);
}

static void what_is_refused(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(fs_remove(below("kept/."), &stop, &e), -1);
    assert_int_equal(e.errnum, EINVAL);
    assert_int_equal(fs_remove("/tmp/..", &stop, &e), -1);
    assert_int_equal(e.errnum, EBUSY);
    assert_int_equal(fs_remove(below("kept/file/x"), &stop, &e), -1);
    assert_int_equal(e.errnum, ENOTDIR);
    assert_int_equal(access(below("kept/file"), F_OK), 0);
}

static void it_can_be_stopped(void **state)
{
    struct err e;

    (void)state;
    atomic_store(&stop, true);
    assert_int_equal(fs_remove(below("kept"), &stop, &e), -1);
    assert_int_equal(e.status, STATUS_CANCELED);
    atomic_store(&stop, false);
    assert_int_equal(access(below("kept/file"), F_OK), 0);
}

static void one_entry(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(fs_remove_one(below("kept"), &e), -1);
    assert_int_equal(e.status, STATUS_FAILED_PRECONDITION);
    assert_int_equal(fs_remove_one(below("kept/file"), &e), 0);
    assert_int_equal(fs_remove_one(below("kept"), &e), 0);
    assert_int_equal(fs_remove_one(below("kept"), &e), -1);
    assert_int_equal(e.status, STATUS_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree),          cmocka_unit_test(a_link_and_nothing),
        cmocka_unit_test(what_is_refused), cmocka_unit_test(it_can_be_stopped),
        cmocka_unit_test(one_entry),
    };
    int ret;

    if (!mkdtemp(dir))
        return 1;
    ret = RUN(tests);
    rmdir(dir);
    return ret;
}
