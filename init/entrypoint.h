/* guestd --init -- PROGRAM [ARG...]: the entrypoint of a container, as catatonit and tini are. The program has our descriptors and
 * our terminal, gets the signals that are sent to us, and its end is ours, with its status. The agent serves beside it.
 *
 * Sources: catatonit.c (https://github.com/openSUSE/catatonit), setpgid(2), tcsetpgrp(3).
 *
 * Threads: the loop's. Owner: main, for ever. */
#ifndef INIT_ENTRYPOINT_H
#define INIT_ENTRYPOINT_H

#include <sys/resource.h>

#include "core/err.h"
#include "core/loop.h"

struct entrypoint {
    struct loop *loop;
    pid_t pid;    /* 0: none is running */
    int status;   /* what we end with, when it has ended: its own, or 128 and the signal */
    bool guarded; /* we are (init/guard.h), and the program is not to be */
    int signal_fd;
    ev_io signals;
    /* It has ended. */
    void (*ended)(struct entrypoint *p);
};

/* Blocks and watches all signals that can be forwarded; before other threads begin. Returns 0, or -1 with *e. */
MUST_CHECK int entrypoint_init(struct entrypoint *p, struct loop *loop, struct err *e);

/* Starts the program, looked up in PATH, in a process group of its own, in front of the terminal if we were; nofile is its limit
 * of descriptors. A program that cannot be run ends with 127 or 126, and says so on stderr. Returns 0, or -1 with *e. */
MUST_CHECK int entrypoint_start(struct entrypoint *p, char **argv, const struct rlimit *nofile,
                                struct err *e);

/* A child of ours has ended; whether it was the program. */
bool entrypoint_reaped(struct entrypoint *p, pid_t pid, int status);

#endif
