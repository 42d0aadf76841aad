#include "guest/fs/workers.h"

#include "guest/paths.h"

void fs_workers_init(struct fs_workers *w, struct loop *loop, struct jobs *jobs)
{
    *w = (struct fs_workers){.jobs = jobs, .loop = loop};
}

void fs_workers_destroy(struct fs_workers *w)
{
    if (w->mounts.loop)
        mounts_destroy(&w->mounts);
}

/* The user's home is looked for in the cache only. While it is not there (nobody has come by that name yet) a path below it is
 * taken as one of the root's: that costs order, not truth. */
static uint64_t lane_of(const struct fs_workers *w, const struct fs_caller *c, const char *path)
{
    CLEANUP_FREE char *home = users_cached_home(c->name ? c->name : c->env->default_user);
    CLEANUP_FREE char *resolved = path_resolve(path, home ? home : "/", c->env->workdir, NULL);

    return resolved ? mounts_lane(&w->mounts, resolved) : 0;
}

const struct mounts *fs_workers_mounts(struct fs_workers *w)
{
    if (!w->mounts.loop)
        mounts_init(&w->mounts, w->loop);
    return &w->mounts;
}

int fs_submit(struct fs_workers *w, struct job *j, const struct fs_caller *c, const char *path, struct err *e)
{
    (void)fs_workers_mounts(w);
    return fs_submit_again(w, j, path ? lane_of(w, c, path) : 0, e);
}

int fs_submit_again(struct fs_workers *w, struct job *j, uint64_t lane, struct err *e)
{
    j->lane = lane;
    return jobs_submit(w->jobs, j, e);
}
