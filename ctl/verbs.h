/* The verbs' options, and small things that verbs share. */
#ifndef CTL_VERBS_H
#define CTL_VERBS_H

#include "ctl/client.h"

enum {
    EXEC_INTERACTIVE = 1,
    EXEC_TTY,
    EXEC_ENV,
    EXEC_WORKDIR,
    EXEC_USER,
    EXEC_TIMEOUT,
    EXEC_DETACH,
    EXEC_TAG,
    KILL_SIGNAL,
    PING_COUNT,
};

/* The signal in a process's end status ("signal: killed (core dumped)"), or 0. */
int verbs_signal_of(const char *status);

#endif
