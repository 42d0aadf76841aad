/* PID 1: what the first process of a guest has to do besides being the agent. main calls it when its pid is 1. Nothing here ends
 * the process: what fails is a problem in the record of the boot, and a line on the console.
 *
 * The order, each step in a file of its own:
 *   console   descriptors 0 to 2, before anything can fail
 *   crash     what a crash of ours does
 *   mounts    /proc, /sys, /dev and their like
 *   config    /etc/guestd.conf, then the kernel's command line
 *   modules   kernel modules, which devices and file systems may need
 *   root      from an initramfs to the real root, or an overlay over it; then config and modules again, from there
 *   sysctl    kernel parameters
 *   clock     the wall clock, by the host's; entropy, where the kernel has none
 *   names     the host name, /etc/hosts, /etc/resolv.conf, /etc/machine-id
 *   network   lo and the interfaces that are there, where the configuration has some, or mounts
 *   volumes   /tmp, and the file systems of the configuration
 *   handoff   another init takes the place of PID 1, and we go on as its service, where that is asked for
 *   ... the agent listens ...
 *   rest      what counts with the first program, before it (boot_finish): the links of /dev, lo, our own priority
 *   network   the interfaces that come later, and DHCP
 *   starts    the programs of the configuration
 *   ready     the host is told
 *   ... a signal asks for the end, the processes have ended, the loop has stopped ...
 *   disks     written and unmounted
 *   ready     the host is told of the end
 *   end       the end of the machine */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include "guest/boot.h"
#include "init/clock.h"
#include "init/config.h"
#include "init/end.h"
#include "init/entropy.h"
#include "init/names.h"
#include "init/network.h"
#include "init/ready.h"
#include "init/starts.h"

struct init {
    struct boot *boot;
    bool own;             /* the machine is ours, and not only a container on it */
    struct config config; /* lives as long as the agent */
    struct clock_report clock;
    struct entropy_report entropy;
    struct names names;
    struct starts starts;
    struct ready ready;
    void (*online)(
        void *arg); /* a lease has come, and with it perhaps a way to somebody; NULL: nobody wants to know */
    void *online_arg;
    struct network network;
};

/* Gives descriptors 0 to 2 to the console, where the kernel gave none. */
void init_early(void);

/* The settings that are the agent's own. */
struct init_settings {
    int (*take)(void *arg, const char *key, char **words, unsigned count,
                struct err *e); /* as `other` of config.h */
    void (*forget)(void *arg);  /* all that were taken: the root has changed, and its configuration counts */
    void *arg;
};

/* The early work. */
void init_boot(struct init *i, struct boot *boot, const struct init_settings *settings);

/* What the configuration says of every process. */
void init_environment(struct init *i, struct settings *settings);

/* The agent listens: what could wait until then. What blocks runs in `jobs`. Everything given must outlive it; version is told to
 * the host. */
void init_listening(struct init *i, struct loop *loop, struct jobs *jobs, struct execs *execs,
                    struct settings *settings, const char *version);

/* The loop has stopped: ends the machine. */
_Noreturn void init_end(struct init *i, enum end how);

#endif
