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
    EXEC_KEY,
    EXEC_NO_NEW_PRIVS,
    EXEC_UMASK,
    EXEC_NICE,
    EXEC_LIMIT,
    EXEC_GROUP,
    EXEC_KILL_TARGET,
    EXEC_GRACE,
    EXEC_KILL_ON_DISCONNECT,
    EXEC_MAX_OUTPUT,
    EXEC_KEEP,
    EXEC_RECORD,
    EXEC_LEAVE_ON_EXIT,
    EXEC_REPLAY,
    EXEC_DETACH_KEYS,
    ATTACH_INTERACTIVE,
    ATTACH_TTY,
    ATTACH_REPLAY,
    ATTACH_DETACH_KEYS,
    LOGS_FOLLOW,
    LOGS_TAIL,
    LOGS_OFFSETS,
    KILL_SIGNAL,
    KILL_TARGET,
    KILL_TREE,
    KILL_GRACE,
    BRIDGE_OPEN,
    PING_COUNT,
    CP_RECURSIVE,
    CP_OWNER,
    CP_RESUME,
    LS_LONG,
    LS_ALL,
    LS_SLASH,
    LS_DIRECTORY,
    STAT_FOLLOW,
    RM_RECURSIVE,
    RM_FORCE,
    MKDIR_PARENTS,
    MKDIR_MODE,
    CHMOD_RECURSIVE,
    WATCH_RECURSIVE,
    WATCH_NETWORK,
    DEBUG_OUTPUT,
    DOCTOR_PATIENCE,
    DOCTOR_SKEW,
};

/* The signal in a process's end status ("signal: killed (core dumped)"), or 0. */
int verbs_signal_of(const char *status);

#endif
