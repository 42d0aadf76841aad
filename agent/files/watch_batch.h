/* Events on their way out: taken from a watcher, as messages, with their entries where the client wants them.
 *
 * Reading entries is a worker's: the batch is the job then, and `done` gets it back on the loop. Who has the batch frees it. */
#ifndef FILES_WATCH_BATCH_H
#define FILES_WATCH_BATCH_H

#include "core/arena.h"
#include "filesystem/filesystem.pb-c.h"
#include "guest/fs/watch.h"

struct watch_batch {
    struct job job;
    void (*done)(struct watch_batch *b); /* on the loop; owns the batch */
    void *context;                       /* done's: what lives as long as the process */
    ticket waiting;                      /* and who waits for it */
    struct fs_caller caller;
    char *root;                 /* absolute path of the watched directory */
    bool brief;                 /* rpc_legacy_client */
    struct watch_events events; /* what the messages point to */
    struct arena arena;         /* DECODE_MAX */
    size_t count;               /* messages */
    size_t sent;                /* of them, by its owner */
    Filesystem__FilesystemEvent **messages;
};

/* Takes at most `max` events of the watcher. NULL: there are none, or (*e, status not OK) no memory; then all are still there. */
struct watch_batch *watch_batch_take(struct watcher *w, size_t max, bool brief, struct err *e);

/* Has a worker read the entries as the watcher's caller. Returns 0: `done` follows; or -1: the messages have none. */
MUST_CHECK int watch_batch_read(struct watch_batch *b, struct fs_workers *workers);

void watch_batch_free(struct watch_batch *b);

#endif
