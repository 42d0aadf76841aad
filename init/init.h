/* PID 1: what the first process of a guest has to do besides being the agent. main calls it when its pid is 1. Nothing here ends
 * the process: what fails is a problem in the record of the boot, and a line on the console.
 *
 * The order, each step in a file of its own:
 *   console   descriptors 0 to 2, before anything can fail
 *   crash     what a crash of ours does
 *   mounts    /proc, /sys, /dev and their like
 *   config    /etc/guestd.conf, then the kernel's command line
 *   handoff   another init takes the place of PID 1, and we go on as its service, where that is asked for
 *   guard     our own priority
 *   ... the agent listens ...
 *   starts    the programs of the configuration
 *   ready     the host is told
 *   ... a signal asks for the end, the processes have ended, the loop has stopped ...
 *   disks     written and unmounted
 *   ready     the host is told of the end
 *   end       the end of the machine */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include "guest/boot.h"
#include "init/config.h"
#include "init/end.h"
#include "init/ready.h"
#include "init/starts.h"

struct init {
    struct boot *boot;
    struct config config; /* lives as long as the agent */
    struct starts starts;
    struct ready ready;
};

/* Gives descriptors 0 to 2 to the console, where the kernel gave none. */
void init_early(void);

/* The early work. `other` takes the settings that are the agent's own (config.h). */
void init_boot(struct init *i, struct boot *boot,
               int (*other)(void *arg, const char *key, char **words, unsigned count, struct err *e),
               void *arg);

/* What the configuration says of every process. */
void init_settings(struct init *i, struct settings *settings);

/* The agent listens: what could wait until then. Everything given must outlive it; version is told to the host. */
void init_listening(struct init *i, struct loop *loop, struct execs *execs, struct settings *settings,
                    const char *version);

/* The loop has stopped: ends the machine. */
_Noreturn void init_end(struct init *i, enum end how);

#endif
