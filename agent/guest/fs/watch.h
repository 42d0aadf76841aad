/* Watches: what happens in directories, as envd's clients are told.
 *
 * A watcher lies in its owner's struct. It looks at one directory and, when it is recursive, at all below. States: arming (a worker
 * asks inotify to watch what is there) -> ready -> closed. A new directory below is armed too; meanwhile the watcher stands still,
 * and then goes through what inotify has told since (watch_feed.c). Its events:
 *
 *   ready    everything is armed: what happens from now on is told. Or, with an error, nothing is: the watcher is closed.
 *   changed  there are events to take.
 *   settled  watch_sync's wish has come true.
 *
 * They come from the loop's turn or from watch_sync of any watcher; a watcher is not closed there and then.
 * Events that are not taken are kept up to WATCH_EVENTS_MAX; then one WATCH_OVERFLOW takes the place of all that follow until the
 * queue is empty. The kernel's own queue has such an end too: every watcher gets a WATCH_OVERFLOW then, and a recursive one looks
 * for directories that it may have missed.
 *
 * There is one inotify instance, opened for the first watcher, and no timer. Threads: the loop's. */
#ifndef GUEST_FS_WATCH_H
#define GUEST_FS_WATCH_H

#include "core/ticket.h"
#include "guest/fs/watch_tree.h"
#include "guest/fs/workers.h"

enum watch_type {
    WATCH_OVERFLOW, /* events were lost here; anything may have happened */
    WATCH_CREATE,
    WATCH_WRITE,
    WATCH_REMOVE,
    WATCH_RENAME, /* it has another name now, or is elsewhere */
    WATCH_CHMOD,
};

struct watch_event {
    STAILQ_ENTRY(watch_event) link;
    enum watch_type type;
    char name[]; /* relative to the watched directory, "." for itself; bytes */
};
STAILQ_HEAD(watch_events, watch_event);

struct watcher;

struct watcher_events {
    void (*ready)(struct watcher *w, const struct err *e); /* NULL: it watches */
    void (*changed)(struct watcher *w);
    void (*settled)(struct watcher *w);
};

/* What inotify has told, kept while a watcher arms. */
struct watch_log_entry;

struct watches {
    struct loop *loop;
    struct fs_workers *workers;
    struct tickets tickets; /* watchers that workers arm for */
    TAILQ_HEAD(, watcher) watchers;
    unsigned count; /* of them */
    int fd;         /* inotify's; -1: none yet */
    ev_io readable;
    struct watch_tree tree;
    uint64_t seq;       /* records read */
    unsigned in_flight; /* workers that arm; till they are back no watch is ended */
    struct task sweep;
    bool sweeping; /* it has more than one turn's */
    STAILQ_HEAD(, watch_log_entry) log;
    size_t log_count;
    unsigned log_readers; /* watchers that arm and have lost nothing of it */
    size_t event_bytes;   /* of all queues */
};

struct watcher {
    TAILQ_ENTRY(watcher) link;
    struct watches *all; /* NULL: closed */
    const struct watcher_events *events;
    ticket ticket;
    struct fs_caller caller;
    bool recursive, network;
    char *path;              /* absolute; NULL before it is ready */
    struct watch_node *root; /* NULL before it is armed */
    bool ready;

    bool arming;                   /* a worker is under way */
    struct watch_node *arm_parent; /* for what lies in this directory; NULL: for the root */
    char *arm_name;                /* under this name */
    uint64_t cursor;               /* the record that began it, and what is read of the log */
    bool lost;                     /* the log was too long */
    bool resync;                   /* when it is done the whole tree is to be armed again */
    uint64_t mute_until;           /* records up to this one are older than `ready` */
    uint64_t sync_seq;             /* `settled` is wanted for this one; 0: not */
    struct watch_table seen;       /* names that arming has found and inotify may tell again */

    struct watch_events queue;
    size_t queued;
    struct watch_event
        *spare;    /* the next overflow: it needs no memory when there is none; NULL: it is in the queue */
    bool dropping; /* the last one in the queue is its overflow */
    bool owed;     /* there was no memory for the last one, nor a spare: the next is an overflow */
};

struct watch_spec {
    const char *path; /* as the client has it */
    const char *user; /* NULL: the default user */
    struct guest_env *env;
    bool as_user;
    bool recursive;
    bool network; /* a directory on a network file system, too */
};

/* Nothing is opened yet. Lives as long as the process; watches_destroy is for tests, without watchers and jobs. */
void watches_init(struct watches *a, struct loop *loop, struct fs_workers *workers);
void watches_destroy(struct watches *a);

/* Begins to watch; what the spec points to is copied, w must be zeroed. Returns 0: `ready` follows; or -1 with *e:
 * resource_exhausted, and w is as it was. */
MUST_CHECK int watch_open(struct watches *a, struct watcher *w, const struct watch_spec *spec,
                          const struct watcher_events *events, struct err *e);

/* Ends it; no event comes any more. One that was never opened or is closed is left alone. */
void watch_close(struct watcher *w);

/* Reads what inotify has now. Returns true when all of it that concerns the watcher is in its queue, else `settled` comes when it
 * is: a new directory is being armed. */
bool watch_sync(struct watcher *w);

/* The oldest event, which is the caller's to free(); NULL: none. */
struct watch_event *watch_take(struct watcher *w);

#endif
