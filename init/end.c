#include "init/end.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "core/fd.h"

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

void end_machine(void)
{
    sync();
    reboot(wants_reboot() ? RB_AUTOBOOT : RB_POWER_OFF);
    _exit(0); /* not reached by an init; in a container's pid namespace reboot(2) has ended it */
}
