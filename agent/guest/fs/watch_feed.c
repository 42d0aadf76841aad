/* From inotify's records to events.
 *
 * A watcher that arms stands still: its worker finds directories that have no node yet, and what inotify tells of those would be
 * lost. So while any worker is under way every record is kept in a log, too. When the worker is back, its watcher gets nodes for
 * what was found and goes through the log from the record on that had begun it: all in order, as if it had been armed at once.
 * What the worker has found and inotify has told as well is told once (watch_queue_seen). */
#include <errno.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

#include "core/fd.h"
#include "core/limits.h"
#include "core/log.h"
#include "guest/fs/watch_internal.h"

struct watch_log_entry {
    STAILQ_ENTRY(watch_log_entry) link;
    struct watch_record record; /* its name is the one below */
    char name[];
};

/* --- one record for one node ----------------------------------------------------------------- */

/* What envd calls it; when several are true they come in this order. */
static const struct {
    uint32_t mask;
    enum watch_type type;
} kinds[] = {
    {IN_CREATE | IN_MOVED_TO, WATCH_CREATE},
    {IN_MOVED_FROM | IN_MOVE_SELF, WATCH_RENAME},
    {IN_ATTRIB, WATCH_CHMOD},
    {IN_MODIFY, WATCH_WRITE},
    {IN_DELETE | IN_DELETE_SELF, WATCH_REMOVE},
};

static void tell(struct watch_node *n, const struct watch_record *r)
{
    if (r->seq <= n->watcher->mute_until)
        return;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (r->mask & kinds[i].mask)
            watch_queue_put(n->watcher, n, r->name, kinds[i].type);
}

/* A directory below tells of itself what the one above it tells, too. Of a root it is an event. */
static void about_itself(struct watch_node *n, const struct watch_record *r)
{
    struct watch_tree *tree = &n->watcher->all->tree;

    if (!n->parent) {
        tell(n, r);
        if (r->mask & IN_IGNORED)
            watch_tree_unbind(tree, n);
    } else if (r->mask & IN_IGNORED) {
        watch_tree_drop(tree, n);
    }
}

/* A directory that moves within the tree leaves it and comes again: who is told cannot know that the two are one. */
static void about_entry(struct watch_node *n, const struct watch_record *r)
{
    struct watcher *w = n->watcher;
    bool comes = r->mask & (IN_CREATE | IN_MOVED_TO), goes = r->mask & (IN_DELETE | IN_MOVED_FROM);
    bool again = (comes || goes) && watch_queue_seen(w, n, r->name, r->seq);

    if (comes && again)
        return;
    tell(n, r);
    if (w->recursive && r->mask & IN_ISDIR && (comes || goes)) {
        struct watch_node *child = watch_tree_child(&w->all->tree, n, r->name);

        if (child)
            watch_tree_drop(&w->all->tree, child);
        if (comes)
            watch_arm_below(n, r->name, r->seq);
    }
}

static void handle(struct watch_node *n, const struct watch_record *r)
{
    if (*r->name)
        about_entry(n, r);
    else
        about_itself(n, r);
}

/* Of one record for all watchers, or for one. A watcher that stands still reads it in the log. Handling a node frees nodes below
 * it only, and none of those is of the same directory (watch_tree_above). */
static void dispatch(struct watches *a, const struct watch_record *r, const struct watcher *only)
{
    struct watch_dir *d = watch_tree_find(&a->tree, r->wd);
    struct watch_node *n = d ? LIST_FIRST(&d->nodes) : NULL, *next;

    for (; n; n = next) {
        next = LIST_NEXT(n, dir_link);
        if ((!only || n->watcher == only) && (!n->watcher->arming || n->watcher->cursor == r->seq))
            handle(n, r);
    }
}

/* The kernel's queue was full. */
static void overflow(struct watches *a, const struct watch_record *r)
{
    struct watcher *w;

    TAILQ_FOREACH (w, &a->watchers, link)
        if (!w->arming)
            watch_lose(w, r->seq);
}

/* --- the log --------------------------------------------------------------------------------- */

