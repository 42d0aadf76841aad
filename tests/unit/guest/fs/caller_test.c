#include "guest/fs/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static struct settings settings;

static void whose_home(void **state)
{
    struct users_stamps now;
    struct fs_caller c;
    struct user *u;
    struct err e;
    char *path;

    (void)state;
    assert_int_equal(fs_caller_init(&c, NULL, settings.env, false), 0);
    assert_true(users_stamps_cached(&now));
    assert_null(fs_caller_cached(&c, &now));
    u = fs_caller_user(&c, &e);
    assert_non_null(u);
    assert_string_equal(u->name, "root");
    free(u);
    u = fs_caller_cached(&c, &now); /* found before */
    assert_string_equal(u->name, "root");
    path = fs_caller_path(&c, u, "~/a/../b", &e);
    assert_string_equal(path, "/root/b");
    free(path);
    free(u);
    fs_caller_clear(&c);
}

static void nobody_of_that_name(void **state)
{
    struct fs_caller c;
    struct err e;

    (void)state;
    assert_int_equal(fs_caller_init(&c, "no-such-user", settings.env, false), 0);
    assert_null(fs_caller_user(&c, &e));
    assert_int_equal(e.status, STATUS_UNAUTHENTICATED);
    assert_string_equal(e.text, "invalid username: 'no-such-user'");
    fs_caller_clear(&c);
    assert_int_equal(settings_set_defaults(&settings, "no-such-user", NULL, &e), 0);
    assert_int_equal(fs_caller_init(&c, NULL, settings.env, false), 0);
    assert_null(fs_caller_user(&c, &e));
    assert_string_equal(e.text, "invalid default user: 'no-such-user'");
    fs_caller_clear(&c);
    assert_int_equal(settings_set_defaults(&settings, "root", NULL, &e), 0);
}

/* The kernel refuses what the user may not do, and only as long as we act for the user. */
static void the_kernel_decides(void **state)
{
    char dir[] = "/tmp/guestd-caller-XXXXXX", file[64];
    struct fs_caller c;
    struct user *u;
    struct err e;
    int fd;

    (void)state;
    assert_non_null(mkdtemp(dir)); /* 0700 */
    snprintf(file, sizeof file, "%s/f", dir);
    close(open(file, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(fs_caller_init(&c, "nobody", settings.env, true), 0);
    u = fs_caller_user(&c, &e);
    assert_non_null(u);
    assert_int_equal(fs_caller_enter(&c, u, &e), 0);
    assert_int_equal(open(file, O_RDONLY), -1);
    assert_int_equal(errno, EACCES);
    fs_caller_leave(&c);
    fd = open(file, O_RDONLY);
    assert_true(fd >= 0);
    close(fd);
    free(u);
    fs_caller_clear(&c);
    unlink(file);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whose_home),
        cmocka_unit_test(nobody_of_that_name),
        cmocka_unit_test(the_kernel_decides),
    };
    struct err e;
    int ret;

    if (settings_init(&settings, "root", &e) < 0)
        return 1;
    ret = RUN(tests);
    settings_destroy(&settings);
    return ret;
}
