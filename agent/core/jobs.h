/* Jobs: calls that may block (a disk, a mount, a spawn) run in worker threads; their results come back to the
 * loop.
 *
 * A job carries plain data in and out, and tickets instead of pointers to objects of the loop. Its submitter
 * allocates it, usually inside a larger struct; `done` frees it, whatever became of the object that wanted
 * it.
 *
 * States: (held ->) queued -> running -> done. There is no cancel: a job that nobody waits for any more runs to its end
 * and finds that its ticket is void. Bounds: threads, extra threads while calls hang, and the queue's length
 * (see struct jobs_config).
 *
 * Lanes keep what may hang together from taking all threads: of one lane (a mount, say) at most WORKER_LANE_MAX jobs are
 * queued or running; further ones are held apart from the queue, in order, so that nobody else waits behind them. */
#ifndef CORE_JOBS_H
#define CORE_JOBS_H

#include "core/err.h"
#include "core/loop.h"

struct job {
    STAILQ_ENTRY(job) link;
    void (*run)(struct job *j);  /* in a worker thread */
    void (*done)(struct job *j); /* on the loop's thread; frees the job */
    uint64_t lane;               /* 0: none; set before jobs_submit */
    uint64_t started_ns;         /* CLOCK_MONOTONIC when it began to run; 0 while queued */
};
STAILQ_HEAD(job_list, job);

struct jobs_config {
    const char *name; /* of the threads, at most 15 bytes */
    unsigned threads; /* at the same time */
    unsigned extra;   /* more of them, one for each thread that has been in its job for over a second */
    unsigned
        queue_max; /* jobs waiting for a thread, and as many held for their lanes; then resource_exhausted */
};

struct jobs;

/* A pool without threads yet: they start with the first job and end after WORKER_IDLE_MS without one. NULL
 * when out of memory or descriptors. Lives as long as the process; jobs_destroy is for tests and waits for
 * running jobs. */
struct jobs *jobs_new(struct loop *loop, const struct jobs_config *config);
void jobs_destroy(struct jobs *p);

/* Hands the job over. On failure (the queue is full, no thread can be made) returns -1 and fills *e; the job
 * then still belongs to the caller and `done` is not called. */
MUST_CHECK int jobs_submit(struct jobs *p, struct job *j, struct err *e);

/* For metrics, at this moment. */
struct jobs_counts {
    unsigned threads; /* alive */
    unsigned queued;  /* jobs that wait for a thread or for their lane */
    unsigned stuck;   /* threads that have been in their job for over a second */
};
struct jobs_counts jobs_counts(struct jobs *p);

#endif
