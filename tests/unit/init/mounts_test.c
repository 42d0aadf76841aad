/* Mounts, in a root of its own. */
#include "init/child.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "init/mounts.h"

static bool is_mounted(const char *path, long magic)
{
    struct statfs fs;

    return statfs(path, &fs) == 0 && fs.f_type == magic;
}

/* In a root of its own with nothing in it. */
static int boot_in_an_empty_root(void)
{
    char root[] = "/tmp/guestd-root-XXXXXX";
    struct boot b;
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
    boot_begin(&b);
    mounts_early(&b);
    mounts_early(&b); /* all are there already */
    if (b.problem_count > 0)
        return 3;
    if (read(says[0], &(char){0}, 1) > 0)
        return 4;
    if (!is_mounted("/proc", PROC_SUPER_MAGIC) || !is_mounted("/sys", SYSFS_MAGIC) ||
        !is_mounted("/dev/pts", DEVPTS_SUPER_MAGIC) || !is_mounted("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC))
        return 1;
    if (access("/dev/null", F_OK) < 0)
        return 2;
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
    struct boot b;
    int fd[2];
    char text[2048] = "";

    if (pipe(fd) < 0 || unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        chroot("/proc/self/fdinfo") < 0 || chdir("/") < 0)
        return 90;
    dup2(fd[1], STDERR_FILENO);
    boot_begin(&b);
    mounts_early(&b);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_root_gets_what_a_machine_needs),
        cmocka_unit_test(a_mount_that_fails_is_a_line_and_no_end),
    };

    return RUN(tests);
}
