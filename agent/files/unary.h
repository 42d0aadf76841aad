/* Unary calls about files: the request goes to a worker, the answer comes back. Where the kernel has all in memory that is asked for,
 * the answer is made at once (unary_begin_cached).
 *
 * States: waiting for a worker -> at work -> done (answered, or nobody waits any more). A call that ends from outside (its client
 * is gone, its deadline has passed) sets `stop`, by which long work ends early; what the worker found is then dropped. The job
 * owns all that it works with, and is freed by its own `done`. */
#ifndef FILES_UNARY_H
#define FILES_UNARY_H

#include <stdatomic.h>

#include "files/files.h"
#include "guest/fs/caller.h"
#include "guest/fs/entry.h"

struct unary {
    struct job job;
    struct files *files;
    ticket waiting; /* of the call */
    struct fs_caller caller;
    bool legacy;                     /* rpc_legacy_client */
    const struct fs_cached *cached;  /* on the loop's thread, where nothing may wait; NULL: in a worker */
    struct arena arena;              /* of request, response and what they point to; LIST_BYTES_MAX */
    const ProtobufCMessage *request; /* the call's; in a worker a copy */
    /* As the caller. Sets response and returns 0, or returns -1 with *e. */
    int (*work)(struct unary *u, const struct user *user, struct err *e);
    ProtobufCMessage *response;
    struct rpc_form form; /* of the call's messages */
    struct chain encoded; /* the response, made by the worker; the loop only sends it */
    bool failed;
    struct err error;
    atomic_bool stop;
};

/* From a method's `message`: has a worker do it, and answers or fails the call. */
enum rpc_taken unary_begin(struct rpc_call *call, const ProtobufCMessage *m,
                           int (*work)(struct unary *u, const struct user *user, struct err *e));

/* The same of work that may be done at once: it is tried on the loop's thread first, with u->cached, and there fails (*e need not
 * say why) where it would have to wait or finds anything unusual. Then a worker does it. */
enum rpc_taken unary_begin_cached(struct rpc_call *call, const ProtobufCMessage *m,
                                  int (*work)(struct unary *u, const struct user *user, struct err *e));

/* Where the work is done: the absolute path that the caller means, on the heap; NULL with *e. `bytes` stand for `text` where they are
 * not empty; NULL: there are none. invalid_argument for a NUL in them. */
char *unary_path(struct unary *u, const struct user *user, const char *text, const ProtobufCBinaryData *bytes,
                 struct err *e);

#endif
