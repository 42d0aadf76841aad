/* What the table says of the machine that the test runs on, and of a root with nothing in it. */
#include "init/child.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "guest/check.c"

static const struct check *find(const char *what)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (strcmp(table[i].what, what) == 0)
            return &table[i];
    fail_msg("%s is not in the table", what);
    return NULL;
}

static enum check_state look(const char *what)
{
    const struct check *c = find(what);
    char found[CHECK_FOUND_MAX] = "";

    return c->look(c->arg, found);
}

static void each_row_says_what_a_lack_costs(void **state)
{
    size_t count;
    const struct check *rows = check_table(&count);

    (void)state;
    assert_true(count > 20);
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(rows[i].what) <= 18 && strlen(rows[i].cost) > 10);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(rows[i].what, rows[k].what);
    }
}

/* Whoever does without a call says what that costs. */
static void each_newer_call_has_a_row(void **state)
{
    (void)state;
    for (enum kernel_call c = 0; c < KERNEL_CALLS; c++) {
        unsigned rows = 0;

        for (size_t i = 0; i < ARRAY_LEN(table); i++)
            rows += table[i].look == look_call && strcmp(table[i].arg, kernel_name(c)) == 0;
        assert_int_equal(rows, 1);
    }
}

static void what_a_test_machine_has_is_found(void **state)
{
    (void)state;
    assert_int_equal(look("event descriptors"), CHECK_HAS);
    assert_int_equal(look("/proc"), CHECK_HAS);
    assert_int_equal(look("/dev/null"), CHECK_HAS);
    assert_int_equal(look("inotify"), CHECK_HAS);
    assert_int_equal(look("clone3"), CHECK_HAS);
    assert_int_equal(look("openat2"), CHECK_HAS);
    for (enum kernel_call c = 0; c < KERNEL_CALLS; c++)
        assert_int_equal(look_call(kernel_name(c), (char[CHECK_FOUND_MAX]){0}), CHECK_HAS);
    assert_int_equal(look("tmpfs"), CHECK_HAS);
    assert_int_equal(look("sh"), CHECK_HAS);
}

static void a_look_leaves_no_descriptor(void **state)
{
    int before = dup(0), after;

    (void)state;
    close(before);
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        look(table[i].what);
    after = dup(0);
    close(after);
    assert_int_equal(after, before);
}

static void words_are_whole(void **state)
{
    (void)state;
    assert_true(has_word("cpuset cpu io", "cpu"));
    assert_true(has_word("cpu", "cpu"));
    assert_false(has_word("cpuset", "cpu"));
    assert_false(has_word("mycpu", "cpu"));
    assert_false(has_word("", "cpu"));
}

static void what_may_not_be_looked_at_is_not_called_missing(void **state)
{
    char found[CHECK_FOUND_MAX] = "";

    (void)state;
    errno = EACCES;
    assert_int_equal(failed(found), CHECK_HIDDEN);
    assert_string_equal(found, "permission denied");
    errno = ENOENT;
    assert_int_equal(failed(found), CHECK_LACKS);
}

static void a_driver_without_its_device_is_a_lack(void **state)
{
    char found[CHECK_FOUND_MAX] = "";

    (void)state;
    assert_int_equal(look_driver("no-such-driver", found), CHECK_LACKS);
    assert_string_equal(found, "no device");
}

/* The kernel is as outside, the image has nothing. */
static int check_in_an_empty_root(void)
{
    char root[] = "/tmp/guestd-check-XXXXXX", *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int before = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    unsigned lacking;

    if (!out || !mkdtemp(root) || chroot(root) < 0 || chdir("/") < 0)
        return 90;
    lacking = check_print(out);
    fclose(out);
    if (fchdir(before) < 0 || chroot(".") < 0 || rmdir(root) < 0) /* it left nothing there */
        return 91;
    if (lacking < 4 || !strstr(text, "/dev/null           MISSING  needed  no such file or directory"))
        return 1;
    if (!strstr(text, "no process starts (CONFIG_DEVTMPFS)\n") ||
        !strstr(text, "\ngit                 missing  wanted"))
        return 2;
    if (!strstr(text, "event descriptors   ok       needed"))
        return 3;
    free(text);
    return 0;
}

