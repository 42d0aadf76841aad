#include "guest/fs/watch.h"

#include <errno.h>
#include <malloc.h>
#include <sys/inotify.h>

#include "core/limits.h"
#include "guest/fs/watch_arm.h"
#include "guest/fs/watch_internal.h"

/* --- arming ---------------------------------------------------------------------------------- */

struct arm_job {
    struct job job;
    struct watches *all;
    ticket watcher;
    struct watch_arm arm;
};

static void run(struct job *j)
{
    watch_arm_run(&CONTAINER_OF(j, struct arm_job, job)->arm);
}

static void arm_done(struct job *j);

/* The one place where this module hands something to a worker. */
static int submit(struct watcher *w, struct arm_job *j, struct err *e)
{
    struct watches *a = w->all;

    if (fs_submit(a->workers, &j->job, &w->caller, j->arm.path, e) < 0)
        return -1;
    a->in_flight++;
    w->arming = true;
    watch_feed_hold(w);
    return 0;
}

/* A worker watches `path`: of the watcher's own directory (`own`), or of one below. Returns 0, or -1 with *e. */
static int arm(struct watcher *w, const char *path, bool own, struct err *e)
{
    struct arm_job *j = calloc(1, sizeof *j);

    if (!j)
        return err_nomem(e, "watch a directory");
    j->job = (struct job){.run = run, .done = arm_done};
    j->all = w->all;
    j->watcher = w->ticket;
    j->arm = (struct watch_arm){
        .inotify_fd = w->all->fd,
        .path = strdup(path),
        .first = !w->path,
        .follow = own,
        .recursive = w->recursive,
        .network = w->network,
        .files = !own,
        .max = WATCH_DIRS_MAX,
    };
    if (fs_caller_init(&j->arm.caller, w->caller.name, w->caller.env, w->caller.as_user) < 0 || !j->arm.path)
        err_nomem(e, "watch a directory");
    else if (submit(w, j, e) == 0)
        return 0;
    watch_arm_clear(&j->arm);
    free(j);
    return -1;
}

/* The absolute path of a name in the node's directory, on the heap; NULL when out of memory. */
static char *absolute(const struct watch_node *n, const char *name)
{
    const char *root = n->watcher->path;
    size_t root_len = strlen(root), length = watch_tree_path_length(n, name);
    char *path = malloc(root_len + length + 2);

    if (!path)
        return NULL;
    memcpy(path, root, root_len);
    path[root_len] = '/';
    watch_tree_path(n, name, path + root_len + 1, length);
    path[root_len + 1 + length] = 0;
    return path;
}

/* What cannot be armed now may be later: when something is lost the next time, or by whoever reads the overflow. */
static void give_up(struct watcher *w)
{
    watch_queue_put(w, w->root, "", WATCH_OVERFLOW);
}

void watch_arm_below(struct watch_node *parent, const char *name, uint64_t seq)
{
    struct watcher *w = parent->watcher;
    CLEANUP_FREE char *path = NULL;
    struct err e;

    if (w->arming) { /* the same directory is at two places of this tree */
        w->resync = true;
        return;
    }
    path = absolute(parent, name);
    w->arm_parent = parent;
    w->arm_name = strdup(name);
    w->cursor = seq;
    if (!path || !w->arm_name || arm(w, path, false, &e) < 0) {
        free(TAKE(w->arm_name));
        give_up(w);
    }
}

/* Arms the whole tree again. */
static void rearm(struct watcher *w, uint64_t seq)
{
    struct err e;

    w->resync = false;
    w->arm_parent = NULL;
    w->cursor = seq;
    if (arm(w, w->path, true, &e) < 0)
        give_up(w);
}

void watch_lose(struct watcher *w, uint64_t seq)
{
    if (seq > w->mute_until)
        watch_queue_put(w, w->root, "", WATCH_OVERFLOW);
    if (w->recursive && w->root->dir)
        rearm(w, seq);
}

/* --- what a worker has found ----------------------------------------------------------------- */

/* A large tree that goes leaves memory behind that malloc would keep. */
static void on_sweep(struct task *t)
{
    struct watches *a = CONTAINER_OF(t, struct watches, sweep);

    if (a->in_flight > 0)
        return;
    if (watch_tree_sweep(&a->tree, a->fd, WATCH_SWEEP)) {
        a->sweeping = true;
        loop_defer(a->loop, t);
    } else if (a->sweeping) {
        a->sweeping = false;
        malloc_trim(0);
    }
}

