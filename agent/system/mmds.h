/* Firecracker's metadata service, version 2: a token by PUT, the data by GET, at a fixed link-local address.
 * Source: firecracker docs/mmds/mmds-user-guide.md.
 *
 * One ask is under way at a time, whoever wants it: the poll of the start and of each /init, and every /init that has to know
 * which token the host allows. Who comes while it is under way gets its answer.
 *
 * The poll: a look at once; after a failure MMDS_TICK_MS, then twice that, up to MMDS_TICK_MAX_MS; it ends with the first
 * answer that names a sandbox, after MMDS_POLL_MS, or where there is no route to the service, for nobody will answer there.
 *
 * States of an ask: none -> token -> data -> none. Events, from the loop's turn: `found` with each answer that names a sandbox,
 * `none` when a poll ends without one; a waiter's `answered` once. When idle there is neither a timer nor a connection.
 * Who frees: mmds_destroy; a waiter is the caller's. */
#ifndef SYSTEM_MMDS_H
#define SYSTEM_MMDS_H

#include "http/client.h"
#include "system/mmds_data.h"

struct mmds_wait {
    TAILQ_ENTRY(mmds_wait) link;
    bool waiting;
    /* m: what the service says now; what it said last when it does not answer; NULL: it never did. */
    void (*answered)(struct mmds_wait *w, const struct mmds_data *m);
};

struct mmds {
    struct http_client client;
    void (*found)(struct mmds *d, const struct mmds_data *m);
    void (*none)(struct mmds *d);
    bool asking;
    bool has_token; /* of this ask */
    struct mmds_data last;
    bool known; /* last is an answer */
    TAILQ_HEAD(mmds_waiters, mmds_wait) waiting;
    ev_timer tick;
    bool polling;
    unsigned tick_ms;
    uint64_t poll_until_ms; /* CLOCK_MONOTONIC */
};

void mmds_init(struct mmds *d, struct loop *loop);

/* Begins to poll, unless it is polling. */
void mmds_poll(struct mmds *d);

/* Asks once; w is the caller's until `answered` or mmds_cancel. */
void mmds_ask(struct mmds *d, struct mmds_wait *w);

/* w waits no more; nothing happens when it does not wait. */
void mmds_cancel(struct mmds *d, struct mmds_wait *w);

void mmds_destroy(struct mmds *d);

#endif
