/* The event loop: one thread, libev on epoll. It adds what libev leaves out: a queue of tasks that run at the
 * end of the turn, closing a watched descriptor, memory that cannot fail, and sleep without end when idle. */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

/* libev's watchers hide a self-pointer behind this name; its headers warn under our flags. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-aliasing"
#include <ev.h>
#pragma GCC diagnostic pop

#include "core/base.h"

/* Work that runs on the loop's thread after the callbacks of this turn and before it sleeps. It is queued at
 * most once at a time; run may queue itself again: that is the next turn, and the loop does not sleep before
 * it. */
struct task {
    TAILQ_ENTRY(task) link;
    void (*run)(struct task *t);
    uint32_t round;
    bool queued;
};
TAILQ_HEAD(task_list, task);

struct loop {
    struct ev_loop *ev;
    int epoll_fd;
    struct task_list tasks;
    uint32_t round; /* of running tasks; a task queued in it waits for the next */
    ev_prepare prepare;
    ev_idle idle;
    ev_periodic far_future;
    ev_async wake; /* from a sleep that must not begin */
};

/* Creates the loop. Returns 0, or -1 with errno. One loop per process: libev's memory hooks are global. */
MUST_CHECK int loop_init(struct loop *l);

/* Runs until loop_stop. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Frees the loop. For tests. */
void loop_destroy(struct loop *l);

/* Queues the task for the end of this turn; nothing happens when it is queued already. */
void loop_defer(struct loop *l, struct task *t);

/* Takes the task out of the queue if it is there. Its object may be freed then. */
void loop_cancel(struct loop *l, struct task *t);

/* Takes *fd out of epoll, closes it and leaves -1 behind. Its watchers must be stopped. A plain close would
 * leave it in epoll as long as a child between clone and exec holds a copy. */
void loop_close_fd(struct loop *l, int *fd);

/* Starts an I/O watcher with other events than before, if they differ; 0 stops it. */
void loop_watch(struct loop *l, ev_io *w, int events);

/* For a callback that is told EV_ERROR: epoll had no room for the descriptor and it is not watched any more. The next
 * loop_watch tries again. */
void loop_watch_failed(ev_io *w);

/* (Re)starts a one-shot timer in `ms` milliseconds from now. */
void loop_timer(struct loop *l, ev_timer *t, uint64_t ms);

#endif
