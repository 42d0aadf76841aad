/* Whom a signal reaches, and how long it waits before SIGKILL, as words of a command line. */
#ifndef CTL_KILL_H
#define CTL_KILL_H

#include "core/err.h"
#include "process/process.pb-c.h"

/* Parses "leader", "group" or "tree". Returns 0, or -1 with *e. */
int kill_parse_target(const char *word, Process__SignalTarget *target, struct err *e);

/* Parses a duration that fits grace_ms. Returns 0, or -1 with *e. */
int kill_parse_grace(const char *word, uint32_t *ms, struct err *e);

#endif
