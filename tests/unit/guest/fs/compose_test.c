#include "guest/fs/compose.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "refuse.h"
#include "test.h"

static char dir[64];
static struct user user;
static struct err e;

static int setup(void **state)
{
    (void)state;
    user = (struct user){.uid = getuid(), .gid = getgid(), .name = "us"};
    strcpy(dir, "/tmp/guestd-compose-XXXXXX");
    return mkdtemp(dir) ? chdir(dir) : -1;
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static void put_text(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");

    fputs(text, f);
    fclose(f);
}

static bool has_text(const char *name, const char *want)
{
    char text[64] = "";
    FILE *f = fopen(name, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    if (f)
        fclose(f);
    return f && n == strlen(want) && strcmp(text, want) == 0;
}

/* Composes what lies in `dir`. */
static int compose(const char *a, const char *b, const char *to)
{
    char sources[2][256], destination[256], *names[] = {(char *)a, (char *)b},
                                            *paths[] = {sources[0], sources[1]};

    snprintf(sources[0], sizeof sources[0], "%s/%s", dir, a);
    snprintf(sources[1], sizeof sources[1], "%s/%s", dir, b);
    snprintf(destination, sizeof destination, "%s/%s", dir, to);
    return fs_compose(paths, names, 2, destination, &user, &e);
}

static void one_behind_the_other(void **state)
{
    (void)state;
    put_text("a", "first ");
    put_text("b", "second");
    put_text("to", "something that was there before");
    assert_int_equal(compose("b", "a", "to"), 0);
    assert_true(has_text("to", "secondfirst "));
    assert_int_not_equal(access("a", F_OK), 0);
    assert_int_not_equal(access("b", F_OK), 0);
    put_text("a", "");
    put_text("b", "x");
    assert_int_equal(compose("a", "b", "sub/sub/to"), 0);
    assert_true(has_text("sub/sub/to", "x"));
}

static void what_cannot_be(void **state)
{
    (void)state;
    put_text("a", "a");
    put_text("b", "b");
    assert_int_equal(mkdir("sub", 0755), 0);
    assert_int_equal(compose("a", "none", "to"), -1);
    assert_int_equal(e.status, STATUS_NOT_FOUND);
    assert_string_equal(e.text, "source file not found: none");
    assert_int_equal(compose("a", "sub", "to"), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_int_equal(compose("a", "b", "sub"), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_int_equal(link("a", "also"), 0);
    assert_int_equal(compose("b", "a", "also"), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_int_equal(compose("a", "b", "b/to"), -1);
    assert_int_not_equal(access("to", F_OK), 0);
    assert_true(has_text("a", "a") && has_text("b", "b"));
}

/* Kernels and file systems that cannot copy by themselves. */
static void by_hand(void **state)
{
    static const int errors[] = {EXDEV, ENOSYS, EOPNOTSUPP, EINVAL, EPERM};
    int status;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        put_text("a", "first ");
        put_text("b", "second");
        if (fork() == 0) {
            refuse_call(SYS_copy_file_range, errors[i]);
            if (compose("a", "b", "to") < 0 || !has_text("to", "first second"))
                _exit(1);
            put_text("a", "again");
            put_text("b", "");
            _exit(compose("a", "b", "to") == 0 && has_text("to", "again") ? 0 : 2);
        }
        wait(&status);
        assert_int_equal(status, 0);
    }
}

static void no_space(void **state)
{
    int status;

    (void)state;
    put_text("a", "a");
    put_text("b", "b");
    put_text("to", "old");
    if (fork() == 0) {
        refuse_call(SYS_copy_file_range, EDQUOT);
        _exit(compose("a", "b", "to") < 0 && e.errnum == ENOSPC &&
                      strcmp(e.text, "not enough disk space available") == 0
                  ? 0
                  : 1);
    }
    wait(&status);
    assert_int_equal(status, 0);
    assert_true(has_text("to", "old") && has_text("a", "a") && has_text("b", "b"));
    assert_int_equal(system("test $(ls -A | wc -l) = 3"), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(one_behind_the_other), T(what_cannot_be), T(by_hand), T(no_space)};

    return RUN(tests);
}
