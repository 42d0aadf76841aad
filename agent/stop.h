/* The agent's end, from the signal that asks for it until the loop stops.
 *
 * States and what moves them
 *   running    a signal -> asked
 *   asked      nothing new is taken: listeners are closed, connections drain. The processes have SIGTERM; as PID 1 so has
 *              everything else. A service's streams end here. The grace is over -> what lives gets SIGKILL. No process is left
 *              and all that they wrote is delivered, or it is late -> ended
 *   ended      every stream is told that the agent is shutting down. No connection is left, or it is too late -> the loop stops
 *
 * As PID 1 a further signal for the same end hurries: no grace any more; one for another end changes which it is.
 *
 * Bounds: the limit (SHUTDOWN_MAX_MS, or shutdown-timeout of the configuration), of which the processes' grace is
 * SHUTDOWN_GRACE_MS, or of a longer one all but SHUTDOWN_REST_MS; PID 1 leaves time for the disks and the host in it.
 * Threads: the loop's. Owner: main. */
#ifndef AGENT_STOP_H
#define AGENT_STOP_H

#include "guest/exec/exec.h"
#include "guest/freezer.h"
#include "init/end.h"
#include "net/net.h"

struct stop {
    struct loop *loop;
    struct net *net;
    struct execs *execs;
    struct freezer *freezer;
    bool keep_processes; /* --keep-processes, of a service */
    bool pid1;           /* all processes are ours to end */
    bool drains;         /* streams go on until their processes have ended; a service's end at once */
    unsigned limit_ms;   /* 0: the default */
    unsigned rest_ms;    /* of the limit, for what comes after the loop */
    void (*begun)(struct stop *s);

    enum end how;
    uint64_t since_ms;                      /* 0: running */
    unsigned grace_ms, streams_ms, over_ms; /* ages at which it goes on without waiting */
    bool killed, ended;
    int signal_fd;
    ev_io signals;
    ev_timer tick;
};

/* Blocks and watches the signals that end the agent: SIGTERM and SIGINT, or as PID 1 those of init/end.h. What it points to is
 * set before. `signals` false: nobody may end it so; stop_begin does. Returns 0, or -1 with *e. */
MUST_CHECK int stop_init(struct stop *s, bool signals, struct err *e);

/* Begins the end for that signal, or hurries it. */
void stop_begin(struct stop *s, int signo);

#endif
