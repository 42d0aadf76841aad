#include "init/end.h"

#include <fcntl.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "core/fd.h"

static const char *const names[] = {
    [END_POWER_OFF] = "power-off", [END_REBOOT] = "reboot", [END_HALT] = "halt"};

const char *end_name(enum end how)
{
    return names[how];
}

/* SIGRTMIN is a function call in glibc: the first ones are its own. */
bool end_of_signal(int signo, enum end *how, bool *at_once)
{
    static const enum end by_number[] = {END_HALT, END_POWER_OFF, END_REBOOT};
    int number = signo - SIGRTMIN;

    *at_once = number >= 13 && number <= 15;
    if (*at_once || (number >= 3 && number <= 5)) {
        *how = by_number[number - (*at_once ? 13 : 3)];
        return true;
    }
    *how = signo == SIGINT ? END_REBOOT : signo == SIGUSR1 ? END_HALT : END_POWER_OFF;
    return signo == SIGINT || signo == SIGUSR1 || signo == SIGTERM || signo == SIGUSR2 || signo == SIGPWR;
}

void end_signals(sigset_t *set)
{
    enum end how;
    bool at_once;

    for (int s = 1; s <= SIGRTMAX; s++)
        if (end_of_signal(s, &how, &at_once))
            sigaddset(set, s);
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

void end_machine(enum end how)
{
    static const int commands[] = {
        [END_POWER_OFF] = RB_POWER_OFF, [END_REBOOT] = RB_AUTOBOOT, [END_HALT] = RB_HALT_SYSTEM};

    reboot(wants_reboot() ? RB_AUTOBOOT : commands[how]);
    _exit(0); /* not reached by an init; in a container's pid namespace reboot(2) has ended it */
}
