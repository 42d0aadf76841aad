/* A crash: the line that is told, and who ends by it. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fd.h"

static struct {
    int reboots;
} * seen;
static bool is_first;
static char panic_file[] = "/tmp/guestd-panic-XXXXXX";

static int reboot_seen(void)
{
    seen->reboots++;
    return 0;
}

static int open_seen(const char *path, int flags)
{
    assert_string_equal(path, "/proc/sys/kernel/panic");
    return open(panic_file, flags);
}

#define syscall(number)   (is_first ? 1 : getpid())
#define reboot(how)       reboot_seen()
#define open(path, flags) open_seen(path, flags)

#include "init/crash.c"

#undef syscall
#undef reboot
#undef open

static int setup(void **state)
{
    (void)state;
    seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    close(mkstemp(panic_file));
    return seen == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(panic_file);
    strcpy(panic_file, "/tmp/guestd-panic-XXXXXX");
    return munmap(seen, 4096);
}

/* Runs fn in a child with the handlers; what it said, and its wait status. */
static int crash(void (*fn)(void), char text[512])
{
    int says[2], status;
    ssize_t n, len = 0;
    pid_t pid;

    assert_int_equal(pipe(says), 0);
    pid = fork();
    if (pid == 0) {
        dup2(says[1], STDERR_FILENO);
        close(says[0]);
        close(says[1]);
        ours = is_first;
        crash_catch();
        fn();
        _exit(0);
    }
    close(says[1]);
    while ((n = read(says[0], text + len, 511 - (size_t)len)) > 0)
        len += n;
    text[len] = 0;
    close(says[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static volatile int *volatile nowhere = (int *)0x10;

__attribute__((no_sanitize("address", "undefined"))) static void fault(void)
{
    *nowhere = 1;
}

static void is_told_to(void)
{
    kill(getpid(), SIGABRT);
}

static void a_fault_is_told_and_ends_the_machine(void **state)
{
    char text[512];
    int status;
    unsigned long ip = 0;

    (void)state;
    is_first = true;
    status = crash(fault, text);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGSEGV);
    assert_int_equal(seen->reboots, 1);
    if (sscanf(text, "guestd: crash: SIGSEGV at 0x10, ip guestd+0x%lx, build id ", &ip) != 1)
        fail_msg("%s", text);
    assert_in_range(ip, (uintptr_t)fault - image_moved_by(), (uintptr_t)fault - image_moved_by() + 256);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

static void a_signal_from_somebody_is_told(void **state)
{
    char text[512];

    (void)state;
    is_first = true;
    assert_int_equal(WEXITSTATUS(crash(is_told_to, text)), 128 + SIGABRT);
    assert_non_null(strstr(text, "guestd: crash: SIGABRT from pid "));
}

/* Between clone and execve a child is not us. */
static void a_child_ends_as_if_there_were_no_handler(void **state)
{
    char text[512];

    (void)state;
    is_first = false;
    assert_int_equal(WTERMSIG(crash(fault, text)), SIGSEGV);
    assert_int_equal(WTERMSIG(crash(is_told_to, text)), SIGABRT);
    assert_string_equal(text, "");
    assert_int_equal(seen->reboots, 0);
}

static void a_panic_restarts_the_machine(void **state)
{
    static const char *const cases[][2] = {{"0\n", "1\n"}, {"5\n", "5\n"}, {"-1\n", "-1\n"}};
    struct boot b = {.problem_count = 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[16] = "";
        int fd = open(panic_file, O_RDWR | O_TRUNC);

        assert_true(write(fd, cases[i][0], strlen(cases[i][0])) > 0);
        crash_let_panic_restart(false, &b); /* another's machine */
        assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
        assert_string_equal(text, cases[i][0]);
        crash_let_panic_restart(true, &b);
        assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
        assert_string_equal(text, cases[i][1]);
        close(fd);
    }
    assert_int_equal(b.problem_count, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_fault_is_told_and_ends_the_machine),
        T(a_signal_from_somebody_is_told),
        T(a_child_ends_as_if_there_were_no_handler),
        T(a_panic_restarts_the_machine),
    };

    return RUN(tests);
}
