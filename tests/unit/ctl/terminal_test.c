/* A terminal is as it was afterwards, whichever way guestctl ends: seen from the other side of a pty. */
#include "ctl/terminal.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "test.h"

static int master, slave;
static struct termios before;

static int setup(void **state)
{
    struct winsize size = {.ws_col = 91, .ws_row = 33};

    (void)state;
    if (openpty(&master, &slave, NULL, NULL, &size) < 0)
        return -1;
    return tcgetattr(slave, &before);
}

static int teardown(void **state)
{
    (void)state;
    close(master);
    close(slave);
    return 0;
}

static bool is_raw(void)
{
    struct termios now;

    tcgetattr(slave, &now);
    return !(now.c_lflag & (ICANON | ECHO | ISIG)) && !(now.c_oflag & OPOST) && !(now.c_iflag & ICRNL);
}

static bool is_as_before(void)
{
    struct termios now;

    tcgetattr(slave, &now);
    return now.c_iflag == before.c_iflag && now.c_oflag == before.c_oflag && now.c_cflag == before.c_cflag &&
           now.c_lflag == before.c_lflag && memcmp(now.c_cc, before.c_cc, sizeof now.c_cc) == 0;
}

/* A child whose standard input is the terminal makes it raw and ends so; returns its status. */
static int run_raw(void (*end)(void))
{
    const struct rlimit no_core = {0, 0};
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct err e;

        setrlimit(RLIMIT_CORE, &no_core);
        dup2(slave, STDIN_FILENO);
        if (terminal_raw(&e) < 0 || !is_raw())
            _exit(99);
        end();
        _exit(98);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void by_restore(void)
{
    terminal_restore();
    if (!is_as_before())
        _exit(97);
    terminal_restore(); /* the second time nothing happens */
    _exit(0);
}

static void by_exit(void)
{
    exit(3);
}

static void restore_gives_it_back(void **state)
{
    (void)state;
    assert_int_equal(run_raw(by_restore), 0);
    assert_true(is_as_before());
}

static void exit_gives_it_back(void **state)
{
    int status = run_raw(by_exit);

    (void)state;
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_true(is_as_before());
}

static int deadly;

static void by_signal(void)
{
    raise(deadly);
}

/* And the shell is still told which signal it was. */
static void a_signal_that_kills_gives_it_back(void **state)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGQUIT, SIGPIPE};

    (void)state;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        int status;

        deadly = signals[i];
        status = run_raw(by_signal);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != deadly)
            fail_msg("signal %d: status %x", deadly, (unsigned)status);
        assert_true(is_as_before());
    }
}

static void not_a_terminal_is_refused(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        struct err e;

        dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
        _exit(terminal_raw(&e) == -1 && e.status == STATUS_FAILED_PRECONDITION &&
                      strcmp(e.text, "standard input is not a terminal: inappropriate ioctl for device") == 0
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* The size of what terminal_size sees with these as standard input and output; "80x24" is what it assumes. */
static const char *size_with(int in, int out)
{
    static char text[32];
    int report[2];
    pid_t pid;
    ssize_t n;

    assert_int_equal(pipe(report), 0);
    pid = fork();
    if (pid == 0) {
        uint16_t cols, rows;

        dup2(in, STDIN_FILENO);
        dup2(out, STDOUT_FILENO);
        terminal_size(&cols, &rows);
        dprintf(report[1], "%ux%u", cols, rows);
        _exit(0);
    }
    close(report[1]);
    n = read(report[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    close(report[0]);
    waitpid(pid, NULL, 0);
    return text;
}

static void the_size_is_that_of_input_or_else_of_output(void **state)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)state;
    assert_string_equal(size_with(slave, null), "91x33");
    assert_string_equal(size_with(null, slave), "91x33");
    assert_string_equal(size_with(null, null), "80x24");
    close(null);
}

static void a_terminal_of_no_size_counts_as_none(void **state)
{
    struct winsize none = {.ws_col = 0};

    (void)state;
    assert_int_equal(ioctl(slave, TIOCSWINSZ, &none), 0);
    assert_string_equal(size_with(slave, slave), "80x24");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(restore_gives_it_back),
        T(exit_gives_it_back),
        T(a_signal_that_kills_gives_it_back),
        T(not_a_terminal_is_refused),
        T(the_size_is_that_of_input_or_else_of_output),
        T(a_terminal_of_no_size_counts_as_none),
    };

    return RUN(tests);
}
