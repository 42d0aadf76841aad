/* PID 1: what the first process of a guest has to do besides being the agent. main calls it when its pid is 1. Nothing here ends
 * the process: what fails is a problem in the record of the boot, and a line on the console.
 *
 * The order, each step in a file of its own:
 *   console   descriptors 0 to 2, before anything can fail
 *   mounts    /proc, /sys, /dev and their like
 *   config    /etc/guestd.conf, then the kernel's command line
 *   ... the agent listens ...
 *   end       the end of the machine */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include "guest/boot.h"
#include "init/config.h"

struct init {
    struct boot *boot;
    struct config config; /* lives as long as the agent */
};

/* Gives descriptors 0 to 2 to the console, where the kernel gave none. */
void init_early(void);

/* The early work. `other` takes the settings that are the agent's own (config.h). */
void init_boot(struct init *i, struct boot *boot,
               int (*other)(void *arg, const char *key, char **words, unsigned count, struct err *e),
               void *arg);

#endif
