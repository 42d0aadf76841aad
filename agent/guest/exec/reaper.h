/* The reaper: the only caller of wait in the agent. It hears of dead children by a signalfd, reaps the one
 * that is named there, looks for others at the end of the turn, and tells the table of each; what the table
 * does not know is an orphan that the kernel gave us as init or subreaper. */
#ifndef GUEST_EXEC_REAPER_H
#define GUEST_EXEC_REAPER_H

#include <sys/resource.h>
#include <sys/types.h>

#include "core/err.h"
#include "core/loop.h"

struct reaper {
    struct loop *loop;
    int fd;
    ev_io io;
    struct task walk; /* looks for all others that have ended */
    void (*exited)(struct reaper *r, pid_t pid, int status, const struct rusage *usage);
    uint64_t reaped;
};

/* Blocks SIGCHLD in this thread (others must be made with it blocked) and makes us a subreaper. Returns 0 or
 * -1. */
MUST_CHECK int reaper_init(struct reaper *r, struct loop *loop,
                           void (*exited)(struct reaper *r, pid_t pid, int status,
                                          const struct rusage *usage),
                           struct err *e);

/* Whether a child of ours lives, or waits to be reaped. Of PID 1's namespace that is every process: whoever loses its parent
 * becomes a child. */
bool reaper_has_children(void);

void reaper_destroy(struct reaper *r);

#endif
