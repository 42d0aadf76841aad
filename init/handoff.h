/* Handing PID 1 over to a real init: after the early work we fork, and the init that the configuration names takes the place of
 * PID 1, while the child goes on as a service: in a session of its own, and in a cgroup of its own (/guestd) where there is
 * cgroup2, because an init such as systemd moves whatever it finds in the root to its own scope.
 *
 * What the init gets is what the kernel would have given it: the console, clean signals, Ctrl-Alt-Del as it was. */
#ifndef INIT_HANDOFF_H
#define INIT_HANDOFF_H

#include "guest/boot.h"

/* Returns in the child, a service from then on, when the init runs. When it cannot be run, that is a problem of the boot, and
 * PID 1 returns. Before there are threads. */
void handoff_to(char **argv, struct boot *b);

#endif
