/* PID 1: what the first process of a guest has to do besides being the agent. main calls it when its pid
 * is 1. Nothing here ends the process: a mount that fails is a line on the console. */
#ifndef INIT_INIT_H
#define INIT_INIT_H

/* Descriptors 0 to 2 lead to the console, when the kernel gave none. */
void init_early(void);

/* Mounts /proc, /sys, /dev, /dev/pts and cgroup2, and takes Ctrl-Alt-Del as a signal. */
void init_boot(void);

/* Writes everything to the disks and ends the machine; does not return. */
_Noreturn void init_power_off(void);

#endif
