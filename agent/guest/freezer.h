/* Freezing the guest for a snapshot: its processes (the cgroups "user" and "ptys" with all leaves), and its root file system.
 *
 * Requests run one after another in a thread of their own, in the order in which they came; the file system's in another one:
 * workers may all hang in writes to a frozen file system, and what thaws it must not wait for them.
 *
 * States of the processes' part, and what moves it
 *   OPEN   freezer_freeze -> SHUT: the gate (guest/exec) is shut before the first cgroup is told
 *   SHUT   a thaw was applied, or a freeze that could do nothing -> OPEN. FREEZE_MAX_MS without a thaw: it comes by itself
 *
 * Who frees: the requests belong to their callers, whose `done` frees them. Threads: the loop's. */
#ifndef GUEST_FREEZER_H
#define GUEST_FREEZER_H

#include "core/jobs.h"
#include "guest/exec/exec.h"

struct freezer {
    struct loop *loop;
    struct execs *execs;
    struct jobs *jobs, *disk_jobs; /* one thread each */
    ev_timer watchdog;
    uint64_t latest; /* number of the newest request; read by the thread with __atomic_load_n */
};

/* What became of the cgroups, counted. */
struct freeze_report {
    unsigned visited;
    unsigned pre_frozen;   /* they were frozen before */
    unsigned requested;    /* the kernel took the order */
    unsigned failed;       /* it did not */
    unsigned frozen;       /* their cgroup.events says so */
    unsigned not_frozen;   /* it says no, after the wait */
    unsigned unobservable; /* it cannot be read */
    uint64_t sweep_ms, wait_ms;
};

/* A freeze or thaw of the processes. The caller sets job.done, which calls freezer_applied first. */
struct freezing {
    struct job job;
    struct freezer *freezer;
    uint64_t number;
    bool freeze;
    uint32_t
        wait_ms; /* how long a freeze waits until it is true, at most FREEZE_WAIT_MAX_MS; 0: it does not look */
    struct freeze_report report;
    bool failed; /* a freeze: there is no cgroup2; a thaw: a cgroup was not told */
    struct err error;
};

/* A freeze or thaw of the root file system. The caller sets job.done. */
struct disk_freezing {
    struct job job;
    bool freeze;
    bool failed;
    struct err error;
};

/* Returns 0, or -1 when out of memory. The table must outlive it. */
MUST_CHECK int freezer_init(struct freezer *f, struct loop *loop, struct execs *execs);
void freezer_destroy(struct freezer *f);

/* Hands the request over. On failure (FREEZE_CALLS_MAX wait already) returns -1 and fills *e; it is still the caller's. */
MUST_CHECK int freezer_freeze(struct freezer *f, struct freezing *z, struct err *e);
MUST_CHECK int freezer_thaw(struct freezer *f, struct freezing *z, struct err *e);

/* In `done`: opens the gate when nothing is frozen any more and nobody wants it to be. */
void freezer_applied(struct freezing *z);

/* Thaws without telling anybody, as soon as that is possible. Nothing happens unless a freeze was asked for and not undone. */
void freezer_thaw_soon(struct freezer *f);

/* Hands the request over. Fails as freezer_freeze. What is frozen or thawed already is no error. */
MUST_CHECK int freezer_disk(struct freezer *f, struct disk_freezing *z, bool freeze, struct err *e);

#endif
