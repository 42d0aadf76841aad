/* PID 1 becomes another program, and we a service: both in children of the test. */
#include "init/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <sys/reboot.h>

#define reboot(how)       ((void)(how))
#define mkdir(path, mode) (errno = EROFS, -1)

#include "init/handoff.c"

#undef reboot
#undef mkdir

static int report[2]; /* who goes on says so */

static void say(const char *what)
{
    (void)!write(report[1], what, strlen(what));
}

/* "PID 1": a child of the test. */
static int first(char *program)
{
    struct boot b = {.problem_count = 0};
    char *argv[] = {program, "-c", "exit 7", NULL};
    pid_t before = getpid();

    if (!freopen("/dev/null", "w", stderr))
        return 99;
    handoff_to(argv, &b);
    if (getpid() == before)
        say(b.problem_count == 1 ? b.problems[0] : "no problem?");
    else
        say(getsid(0) == getpid() && b.problem_count == 0 ? "service" : "no service");
    return 3;
}

static int to_a_program(void)
{
    return first("/bin/sh");
}

static int to_nothing(void)
{
    return first("/no/such");
}

static const char *said(void)
{
    static char text[256];
    ssize_t n;

    close(report[1]);
    n = read(report[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    close(report[0]);
    return text;
}

static void the_program_has_our_pid_and_we_go_on(void **state)
{
    (void)state;
    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    assert_int_equal(in_child(to_a_program), 7);
    assert_string_equal(said(), "service");
}

static void without_a_program_nothing_changes(void **state)
{
    (void)state;
    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    assert_int_equal(in_child(to_nothing), 3);
    assert_string_equal(said(), "handoff to '/no/such': no such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_program_has_our_pid_and_we_go_on),
        cmocka_unit_test(without_a_program_nothing_changes),
    };

    return RUN(tests);
}
