#include "guest/fs/dirs.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char dir[] = "/tmp/guestd-dirs-XXXXXX";

static const char *below(const char *rest)
{
    static char path[256];

    snprintf(path, sizeof path, "%s%s", dir, rest);
    return path;
}

static void all_that_are_missing(void **state)
{
    struct stat st;
    struct err e;

    (void)state;
    assert_int_equal(fs_make_dirs(below("/a//b/./c/"), getuid(), getgid(), &e), 0);
    assert_int_equal(stat(below("/a/b/c"), &st), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 0755);
    assert_int_equal(chmod(below("/a"), 0700), 0);
    assert_int_equal(fs_make_parents(below("/a/x/file"), getuid(), getgid(), &e), 0);
    assert_int_equal(access(below("/a/x"), F_OK), 0);
    assert_int_equal(access(below("/a/x/file"), F_OK), -1);
    assert_int_equal(stat(below("/a"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700); /* it was there */
    assert_int_equal(fs_make_parents("/file", getuid(), getgid(), &e), 0);
}

static void something_in_the_way(void **state)
{
    char text[300];
    struct err e;

    (void)state;
    close(open(below("/file"), O_CREAT | O_WRONLY, 0644));
    assert_int_equal(fs_make_parents(below("/file/x"), getuid(), getgid(), &e), -1);
    assert_int_equal(e.status, STATUS_INTERNAL);
    snprintf(text, sizeof text, "path is a file: %s", below("/file"));
    assert_string_equal(e.text, text);
}

static void links_are_followed(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(mkdir(below("/real"), 0755), 0);
    assert_int_equal(symlink("real", below("/link")), 0);
    assert_int_equal(fs_make_dirs(below("/link/new"), getuid(), getgid(), &e), 0);
    assert_int_equal(access(below("/real/new"), F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_are_missing),
        cmocka_unit_test(something_in_the_way),
        cmocka_unit_test(links_are_followed),
    };
    char command[64];
    int ret;

    if (!mkdtemp(dir))
        return 1;
    umask(022);
    ret = RUN(tests);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) == 0 ? ret : 1;
}