/* Directories that nobody has a node for; their watches are ended when that is safe. */
static void adopt(struct watches *a, struct watch_arm *j)
{
    for (size_t i = 0; i < j->count; i++)
        if (j->found[i].wd >= 0 && !watch_tree_dir(&a->tree, j->found[i].wd)) {
            inotify_rm_watch(a->fd, j->found[i].wd);
            j->found[i].wd = WATCH_NOT_ARMED;
            j->partial = true;
        }
}

/* A node for one that was found; NULL: it is gone again, or is above itself, or there can be no more (w->partial). */
static struct watch_node *attach_one(struct watcher *w, struct watch_node *parent, const char *name, int wd,
                                     bool *partial)
{
    struct watch_tree *tree = &w->all->tree;
    struct watch_dir *d = watch_tree_dir(tree, wd);
    struct watch_node *n;

    if (d && (d->dead || watch_tree_above(parent, d)))
        return NULL;
    n = d ? watch_tree_attach(tree, w, parent, name, d) : NULL;
    *partial |= !n;
    return n;
}

/* Nodes for all that were found, below `nodes[0]`. Those of a new directory are told, unless it is older than `ready`. */
static void attach(struct watcher *w, const struct watch_arm *j, struct watch_node **nodes, bool *partial)
{
    bool told = j->files && w->cursor > w->mute_until;

    for (size_t i = 1; i < j->count; i++) {
        const struct watch_found *f = &j->found[i];
        struct watch_node *parent = nodes[f->parent];
        const char *name = j->names + f->name;

        if (!parent)
            continue;
        if (f->wd >= 0)
            nodes[i] = attach_one(w, parent, name, f->wd, partial);
        if (told) {
            watch_queue_see(w, parent, name, w->all->seq);
            watch_queue_put(w, parent, name, WATCH_CREATE);
        }
    }
}

/* The node of the directory itself: a root stays as it is where that cannot be watched again. */
static struct watch_node *attach_top(struct watcher *w, const struct watch_arm *j, bool *partial)
{
    struct watch_dir *d;

    if (j->found[0].wd < 0)
        return NULL;
    if (!w->root || w->arm_parent)
        return attach_one(w, w->arm_parent, w->arm_parent ? w->arm_name : "", j->found[0].wd, partial);
    d = watch_tree_dir(&w->all->tree, j->found[0].wd);
    if (!d || d->dead)
        return NULL;
    watch_tree_prune(&w->all->tree, w->root);
    watch_tree_bind(&w->all->tree, w->root, d);
    return w->root;
}

/* The watcher's tree gets what was found. Returns 0, or -1 with *e: it has no root. */
static int integrate(struct watcher *w, struct watch_arm *j, struct err *e)
{
    struct watch_node **nodes = j->count > 0 ? calloc(j->count, sizeof(struct watch_node *)) : NULL;
    bool partial = j->partial || j->result < 0 || !nodes;

    if (nodes && (nodes[0] = attach_top(w, j, &partial))) {
        if (!w->root)
            w->root = nodes[0];
        attach(w, j, nodes, &partial);
    }
    free(nodes);
    if (!w->path && (partial || !w->root))
        return j->result < 0 ? (*e = j->error, -1)
                             : err_set(e, STATUS_RESOURCE_EXHAUSTED, 0,
                                       "cannot watch %s: it is gone, or has more than %d directories",
                                       j->root, WATCH_DIRS_MAX);
    if (!w->path)
        w->path = TAKE(j->root);
    else if (partial)
        give_up(w);
    return 0;
}

/* Whether the watcher has gone through all records up to this one. */
static bool settled(const struct watcher *w, uint64_t seq)
{
    return !w->arming || w->cursor > seq;
}

/* Says what has become true. */
static void report(struct watcher *w)
{
    if (!w->arming)
        watch_queue_unsee(w);
    if (!w->ready && settled(w, w->mute_until)) {
        w->ready = true;
        w->events->ready(w, NULL);
        if (w->queued > 0)
            w->events->changed(w);
    }
    if (w->sync_seq && settled(w, w->sync_seq)) {
        w->sync_seq = 0;
        w->events->settled(w);
    }
}

static void failed(struct watcher *w, const struct err *e)
{
    watch_close(w);
    w->events->ready(w, e);
}

