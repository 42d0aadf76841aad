/* The end of the machine, as far as it can be tried without one. */
#include "init/child.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/reboot.h>

#include "core/base.h"

/* What is asked of the machine is written down, in memory that children share; files may be others. */
static struct {
    int reboots[4], reboot_count;
} * seen;
static const char *cmdline_file = "/proc/cmdline";

static int reboot_seen(int how)
{
    seen->reboots[seen->reboot_count++] = how;
    return 0;
}

static int open_seen(const char *path, int flags)
{
    return open(strcmp(path, "/proc/cmdline") == 0 ? cmdline_file : path, flags);
}

#define reboot(how)       reboot_seen(how)
#define open(path, flags) open_seen(path, flags)

#include "init/end.c"

#undef reboot
#undef open

static int setup(void **state)
{
    (void)state;
    seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return seen == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    return munmap(seen, 4096);
}

static void firecracker_is_ended_by_a_reboot(void **state)
{
    static const struct {
        const char *line;
        bool reboot;
    } cases[] = {
        {"console=ttyS0 reboot=k panic=1 pci=off\n", true},
        {"reboot=k\n", true},
        {"reboot=k", true},
        {"quiet reboot=k", true},
        {"", false},
        {"reboot=kexec\n", false},
        {"reboot=t\n", false},
        {"noreboot=k\n", false},
        {"noreboot=k reboot=k\n", true},
        {"reboot=\n", false},
    };
    char path[] = "/tmp/guestd-cmdline-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    cmdline_file = path;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, cases[i].line, strlen(cases[i].line), 0), strlen(cases[i].line));
        if (wants_reboot() != cases[i].reboot)
            fail_msg("'%s'", cases[i].line);
    }
    close(fd);
    unlink(path);
    assert_false(wants_reboot()); /* no /proc: the machine is switched off */
    cmdline_file = "/proc/cmdline";
}

static enum end asked;

static int to_the_end(void)
{
    end_machine(asked);
}

static void each_end_has_its_command(void **state)
{
    static const int commands[] = {
        [END_POWER_OFF] = RB_POWER_OFF, [END_REBOOT] = RB_AUTOBOOT, [END_HALT] = RB_HALT_SYSTEM};

    (void)state;
    cmdline_file = "/dev/null";
    for (asked = END_POWER_OFF; asked <= END_HALT; asked++) {
        seen->reboot_count = 0;
        assert_int_equal(in_child(to_the_end), 0);
        assert_int_equal(seen->reboot_count, 1);
        assert_int_equal(seen->reboots[0], commands[asked]);
    }
    assert_string_equal(end_name(END_HALT), "halt");
}

/* As systemd(1) maps them. */
static void signals_ask_for_an_end(void **state)
{
    const struct {
        int signo;
        enum end how;
        bool at_once;
    } cases[] = {
        {SIGTERM, END_POWER_OFF, false},      {SIGPWR, END_POWER_OFF, false},
        {SIGUSR2, END_POWER_OFF, false},      {SIGINT, END_REBOOT, false},
        {SIGUSR1, END_HALT, false},           {SIGRTMIN + 3, END_HALT, false},
        {SIGRTMIN + 4, END_POWER_OFF, false}, {SIGRTMIN + 5, END_REBOOT, false},
        {SIGRTMIN + 13, END_HALT, true},      {SIGRTMIN + 14, END_POWER_OFF, true},
        {SIGRTMIN + 15, END_REBOOT, true},
    };
    const int others[] = {SIGHUP,       SIGCHLD,       SIGRTMIN,     SIGRTMIN + 2,
                          SIGRTMIN + 6, SIGRTMIN + 12, SIGRTMIN + 16};
    sigset_t set;
    enum end how;
    bool at_once;

    (void)state;
    sigemptyset(&set);
    end_signals(&set);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(end_of_signal(cases[i].signo, &how, &at_once));
        assert_int_equal(how, cases[i].how);
        assert_int_equal(at_once, cases[i].at_once);
        assert_true(sigismember(&set, cases[i].signo));
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_false(end_of_signal(others[i], &how, &at_once));
        assert_false(sigismember(&set, others[i]));
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(firecracker_is_ended_by_a_reboot),
        T(each_end_has_its_command),
        T(signals_ask_for_an_end),
    };

    return RUN(tests);
}
