/* The agent of StacyVM, as its host knows it: frames of JSON on a connection of its own (docs/protocol.md, "StacyVM"). A protocol of
 * net/ over guest/: it runs what the other services run.
 *
 * Bounds: STACYVM_FRAME_MAX, STACYVM_REQUEST_MAX, STACYVM_BLOCK, STACYVM_OUTPUT_MAX, STACYVM_OUTPUT_TOTAL,
 * STACYVM_CONNECTIONS_MAX. */
#ifndef STACYVM_STACYVM_H
#define STACYVM_STACYVM_H

#include "core/ticket.h"
#include "guest/exec/exec.h"
#include "guest/fs/workers.h"
#include "net/net.h"

struct stacyvm {
    struct loop *loop;
    struct seg_pool *pool;
    struct execs *execs;
    struct fs_workers *workers;
    struct settings *settings;
    uint64_t exec_max_ms;   /* life of a process */
    char user[16];          /* whose: the agent's own uid */
    struct tickets dialogs; /* connections */
    size_t output;          /* bytes of output that exec has collected, in all connections */
    void (*shutdown)(void); /* the machine is to end in order */
    /* Whether the caller may call now. Returns 0, or -1 with *e. NULL: everybody may. */
    int (*authorize)(struct conn *c, struct err *e);
};

/* Prepares; what is passed must outlive it. exec_max_ms: after it a process is killed. */
void stacyvm_init(struct stacyvm *s, struct execs *execs, struct fs_workers *workers,
                  struct settings *settings, uint64_t exec_max_ms, void (*shutdown)(void));

/* Frees its table, when no connection is left. For tests. */
void stacyvm_destroy(struct stacyvm *s);

/* A listener's protocol; its protocol_arg is the struct stacyvm. */
extern const struct net_protocol stacyvm_protocol;

#endif
