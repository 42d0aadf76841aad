/* Turns: those who write one repository do so one after the other, in the order in which they came; different repositories have
 * nothing to do with each other, and readers do not come here. git's own lock files would make the second fail instead.
 *
 * Threads: the loop's only. */
#ifndef GUEST_GIT_QUEUE_H
#define GUEST_GIT_QUEUE_H

#include <sys/types.h>

#include "core/err.h"
#include "core/loop.h"

/* Which repository: its git directory. */
struct git_key {
    dev_t dev;
    ino_t ino;
};

struct git_turn {
    TAILQ_ENTRY(git_turn) link;
    struct git_key key;
    bool queued; /* waits, or has its turn */
    struct task task;
    void (*come)(struct git_turn *t); /* its turn has come; from the loop's turn */
};

struct git_queue {
    struct loop *loop;
    TAILQ_HEAD(, git_turn) turns; /* of one key the first has its turn */
};

void git_queue_init(struct git_queue *q, struct loop *loop);

/* Gets in line; t->come will be called. The turn is the caller's, who sets key and come. Returns 0, or -1 with *e: unavailable, when
 * GIT_QUEUE_MAX wait for that repository. */
MUST_CHECK int git_queue_enter(struct git_queue *q, struct git_turn *t, struct err *e);

/* Gives the turn, or the place in the line, up; nothing happens when it is not queued. */
void git_queue_leave(struct git_queue *q, struct git_turn *t);

#endif
