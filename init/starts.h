/* The programs of the statements "start": started when the agent listens, as any other process is, so that callers see them
 * (tags "start-1", "start-2"..., in the order of the configuration), read their output and signal them.
 *
 * States of one, and what moves them
 *   starting   its process runs -> up; it cannot be started -> waiting
 *   up         its process has ended -> as its restart policy says: waiting or over. No timer runs
 *   waiting    START_BACKOFF_MS, doubled each time up to START_BACKOFF_MAX_MS -> starting. A run of START_BACKOFF_MAX_MS
 *              makes the next wait the first one again
 *   over       for ever
 *
 * Threads: the loop's. Owner: main. */
#ifndef INIT_STARTS_H
#define INIT_STARTS_H

#include "guest/exec/exec.h"
#include "init/config.h"

struct starts {
    struct execs *execs;
    struct settings *settings;
    struct boot *boot;
    struct start *all;
    bool stopped;
};

/* Starts them all. Everything given must outlive it. What cannot be started is a problem of the boot. */
void starts_begin(struct starts *s, struct execs *execs, struct settings *settings, struct boot *boot,
                  const struct config_start *list);

/* No program is started again. */
void starts_stop(struct starts *s);

#endif
