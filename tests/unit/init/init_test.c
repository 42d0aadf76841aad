/* What PID 1 does, as far as another process can do it: with mounts, descriptors and a command line of its own,
 * and without a machine that ends. */
#include "test.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <linux/magic.h>

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
    return open(strcmp(path, "/proc/cmdline") == 0  ? cmdline_file
                : strcmp(path, "/dev/console") == 0 ? "/dev/full" /* a device that every machine has */
                                                    : path,
                flags);
}

#define reboot(how)       reboot_seen(how)
#define sync()            sync_seen()
#define open(path, flags) open_seen(path, flags)

#include "init/init.c"

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

/* Runs fn in a child; returns its exit code. */
static int in_child(int (*fn)(void))
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0)
        _exit(fn());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- descriptors ----------------------------------------------------------------------------- */

static bool is_console(int fd)
{
    struct stat st, console;

    return fstat(fd, &st) == 0 && stat("/dev/full", &console) == 0 && st.st_rdev == console.st_rdev;
}

/* The kernel gave none: as in a machine whose initramfs has no /dev/console. */
static int without_descriptors(void)
{
    for (int fd = 0; fd < 64; fd++)
        close(fd);
    init_early();
    for (int fd = 0; fd < 3; fd++)
        if (!is_console(fd))
            return 1 + fd;
    return fcntl(3, F_GETFD) < 0 ? 0 : 9; /* and no more than that */
}

/* Some are there, but not the last: 2 is what the log needs. */
static int with_a_gap(void)
{
    close(2);
    init_early();
    return is_console(0) && is_console(1) && is_console(2) ? 0 : 1;
}

static int with_all(void)
{
    init_early();
    return is_console(0) || is_console(1) || is_console(2) ? 1 : 0;
}

static void descriptors_lead_to_the_console_when_there_are_none(void **state)
{
    (void)state;
    assert_int_equal(in_child(without_descriptors), 0);
    assert_int_equal(in_child(with_a_gap), 0);
}

static void descriptors_that_are_there_stay(void **state)
{
    (void)state;
    assert_int_equal(in_child(with_all), 0);
}

/* --- mounts ---------------------------------------------------------------------------------- */

static bool is_mounted(const char *path, long magic)
{
    struct statfs fs;

    return statfs(path, &fs) == 0 && fs.f_type == magic;
}

/* In a root of its own with nothing in it. */
static int boot_in_an_empty_root(void)
{
    char root[] = "/tmp/guestd-root-XXXXXX";
    int before, says[2];

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(root) ||
        mount("tmpfs", root, "tmpfs", 0, NULL) < 0)
        return 90;
    before = open("/", O_PATH | O_DIRECTORY);
    if (chroot(root) < 0 || chdir("/") < 0)
        return 91;
    if (pipe2(says, O_NONBLOCK) < 0)
        return 93;
    dup2(says[1], STDERR_FILENO);
    init_boot();
    init_boot(); /* all are there already */
    if (read(says[0], &(char){0}, 1) > 0)
        return 4;
    if (!is_mounted("/proc", PROC_SUPER_MAGIC) || !is_mounted("/sys", SYSFS_MAGIC) ||
        !is_mounted("/dev/pts", DEVPTS_SUPER_MAGIC) || !is_mounted("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC))
        return 1;
    if (access("/dev/null", F_OK) < 0)
        return 2;
    if (seen->reboots[0] != RB_DISABLE_CAD)
        return 3;
    if (fchdir(before) < 0 || chroot(".") < 0 || umount2(root, MNT_DETACH) < 0 || rmdir(root) < 0)
        return 92;
    return 0;
}

static void an_empty_root_gets_what_a_machine_needs(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return; /* mounts are root's */
    assert_int_equal(in_child(boot_in_an_empty_root), 0);
}

/* A root where nothing can be mounted: PID 1 must go on, and say so. */
static int boot_without_a_way(void)
{
    int fd[2];
    char text[2048] = "";

    if (pipe(fd) < 0 || unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        chroot("/proc/self/fdinfo") < 0 || chdir("/") < 0)
        return 90;
    dup2(fd[1], STDERR_FILENO);
    init_boot();
    if (read(fd[0], text, sizeof text - 1) <= 0)
        return 1;
    return strstr(text, "guestd: mount proc on /proc: no such file or directory\n") == text ? 0 : 2;
}

static void a_mount_that_fails_is_a_line_and_no_end(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return; /* mounts are root's */
    assert_int_equal(in_child(boot_without_a_way), 0);
}

/* --- the end of the machine ------------------------------------------------------------------ */

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

static int end(void)
{
    cmdline_file = "/dev/null";
    init_power_off();
}

static void what_is_written_is_kept_before_the_end(void **state)
{
    (void)state;
    assert_int_equal(in_child(end), 0);
    assert_int_equal(seen->syncs, 1);
    assert_int_equal(seen->reboot_count, 1);
    assert_int_equal(seen->reboots[0], RB_POWER_OFF);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(descriptors_lead_to_the_console_when_there_are_none),
        T(descriptors_that_are_there_stay),
        T(an_empty_root_gets_what_a_machine_needs),
        T(a_mount_that_fails_is_a_line_and_no_end),
        T(firecracker_is_ended_by_a_reboot),
        T(what_is_written_is_kept_before_the_end),
    };

    return RUN(tests);
}
