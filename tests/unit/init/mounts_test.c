/* Mounts, in a root of its own. */
#include "init/small_root.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "refuse.h"

static bool no_devtmpfs;

static int mount_seen(const char *source, const char *target, const char *type, unsigned long flags,
                      const void *data)
{
    if (no_devtmpfs && type && strcmp(type, "devtmpfs") == 0) {
        errno = ENODEV;
        return -1;
    }
    return mount(source, target, type, flags, data);
}

#define mount(source, target, type, flags, data) mount_seen(source, target, type, flags, data)
#include "init/mounts.c"
#undef mount

static mode_t mode_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static unsigned count_mounts(void)
{
    FILE *f = fopen("/proc/self/mounts", "r");
    unsigned n = 0;

    for (int ch; (ch = fgetc(f)) != EOF;)
        n += ch == '\n';
    fclose(f);
    return n;
}

static int boot_in_an_empty_root(void)
{
    struct config c;
    struct boot b;
    unsigned n;

    if (!enter_small_root())
        return 90;
    umask(022);
    config_init(&c);
    boot_begin(&b);
    mounts_early(&b);
    mounts_links(&b);
    mounts_tmp(&c, &b);
    n = count_mounts();
    mounts_early(&b); /* all are there already */
    mounts_links(&b);
    mounts_tmp(&c, &b);
    if (b.problem_count > 0 || count_mounts() > n)
        return 1;
    if (type_at("/proc") != PROC_SUPER_MAGIC || type_at("/sys") != SYSFS_MAGIC ||
        type_at("/dev/pts") != DEVPTS_SUPER_MAGIC || type_at("/sys/fs/cgroup") != CGROUP2_SUPER_MAGIC ||
        type_at("/dev/shm") != TMPFS_MAGIC || !mounts_is_point("/run") || !mounts_is_point("/tmp"))
        return 2;
    if (mode_of("/run") != 0755 || mode_of("/tmp") != 01777 || mode_of("/dev/shm") != 01777)
        return 3;
    return exists("/dev/null") && exists("/dev/fd") && exists("/dev/stderr") ? 0 : 4;
}

static int statx_errno;

/* Without statx(2) a mount is known by its device, and nothing is mounted twice either. */
static int boot_without_statx(void)
{
    refuse_call(SYS_statx, statx_errno);
    return boot_in_an_empty_root();
}

static int what_a_mount_is_by_device(void)
{
    if (!enter_small_root())
        return 90;
    refuse_call(SYS_statx, statx_errno);
    if (!mounts_is_point("/") || mounts_is_point("/none") || mkdir("/d", 0755) < 0 || mounts_is_point("/d"))
        return 1;
    return mount("none", "/d", "tmpfs", 0, NULL) == 0 && mounts_is_point("/d") ? 0 : 2;
}

static void a_kernel_without_statx(void **state)
{
    static const int errors[] = {0, ENOSYS, EPERM};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        statx_errno = errors[i];
        in_small_root(boot_without_statx);
        in_small_root(what_a_mount_is_by_device);
    }
}

/* What the configuration mounts on /tmp, or leaves there, is not covered. */
static int tmp_is_the_configurations(void)
{
    struct config c;
    struct boot b;

    if (!enter_small_root())
        return 90;
    boot_begin(&b);
    config_init(&c);
    config_take_text(&c, "f", BYTES_LIT("mount /tmp /tmp none bind\n"));
    mounts_tmp(&c, &b);
    config_clear(&c);
    return mounts_is_point("/tmp") ? 1 : 0;
}

static int boot_without_devtmpfs(void)
{
    struct stat st;
    struct boot b;

    if (!enter_small_root())
        return 90;
    umask(022);
    no_devtmpfs = mkdir("/dev", 0755) == 0;
    boot_begin(&b);
    mounts_early(&b);
    mounts_early(&b);
    mounts_links(&b);
    if (b.problem_count > 0 || type_at("/dev") != TMPFS_MAGIC)
        return 1;
    if (stat("/dev/ptmx", &st) < 0 || st.st_rdev != makedev(5, 2) || st.st_mode != (S_IFCHR | 0666))
        return 2;
    if (stat("/dev/console", &st) < 0 || st.st_mode != (S_IFCHR | 0600))
        return 3;
    return open("/dev/urandom", O_RDONLY) >= 0 && exists("/dev/shm") && exists("/dev/fd") ? 0 : 4;
}

static void an_empty_root_gets_what_a_machine_needs(void **state)
{
    (void)state;
    in_small_root(boot_in_an_empty_root);
    in_small_root(tmp_is_the_configurations);
}

static void a_kernel_without_devtmpfs_has_devices(void **state)
{
    (void)state;
    in_small_root(boot_without_devtmpfs);
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
        cmocka_unit_test(a_kernel_without_devtmpfs_has_devices),
        cmocka_unit_test(a_kernel_without_statx),
        cmocka_unit_test(a_mount_that_fails_is_a_line_and_no_end),
    };

    return RUN(tests);
}
