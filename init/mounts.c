#include "init/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/kernel.h"

enum {
    STACKS =
        1, /* a second one would be mounted over the first: ask before. Others are the same one, and that is EBUSY */
    MAKE = 2,     /* on a file system that was empty before: make the directory first */
    OPTIONAL = 4, /* not in every kernel, and nobody's boot depends on it */
};

static const struct row {
    const char *type, *target, *options;
    unsigned long flags;
    unsigned how;
} rows[] = {
    /* /proc: the agent's own descriptors and cgroup, and every tool that looks at processes. */
    {"proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, STACKS},
    /* /sys: where cgroup2 goes, and what describes the devices. */
    {"sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0},
    /* /dev: null, ptmx, vsock, the disks; the kernel fills it. */
    {"devtmpfs", "/dev", "mode=0755", MS_NOSUID, 0},
    /* /dev/pts: terminals. A new instance of its own, group tty, and a ptmx that anybody may open. */
    {"devpts", "/dev/pts", "gid=5,mode=0620,ptmxmode=0666", MS_NOSUID | MS_NOEXEC, STACKS | MAKE},
    /* /dev/shm: shm_open(3) and sem_open(3), so Python's multiprocessing and every browser. */
    {"tmpfs", "/dev/shm", "mode=1777", MS_NOSUID | MS_NODEV, STACKS | MAKE},
    /* /run: what must not outlive a boot, pid files and sockets; and our own state. A fifth of the memory, as elsewhere. */
    {"tmpfs", "/run", "mode=0755,size=20%", MS_NOSUID | MS_NODEV, STACKS},
    /* cgroup2: one group for each process. Its controllers are passed on with the first process (guest/cgroup.h). */
    {"cgroup2", "/sys/fs/cgroup", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0},
    /* bpffs: where programs and maps of BPF are pinned. */
    {"bpf", "/sys/fs/bpf", "mode=0700", MS_NOSUID | MS_NODEV | MS_NOEXEC, STACKS | OPTIONAL},
    /* tracefs: perf, bpftrace and ftrace. */
    {"tracefs", "/sys/kernel/tracing", "mode=0700", MS_NOSUID | MS_NODEV | MS_NOEXEC, OPTIONAL},
    /* configfs: objects of the kernel that programs make: USB gadgets, iSCSI and NVMe targets. */
    {"configfs", "/sys/kernel/config", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, OPTIONAL},
    /* hugetlbfs: huge pages by name, for databases and for VMs in the VM. */
    {"hugetlbfs", "/dev/hugepages", "mode=1770", MS_NOSUID | MS_NODEV, STACKS | MAKE | OPTIONAL},
    /* Not mqueue, which mq_open(3) does without; not debugfs and securityfs, which show the kernel's inside to root and serve no
     * program. Whoever wants them mounts them. */
};

/* /tmp is for everybody, and empty after a boot. */
static const struct row tmp = {"tmpfs", "/tmp", "mode=1777", MS_NOSUID | MS_NODEV, STACKS};

/* What the kernel leaves out of its devtmpfs, and bash, docker and every script take for granted. */
static const char *const links[][2] = {
    {"/proc/self/fd", "/dev/fd"},
    {"/proc/self/fd/0", "/dev/stdin"},
    {"/proc/self/fd/1", "/dev/stdout"},
    {"/proc/self/fd/2", "/dev/stderr"},
};

/* The least of /dev, with the numbers of Documentation/admin-guide/devices.txt. */
static const struct {
    const char *path;
    mode_t mode;
    unsigned major, minor;
} nodes[] = {
    {"/dev/null", 0666, 1, 3},   {"/dev/zero", 0666, 1, 5},    {"/dev/full", 0666, 1, 7},
    {"/dev/random", 0666, 1, 8}, {"/dev/urandom", 0666, 1, 9}, {"/dev/tty", 0666, 5, 0},
    {"/dev/ptmx", 0666, 5, 2},   {"/dev/console", 0600, 5, 1},
};

/* Whether a directory lies on another device than the one that it is in, or is the root. A bind mount from the same device is
 * not seen. */
static bool is_other_device(const char *path)
{
    struct stat here, above;
    char up[128];

    if (snprintf(up, sizeof up, "%s/..", path) >= (int)sizeof up || lstat(path, &here) < 0 ||
        !S_ISDIR(here.st_mode) || stat(up, &above) < 0)
        return false;
    return here.st_dev != above.st_dev || here.st_ino == above.st_ino;
}

bool mounts_is_point(const char *path)
{
    struct statx st;

    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &st) < 0)
        return kernel_lacks(KERNEL_STATX, errno) && is_other_device(path);
    /* Where statx is lacking libc asks in the older way, which does not know; nor does Linux before 5.8. */
    return st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT ? st.stx_attributes & STATX_ATTR_MOUNT_ROOT
                                                          : is_other_device(path);
}

