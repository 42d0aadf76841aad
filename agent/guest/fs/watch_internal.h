/* What the files of the watches share. Others use watch.h. */
#ifndef GUEST_FS_WATCH_INTERNAL_H
#define GUEST_FS_WATCH_INTERNAL_H

#include "guest/fs/watch.h"

/* What inotify tells, or (wd -1) that it told too much. */
struct watch_record {
    uint64_t seq; /* the first one is 1 */
    int wd;
    uint32_t mask;
    const char *name; /* "" for the directory itself */
};

/* --- watch.c --------------------------------------------------------------------------------- */

/* A directory has come into being: arms it and what is below, from this record on. */
void watch_arm_below(struct watch_node *parent, const char *name, uint64_t seq);

/* Events were lost: says so and, in a recursive watcher, arms the whole tree again. */
void watch_lose(struct watcher *w, uint64_t seq);

/* --- watch_feed.c ---------------------------------------------------------------------------- */

/* A watcher begins to arm: what inotify tells from now on is kept for it. And it has armed: goes through that, until it arms again
 * or is through. */
void watch_feed_hold(struct watcher *w);
void watch_feed_replay(struct watcher *w);

/* Forgets what was kept for a watcher that closes while it arms. */
void watch_feed_leave(struct watcher *w);

/* Frees what nobody has to read any more. */
void watch_feed_trim(struct watches *a);

/* Reads what inotify has at this moment. */
void watch_feed_drain(struct watches *a);

/* inotify's descriptor is readable. */
void watch_feed_readable(struct ev_loop *ev, ev_io *io, int revents);

/* --- watch_queue.c --------------------------------------------------------------------------- */

/* An empty queue. Returns 0, or -1 without memory. */
MUST_CHECK int watch_queue_begin(struct watcher *w);

/* Puts an event of `name` in the node's directory ("": of itself) into the watcher's queue, or its overflow. */
void watch_queue_put(struct watcher *w, const struct watch_node *n, const char *name, enum watch_type type);

/* Frees the queue. */
void watch_queue_clear(struct watcher *w);

/* A name was found in the node's directory: records up to `until` may tell of it again. Without memory it is told twice. */
void watch_queue_see(struct watcher *w, const struct watch_node *n, const char *name, uint64_t until);

/* Whether the record tells again what was found; that is true once for each name. */
bool watch_queue_seen(struct watcher *w, const struct watch_node *n, const char *name, uint64_t seq);

/* Forgets the names. */
void watch_queue_unsee(struct watcher *w);

#endif
