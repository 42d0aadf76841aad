/* The end of the machine, as far as it can be tried without one. */
#include "init/child.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/reboot.h>

#include "core/base.h"

/* What is asked of the machine is written down, in memory that children share; files may be others. */
static struct {
    int reboots[4], reboot_count, syncs;
} * seen;
static const char *cmdline_file = "/proc/cmdline";

static int reboot_seen(int how)
{
    seen->reboots[seen->reboot_count++] = how;
    return 0;
}

static void sync_seen(void)
{
    seen->syncs += seen->reboot_count == 0; /* before it is too late */
}

static int open_seen(const char *path, int flags)
{
    return open(strcmp(path, "/proc/cmdline") == 0 ? cmdline_file : path, flags);
}

#define reboot(how)       reboot_seen(how)
#define sync()            sync_seen()
#define open(path, flags) open_seen(path, flags)

#include "init/end.c"

#undef reboot
#undef sync
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

static int to_the_end(void)
{
    cmdline_file = "/dev/null";
    end_machine();
}

static void what_is_written_is_kept_before_the_end(void **state)
{
    (void)state;
    assert_int_equal(in_child(to_the_end), 0);
    assert_int_equal(seen->syncs, 1);
    assert_int_equal(seen->reboot_count, 1);
    assert_int_equal(seen->reboots[0], RB_POWER_OFF);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(firecracker_is_ended_by_a_reboot),
        T(what_is_written_is_kept_before_the_end),
    };

    return RUN(tests);
}