/* The watcher goes on with what its worker has found. */
static void resume(struct watcher *w, struct watch_arm *j)
{
    bool first = !w->path;
    struct err e;

    w->arming = false;
    if (integrate(w, j, &e) < 0) {
        w->arming = true; /* as the log knows it */
        failed(w, &e);
        return;
    }
    free(TAKE(w->arm_name));
    if (first)
        w->mute_until = w->all->seq;
    watch_feed_replay(w);
    if (w->resync && !w->arming)
        rearm(w, w->all->seq);
    report(w);
}

/* First what inotify has told until now goes into the log, then the watcher gets its nodes. */
static void arm_done(struct job *job)
{
    struct arm_job *j = CONTAINER_OF(job, struct arm_job, job);
    struct watches *a = j->all;
    struct watcher *w;

    watch_feed_drain(a);
    w = ticket_find(&a->tickets, j->watcher);
    adopt(a, &j->arm);
    if (w)
        resume(w, &j->arm);
    a->in_flight--;
    watch_feed_trim(a);
    if (a->in_flight == 0)
        loop_defer(a->loop, &a->sweep);
    watch_arm_clear(&j->arm);
    free(j);
}

/* --- watchers -------------------------------------------------------------------------------- */

void watches_init(struct watches *a, struct loop *loop, struct fs_workers *workers)
{
    *a = (struct watches){.loop = loop, .workers = workers, .fd = -1, .sweep = {.run = on_sweep}};
    TAILQ_INIT(&a->watchers);
    STAILQ_INIT(&a->log);
    LIST_INIT(&a->tree.orphans);
}

void watches_destroy(struct watches *a)
{
    loop_cancel(a->loop, &a->sweep);
    while (watch_tree_sweep(&a->tree, a->fd, WATCH_SWEEP))
        ;
    tickets_clear(&a->tickets);
    if (a->fd >= 0) {
        loop_watch(a->loop, &a->readable, 0);
        loop_close_fd(a->loop, &a->fd);
    }
}

static int open_inotify(struct watches *a, struct err *e)
{
    if (a->fd >= 0)
        return 0;
    a->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (a->fd < 0)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, errno,
                       "open inotify (sysctl fs.inotify.max_user_instances may say how often)");
    ev_io_init(&a->readable, watch_feed_readable, a->fd, EV_READ);
    a->readable.data = a;
    loop_watch(a->loop, &a->readable, EV_READ);
    return 0;
}

static int begin(struct watcher *w, const struct watch_spec *spec, struct err *e)
{
    struct watches *a = w->all;

    w->ticket = ticket_new(&a->tickets, w);
    if (watch_queue_begin(w) < 0 || !w->ticket ||
        fs_caller_init(&w->caller, spec->user, spec->env, spec->as_user) < 0)
        return err_nomem(e, "watch a directory");
    w->cursor = a->seq;
    return arm(w, spec->path, true, e);
}

int watch_open(struct watches *a, struct watcher *w, const struct watch_spec *spec,
               const struct watcher_events *events, struct err *e)
{
    if (a->count >= WATCHERS_MAX)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "%u watchers: there can be no more", a->count);
    if (open_inotify(a, e) < 0)
        return -1;
    *w = (struct watcher){.all = a, .events = events, .recursive = spec->recursive, .network = spec->network};
    TAILQ_INSERT_TAIL(&a->watchers, w, link);
    a->count++;
    if (begin(w, spec, e) == 0)
        return 0;
    watch_close(w);
    return -1;
}

void watch_close(struct watcher *w)
{
    struct watches *a = w->all;

    if (!a)
        return;
    watch_queue_clear(w);
    watch_queue_unsee(w);
    if (w->arming)
        watch_feed_leave(w);
    if (w->root)
        watch_tree_drop(&a->tree, TAKE(w->root));
    ticket_drop(&a->tickets, w->ticket);
    fs_caller_clear(&w->caller);
    free(TAKE(w->path));
    free(TAKE(w->arm_name));
    TAILQ_REMOVE(&a->watchers, w, link);
    a->count--;
    w->all = NULL;
    watch_feed_trim(a);
    loop_defer(a->loop, &a->sweep);
}

bool watch_sync(struct watcher *w)
{
    watch_feed_drain(w->all);
    if (settled(w, w->all->seq))
        return true;
    w->sync_seq = w->all->seq;
    return false;
}