static void an_empty_root_lacks_nearly_everything(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return; /* chroot is root's */
    assert_int_equal(in_child(check_in_an_empty_root), 0);
}

/* A kernel that lacks a call, or forbids it. */
static const struct {
    const char *what;
    int call, error;
    enum check_state state;
} kernels[] = {
    {"vsock", SYS_socket, EAFNOSUPPORT, CHECK_LACKS},
    {"event descriptors", SYS_eventfd2, ENOSYS, CHECK_LACKS},
    {"event descriptors", SYS_timerfd_create, ENOSYS, CHECK_LACKS},
    {"event descriptors", SYS_signalfd4, ENOSYS, CHECK_LACKS},
    {"inotify", SYS_inotify_init1, ENOSYS, CHECK_LACKS},
    {"clone3", SYS_clone3, ENOSYS, CHECK_LACKS},
    {"clone3", SYS_clone3, EPERM, CHECK_LACKS}, /* a filter's */
    {"close_range", SYS_close_range, ENOSYS, CHECK_LACKS},
    {"cloexec range", SYS_close_range, EINVAL, CHECK_LACKS},
    {"statx", SYS_statx, EPERM, CHECK_LACKS},
    {"preadv2", SYS_preadv2, ENOSYS, CHECK_LACKS},
    {"copy_file_range", SYS_copy_file_range, EPERM, CHECK_LACKS},
    {"MADV_COLLAPSE", SYS_madvise, EINVAL, CHECK_LACKS},
    {"openat2", SYS_openat2, ENOSYS, CHECK_LACKS},
    {"openat2", SYS_openat2, EINVAL, CHECK_LACKS},
    {"/proc", SYS_statfs, ENOENT, CHECK_LACKS},
    {"cgroup2", SYS_statfs, EACCES, CHECK_HIDDEN},
    {"terminals", SYS_openat, ENOENT, CHECK_LACKS},
    {"terminals", SYS_openat, EACCES, CHECK_HIDDEN},
    {"vsock device", SYS_openat, ENOENT, CHECK_LACKS},
    {"O_TMPFILE of /tmp", SYS_openat, EOPNOTSUPP, CHECK_LACKS},
    {"O_TMPFILE of /tmp", SYS_openat, EROFS, CHECK_HIDDEN},
    {"cgroup cpu", SYS_openat, ENOENT, CHECK_LACKS},
    {"hardware random", SYS_openat, ENOENT, CHECK_LACKS},
    {"tmpfs", SYS_openat, ENOENT, CHECK_HAS}, /* fsopen knows it, as root */
};

static size_t kernel;

static int check_with_a_failing_call(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)kernels[kernel].call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)kernels[kernel].error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {ARRAY_LEN(code), code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        return 90;
    return look(kernels[kernel].what) == kernels[kernel].state ? 0 : 1;
}

static void a_call_that_fails_is_a_lack(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return; /* fsopen is root's */
    for (kernel = 0; kernel < ARRAY_LEN(kernels); kernel++)
        if (in_child(check_with_a_failing_call) != 0)
            fail_msg("%s: %s", kernels[kernel].what, errno_text(kernels[kernel].error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_says_what_a_lack_costs),
        cmocka_unit_test(each_newer_call_has_a_row),
        cmocka_unit_test(what_a_test_machine_has_is_found),
        cmocka_unit_test(a_look_leaves_no_descriptor),
        cmocka_unit_test(words_are_whole),
        cmocka_unit_test(what_may_not_be_looked_at_is_not_called_missing),
        cmocka_unit_test(a_driver_without_its_device_is_a_lack),
        cmocka_unit_test(a_call_that_fails_is_a_lack),
        cmocka_unit_test(an_empty_root_lacks_nearly_everything),
    };

    return RUN(tests);
}