static void drop_first(struct watches *a)
{
    struct watch_log_entry *l = STAILQ_FIRST(&a->log);

    STAILQ_REMOVE_HEAD(&a->log, link);
    a->log_count--;
    free(l);
}

/* The log is too long, or there is no memory: who reads it has lost something. */
static void drop_log(struct watches *a)
{
    struct watcher *w;

    while (a->log_count > 0)
        drop_first(a);
    TAILQ_FOREACH (w, &a->watchers, link)
        w->lost |= w->arming;
    a->log_readers = 0;
}

static void keep(struct watches *a, const struct watch_record *r)
{
    size_t size = strlen(r->name) + 1;
    struct watch_log_entry *l = a->log_count < WATCH_LOG_MAX ? malloc(sizeof *l + size) : NULL;

    if (!l) {
        drop_log(a);
        return;
    }
    memcpy(l->name, r->name, size);
    l->record = *r;
    l->record.name = l->name;
    STAILQ_INSERT_TAIL(&a->log, l, link);
    a->log_count++;
}

void watch_feed_hold(struct watcher *w)
{
    w->lost = false;
    w->all->log_readers++;
}

void watch_feed_leave(struct watcher *w)
{
    if (!w->lost)
        w->all->log_readers--;
}

void watch_feed_replay(struct watcher *w)
{
    struct watches *a = w->all;
    struct watch_log_entry *l;

    watch_feed_leave(w);
    STAILQ_FOREACH (l, &a->log, link) {
        if (l->record.seq <= w->cursor)
            continue;
        if (l->record.wd < 0)
            watch_lose(w, l->record.seq);
        else
            dispatch(a, &l->record, w);
        if (w->arming)
            return;
    }
    if (w->lost)
        watch_lose(w, a->seq);
}

void watch_feed_trim(struct watches *a)
{
    uint64_t oldest = UINT64_MAX;
    struct watcher *w;

    TAILQ_FOREACH (w, &a->watchers, link)
        if (w->arming && !w->lost)
            oldest = MIN(oldest, w->cursor);
    while (a->log_count > 0 && STAILQ_FIRST(&a->log)->record.seq <= oldest)
        drop_first(a);
}

/* --- reading --------------------------------------------------------------------------------- */

/* The kernel has ended a watch. A worker that comes back with this number must find out. */
static void bury(struct watches *a, int wd)
{
    struct watch_dir *d = a->in_flight > 0 ? watch_tree_dir(&a->tree, wd) : watch_tree_find(&a->tree, wd);

    if (d)
        d->dead = true;
}

static void take(struct watches *a, const struct inotify_event *v)
{
    struct watch_record r = {++a->seq, v->wd, v->mask, v->len > 0 ? v->name : ""};

    if (a->log_readers > 0)
        keep(a, &r);
    if (r.mask & IN_IGNORED)
        bury(a, r.wd);
    if (r.wd < 0)
        overflow(a, &r);
    else
        dispatch(a, &r, NULL);
}

/* Reads some. Returns how many bytes, 0: there are none. */
static size_t read_some(struct watches *a)
{
    _Alignas(struct inotify_event) char buffer[8 * KIB];
    ssize_t n = RETRY_EINTR(read(a->fd, buffer, sizeof buffer));

    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *v = (const void *)(buffer + at);

        take(a, v);
        at += (ssize_t)(sizeof *v + v->len);
    }
    return n > 0 ? (size_t)n : 0;
}

void watch_feed_drain(struct watches *a)
{
    int waiting = 0;

    if (a->fd < 0 || ioctl(a->fd, FIONREAD, &waiting) < 0)
        return;
    for (size_t n = 1, left = (size_t)waiting; left > 0 && n > 0; left -= MIN(n, left))
        n = read_some(a);
}

void watch_feed_readable(struct ev_loop *ev, ev_io *io, int revents)
{
    struct watches *a = io->data;

    (void)ev;
    if (revents & EV_ERROR) {
        loop_watch_failed(io);
        return;
    }
    for (size_t n = 1, left = TURN_BYTES; left > 0 && n > 0; left -= MIN(n, left))
        n = read_some(a);
}
