#include "init/mounts.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>

static const struct {
    const char *type, *target, *options;
    unsigned long flags;
} mounts[] = {
    /* /proc: the agent's own descriptors and cgroup, and every tool that looks at processes. */
    {"proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
    /* /sys: where cgroup2 goes, and what describes the devices. */
    {"sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
    /* /dev: null, ptmx, vsock, the disks; the kernel fills it. */
    {"devtmpfs", "/dev", "mode=0755", MS_NOSUID},
    /* /dev/pts: terminals. A new instance of its own, group tty, and a ptmx that anybody may open. */
    {"devpts", "/dev/pts", "gid=5,mode=0620,ptmxmode=0666", MS_NOSUID | MS_NOEXEC},
    /* cgroup2: one group for each process. */
    {"cgroup2", "/sys/fs/cgroup", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
};

void mounts_early(struct boot *b)
{
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
        mkdir(mounts[i].target, 0755);
        /* EBUSY: it is mounted there already. */
        if (mount(mounts[i].type, mounts[i].target, mounts[i].type, mounts[i].flags, mounts[i].options) < 0 &&
            errno != EBUSY)
            boot_problem(b, "mount %s on %s: %s", mounts[i].type, mounts[i].target, errno_text(errno));
    }
}
