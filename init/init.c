#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/err.h"
#include "core/fd.h"

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

void init_early(void)
{
    int fd;

    if (fcntl(STDERR_FILENO, F_GETFD) >= 0)
        return;
    fd = open("/dev/console", O_RDWR | O_NOCTTY);
    for (int i = 0; fd >= 0 && i < 3; i++)
        if (fd != i)
            dup2(fd, i);
    if (fd > 2)
        close(fd);
}

void init_boot(void)
{
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
        mkdir(mounts[i].target, 0755);
        /* EBUSY: it is mounted there already. */
        if (mount(mounts[i].type, mounts[i].target, mounts[i].type, mounts[i].flags, mounts[i].options) < 0 &&
            errno != EBUSY)
            fprintf(stderr, "guestd: mount %s on %s: %s\n", mounts[i].type, mounts[i].target,
                    errno_text(errno));
    }
    reboot(RB_DISABLE_CAD); /* Ctrl-Alt-Del becomes SIGINT to us, instead of a reboot that syncs nothing */
}

/* Firecracker on x86 ends by a keyboard reset only (its default command line says reboot=k); a power-off
 * would leave the machine halted for ever. */
static bool wants_reboot(void)
{
    char line[4096] = "";
    CLEANUP_FD int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, line, sizeof line - 1) : 0;

    line[n > 0 ? n : 0] = 0;
    for (const char *p = line; (p = strstr(p, "reboot=k")); p += 8)
        if ((p == line || p[-1] == ' ') && (p[8] == ' ' || p[8] == '\n' || p[8] == 0))
            return true;
    return false;
}

void init_power_off(void)
{
    sync();
    reboot(wants_reboot() ? RB_AUTOBOOT : RB_POWER_OFF);
    _exit(0); /* not reached by an init; in a container's pid namespace reboot(2) has ended it */
}