/* Whether /proc is that of our pid namespace; in another one, as after unshare(1), we have another number. */
static bool is_own_proc(void)
{
    char self[16] = "";

    return readlink("/proc/self", self, sizeof self - 1) > 0 && strtol(self, NULL, 10) == getpid();
}

/* Whether what a row brings is there already. */
static bool is_there(const struct row *r)
{
    return strcmp(r->type, "proc") == 0 ? is_own_proc() : mounts_is_point(r->target);
}

static int mount_row(const struct row *r)
{
    return mount(r->type, r->target, r->type, r->flags, r->options);
}

/* A kernel without devtmpfs: a tmpfs with the devices that every program knows. */
static int make_dev(void)
{
    if (mounts_is_point("/dev"))
        return 0; /* somebody has filled it for us, as a container's runtime does */
    if (mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, "mode=0755") < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
        if (mknod(nodes[i].path, S_IFCHR, makedev(nodes[i].major, nodes[i].minor)) < 0 ||
            chmod(nodes[i].path, nodes[i].mode) < 0)
            return -1;
    return 0;
}

/* Mounts a row, and makes its directory where there is none. bare: nothing can be mounted there. Returns 1 when it is new, 0
 * when it was there, or -1 with errno. */
static int try_row(const struct row *r, bool bare)
{
    bool made = (r->how & MAKE) && mkdir(r->target, 0755) == 0;

    if ((r->how & STACKS) && !made && !bare && is_there(r))
        return 0;
    if (mount_row(r) == 0)
        return 1;
    if (errno == EBUSY) /* it is mounted there already */
        return 0;
    if (errno == ENOENT && !(r->how & OPTIONAL) && mkdir(r->target, 0755) == 0 && mount_row(r) == 0)
        return 1;
    return errno == ENODEV && strcmp(r->type, "devtmpfs") == 0 ? make_dev() : -1;
}

/* Returns whether it is new. */
static bool take_row(const struct row *r, bool bare, struct boot *b)
{
    int result = try_row(r, bare);

    if (result >= 0)
        return result;
    if (!(r->how & OPTIONAL))
        boot_problem(b, "mount %s on %s: %s", r->type, r->target, errno_text(errno));
    else if (r->how & MAKE)
        rmdir(r->target); /* nobody should take it for one */
    return false;
}

static bool is_below(const struct row *r, const struct row *above)
{
    size_t n = strlen(above->target);

    return strncmp(r->target, above->target, n) == 0 && r->target[n] == '/';
}

void mounts_early(struct boot *b)
{
    bool fresh[ARRAY_LEN(rows)] = {false};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool bare = false; /* on what we have just mounted nothing else is */

        for (size_t k = 0; k < i; k++)
            bare |= fresh[k] && is_below(&rows[i], &rows[k]);
        fresh[i] = take_row(&rows[i], bare, b);
    }
}

void mounts_links(struct boot *b)
{
    for (size_t i = 0; i < ARRAY_LEN(links); i++)
        if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
            boot_problem(b, "link %s: %s", links[i][1], errno_text(errno));
}

void mounts_tmp(const struct config *c, struct boot *b)
{
    for (const struct config_mount *m = c->mounts; m; m = m->next)
        if (strcmp(m->target, tmp.target) == 0)
            return;
    take_row(&tmp, false, b);
}
