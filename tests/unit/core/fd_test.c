#include "test.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "core/fd.h"
#include "refuse.h"

static char dir[] = "/tmp/guestd-fd-test-XXXXXX";

static void put(const char *name, const char *text)
{
    CLEANUP_FD int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    CLEANUP_FD int fd = openat(at, name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void a_file_is_read_and_ended(void **state)
{
    CLEANUP_FD int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char text[8];

    (void)state;
    put("short", "abc");
    assert_int_equal(fd_read_file(at, "short", text, sizeof text), 3);
    assert_string_equal(text, "abc");
    put("short", "");
    assert_int_equal(fd_read_file(at, "short", text, sizeof text), 0);
    assert_string_equal(text, "");
}

static void what_does_not_fit_is_left(void **state)
{
    CLEANUP_FD int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char text[8];

    (void)state;
    put("long", "0123456789");
    assert_int_equal(fd_read_file(at, "long", text, sizeof text), 7);
    assert_string_equal(text, "0123456");
}

/* A path of its own needs no directory; what cannot be read is said, and leaves an empty text. */
static void what_cannot_be_read_is_an_error(void **state)
{
    char text[8] = "before";

    (void)state;
    assert_int_equal(fd_read_file(AT_FDCWD, "/no/such/file", text, sizeof text), -1);
    assert_int_equal(errno, ENOENT);
    assert_string_equal(text, "");
    assert_int_equal(fd_read_file(AT_FDCWD, dir, text, sizeof text), -1);
    assert_int_equal(errno, EISDIR);
    assert_int_equal(fd_read_file(AT_FDCWD, "/proc/self/comm", text, sizeof text), 7);
}

/* More than a pipe takes at once goes in pieces; what cannot be written to is an error. */
static void all_is_written(void **state)
{
    static char data[300000], back[sizeof data];
    int pipes[2], status;
    size_t n = 0;
    pid_t pid;

    (void)state;
    memset(data, 'x', sizeof data);
    assert_int_equal(pipe(pipes), 0);
    pid = fork();
    if (pid == 0)
        _exit(fd_write_all(pipes[1], data, sizeof data) == 0 ? 0 : 1);
    close(pipes[1]);
    for (ssize_t got; (got = read(pipes[0], back + n, sizeof back - n)) > 0;)
        n += (size_t)got;
    assert_int_equal(n, sizeof data);
    assert_memory_equal(back, data, sizeof data);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(pipes[0]);
    assert_int_equal(fd_write_all(-1, "x", 1), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(fd_write_all(-1, NULL, 0), 0);
}

static void a_file_of_the_kernel_is_written_in_one_piece(void **state)
{
    CLEANUP_FD int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char text[8];

    (void)state;
    put("short", "abc");
    assert_int_equal(fd_write_file(at, "short", "xy"), 0);
    assert_int_equal(fd_read_file(at, "short", text, sizeof text), 3);
    assert_string_equal(text, "xyc"); /* not cut off first: such files have no length */
    assert_int_equal(fd_write_file(at, "none", "x"), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(fd_write_file(AT_FDCWD, "/dev/full", "x"), -1);
    assert_int_equal(errno, ENOSPC);
}

/* --- what a program inherits ----------------------------------------------------------------- */

static bool without_proc;

/* 40 stays open at exec, 41 and 700 do not. */
static int close_at_exec(void)
{
    struct rlimit most = {1024, 1024};

    setrlimit(RLIMIT_NOFILE, &most);
    if (dup2(0, 40) < 0 || dup2(0, 41) < 0 || dup2(0, 700) < 0 || (without_proc && chroot(dir) < 0))
        return 90;
    fd_cloexec_from(41);
    return fcntl(40, F_GETFD) == 0 && fcntl(41, F_GETFD) == FD_CLOEXEC && fcntl(700, F_GETFD) == FD_CLOEXEC
               ? 0
               : 1;
}

static void descriptors_close_at_exec(void **state)
{
    (void)state;
    assert_int_equal(with_refused(SYS_close_range, 0, close_at_exec), 0);
    assert_int_equal(with_refused(SYS_close_range, ENOSYS, close_at_exec), 0);
    assert_int_equal(with_refused(SYS_close_range, EINVAL, close_at_exec), 0); /* Linux 5.9 and 5.10 */
    without_proc = true;
    assert_int_equal(with_refused(SYS_close_range, ENOSYS, close_at_exec), 0);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    CLEANUP_FD int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

    (void)state;
    unlinkat(at, "short", 0);
    unlinkat(at, "long", 0);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_and_ended),
        cmocka_unit_test(what_does_not_fit_is_left),
        cmocka_unit_test(what_cannot_be_read_is_an_error),
        cmocka_unit_test(all_is_written),
        cmocka_unit_test(a_file_of_the_kernel_is_written_in_one_piece),
        cmocka_unit_test(descriptors_close_at_exec),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
