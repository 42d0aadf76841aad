/* A queue of deadlines that all have the same length: thousands of idle connections, one timer. Setting and
 * clearing are O(1) and cost no system call. */
#ifndef CORE_TIMERQ_H
#define CORE_TIMERQ_H

#include "core/loop.h"

struct timerq_entry {
    TAILQ_ENTRY(timerq_entry) link;
    ev_tstamp at;
    bool active;
};

struct timerq {
    struct loop *loop;
    TAILQ_HEAD(, timerq_entry) entries; /* soonest first */
    ev_timer timer;
    double seconds;
    /* The entry's time has come; it is not in the queue any more. */
    void (*expired)(struct timerq *q, struct timerq_entry *e);
};

/* A queue of deadlines of `ms` milliseconds. Who frees: nobody; it has no memory of its own. */
void timerq_init(struct timerq *q, struct loop *loop, uint64_t ms,
                 void (*expired)(struct timerq *q, struct timerq_entry *e));

/* The entry expires in `ms` from now, whatever it did before. */
void timerq_set(struct timerq *q, struct timerq_entry *e);

/* The entry does not expire. */
void timerq_clear(struct timerq *q, struct timerq_entry *e);

#endif
