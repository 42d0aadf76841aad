#include "core/dirs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char root[] = "/tmp/dirs.XXXXXX";

static const char *below(const char *name)
{
    static char path[PATH_MAX + 64];

    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static bool is_directory(const char *name)
{
    struct stat st;

    return stat(below(name), &st) == 0 && S_ISDIR(st.st_mode);
}

static void all_that_is_missing(void **state)
{
    (void)state;
    assert_int_equal(dirs_make_above(below("a/b/file")), 0);
    assert_true(is_directory("a/b"));
    assert_false(is_directory("a/b/file"));
    assert_int_equal(dirs_make(below("a/c//d/")), 0);
    assert_true(is_directory("a/c/d"));
    assert_int_equal(dirs_make(below("a/c/d")), 0);
    assert_int_equal(dirs_make_above("") | dirs_make_above("/"), 0);
}

static void what_is_in_the_way(void **state)
{
    char longest[PATH_MAX];

    (void)state;
    fclose(fopen(below("file"), "we"));
    assert_int_equal(dirs_make(below("file/x/y")), -1);
    assert_int_equal(errno, ENOTDIR);
    assert_int_equal(dirs_make_above(below("file/x/y")), -1);
    assert_int_equal(errno, ENOTDIR);
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(dirs_make(below(longest)), -1);
    assert_int_equal(errno, ENAMETOOLONG);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_that_is_missing),
                                       cmocka_unit_test(what_is_in_the_way)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
