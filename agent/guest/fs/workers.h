/* Who runs calls on files: workers (core/jobs.h), each call in the lane of the mount that its path is on. Calls on one slow mount
 * wait for each other there, and for nobody else's.
 *
 * Who frees: fs_workers_destroy, for tests. Threads: the loop's. */
#ifndef GUEST_FS_WORKERS_H
#define GUEST_FS_WORKERS_H

#include "core/jobs.h"
#include "guest/fs/caller.h"
#include "guest/fs/mounts.h"

struct fs_workers {
    struct jobs *jobs;
    struct loop *loop;
    struct mounts
        mounts; /* read by fs_workers_mounts, when it is first needed: a guest whose files nobody asks for need not pay */
};

void fs_workers_init(struct fs_workers *w, struct loop *loop, struct jobs *jobs);
void fs_workers_destroy(struct fs_workers *w);

/* The mounts, read by the first who asks. */
const struct mounts *fs_workers_mounts(struct fs_workers *w);

/* Hands a job that works for the caller at that path, as the caller wrote it (NULL: it is not known), to the workers; j->lane says
 * in which lane. Returns 0, or -1 with *e as jobs_submit; the job is then still the caller's. */
MUST_CHECK int fs_submit(struct fs_workers *w, struct job *j, const struct fs_caller *c, const char *path,
                         struct err *e);

/* The same of a job in a lane that another one on the same file had. */
MUST_CHECK int fs_submit_again(struct fs_workers *w, struct job *j, uint64_t lane, struct err *e);

#endif
