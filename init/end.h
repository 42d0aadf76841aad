/* The end of the machine, and which signals ask PID 1 for it.
 *
 *   SIGTERM, SIGUSR2, SIGPWR, SIGRTMIN+4    power-off
 *   SIGINT (Ctrl-Alt-Del), SIGRTMIN+5       reboot
 *   SIGUSR1, SIGRTMIN+3                     halt
 *   SIGRTMIN+13, +14, +15                   halt, power-off, reboot at once: without a grace for processes
 *
 * Sources: systemd(1) "Signals", busybox init(8), reboot(2). In a container's pid namespace reboot(2) ends that. */
#ifndef INIT_END_H
#define INIT_END_H

#include <signal.h>

#include "core/base.h"

enum end { END_POWER_OFF, END_REBOOT, END_HALT };

/* "power-off", "reboot" or "halt". */
const char *end_name(enum end how);

/* What a signal asks for. Returns false when it asks for nothing of that kind. */
bool end_of_signal(int signo, enum end *how, bool *at_once);

/* Adds those signals to the set. */
void end_signals(sigset_t *set);

/* Ends the machine; what it has written must be on its disks (disks.h). Does not return. A Firecracker guest on x86 ends by
 * a reboot only, whatever was asked for. */
_Noreturn void end_machine(enum end how);

#endif
