/* What /init sets going in workers: the host's certificates and volumes. A call waits for its own; they go on when it has left.
 *
 * Certificates that were installed last are not installed again. A volume that was mounted for the same lifecycleID is not mounted
 * again, and while volumes are being mounted further calls mount none: hosts repeat /init every few milliseconds.
 * Bounds: INIT_WORK_MS for the call, VOLUMES_MAX, VOLUMES_KEPT_MAX. Threads: the loop's. Who frees: init_work_destroy. */
#ifndef SYSTEM_INIT_WORK_H
#define SYSTEM_INIT_WORK_H

#include "core/jobs.h"
#include "core/ticket.h"
#include "system/init_request.h"

/* One call's part: the caller's memory. */
struct init_wait {
    ticket ticket;    /* 0: waits for nothing */
    unsigned pending; /* jobs */
    bool failed;
    struct err error; /* the first one */
    ev_timer deadline;
    struct init_work *work;
    void (*done)(struct init_wait *w); /* pending is 0, or INIT_WORK_MS are over; from the loop's turn */
};

/* A volume that is mounted. */
struct init_mount {
    TAILQ_ENTRY(init_mount) link;
    char *path, *lifecycle_id;
};

struct init_work {
    struct loop *loop;
    struct jobs *workers;
    struct tickets waiting;
    char *certificates;              /* installed last; NULL: none */
    unsigned mounting;               /* jobs */
    TAILQ_HEAD(, init_mount) mounts; /* oldest first */
    unsigned mount_count;
};

void init_work_init(struct init_work *k, struct loop *loop, struct jobs *workers);

/* Sets going what the request asks for. Returns how many jobs `done` waits for, 0: none, it is not called; or -1 with *e, and
 * nothing waits. */
MUST_CHECK int init_work_start(struct init_work *k, const struct init_request *r, struct init_wait *w,
                               struct err *e);

/* w waits no more; it may never have waited. */
void init_work_leave(struct init_wait *w);

void init_work_destroy(struct init_work *k);

#endif
