/* What reading and writing a tree have in common: a work that goes to a worker again and again, as one caller, at one path.
 *
 * Who owns: the call's state while no worker is at it; then nobody, and its `done` finds the call or not. */
#ifndef FILES_TREE_WORK_H
#define FILES_TREE_WORK_H

#include <stdatomic.h>

#include "files/files.h"

struct tree_work {
    struct job job;
    struct files *files;
    ticket call; /* in files->waiting */
    struct fs_caller caller;
    char *path;        /* as the client wrote it */
    bool ends_early;   /* the first problem ends the call */
    atomic_bool stop;  /* nobody waits any more: the run under way ends early */
    struct user *user; /* the worker's; known from the first run on */
    bool failed;       /* for `error` */
    struct err error;
};

/* Fills it for the call; `bytes` stand for `path` where they are not empty. Returns 0, or -1 with *e: resource_exhausted, also with
 * TREES_MAX of them; invalid_argument for a NUL in the path. It is empty then. */
MUST_CHECK int tree_work_init(struct tree_work *w, struct rpc_call *call, const char *path,
                              const ProtobufCBinaryData *bytes, struct err *e);

/* Frees what it holds. */
void tree_work_clear(struct tree_work *w);

/* Hands it to the workers. Returns 0, or -1 with *e: it is still the caller's. */
MUST_CHECK int tree_work_submit(struct tree_work *w, struct err *e);

/* --- in a worker ----------------------------------------------------------------------------- */

/* The thread becomes the caller, until tree_work_leave. Returns 0, or -1 with *e. */
MUST_CHECK int tree_work_enter(struct tree_work *w, struct err *e);
void tree_work_leave(struct tree_work *w);

/* The absolute path, on the heap; NULL with *e. */
char *tree_work_path(const struct tree_work *w, struct err *e);

/* The error that a problem is where the first one ends the call: it names the path. */
void tree_work_fail(struct tree_work *w, enum status status, struct bytes path, const char *text);

#endif
