/* The network floor: listeners, their connections, and what all of them share: memory, time-outs, limits.
 * It knows no protocol and no policy: a listener carries a protocol and a gatekeeper, which main chooses. */
#ifndef NET_NET_H
#define NET_NET_H

#include "core/err.h"
#include "net/conn.h"

struct listener {
    TAILQ_ENTRY(listener) link;
    struct net *net;
    struct address address; /* as bound */
    const struct net_protocol *protocol;
    /* Decides at accept whether the peer may connect at all. NULL: everyone may. */
    bool (*admit)(const struct listener *l, const struct peer *peer);
    void *protocol_arg; /* the protocol's */
    const void *policy; /* the gatekeeper's */
    int fd;
    ev_io io;
    bool unlink_path; /* the socket file is ours to remove */
};

struct net_stats {
    uint64_t accepted;
    uint64_t refused;    /* by the gatekeeper */
    uint64_t overflowed; /* no room */
    uint64_t evicted;    /* idle, closed for a newcomer */
    uint64_t dead_peers;
};

struct net {
    struct loop *loop;
    struct seg_pool *pool;    /* output: rings and frames */
    struct seg_pool *in_pool; /* request bodies */
    uint32_t max_connections;
    uint32_t count;
    uint64_t generation;
    uint64_t last_id; /* of the newest connection */
    TAILQ_HEAD(, conn) conns;
    TAILQ_HEAD(, listener) listeners;
    struct timerq idle, header, linger, stall, stall_again;
    struct conn *overdraft; /* may read a body although in_pool is exhausted */
    int spare_fd;           /* closed to accept and refuse when descriptors run out */
    bool shutting_down;
    struct net_stats stats;
    uint64_t refused_told_ms; /* when the log heard of the last refusal */
};

/* Prepares; nothing listens yet. The pools must outlive it. */
void net_init(struct net *n, struct loop *loop, struct seg_pool *pool, struct seg_pool *in_pool,
              uint32_t max_connections);

/* Binds and listens. l->address, protocol, its argument, admit and policy are set by the caller, who owns the
 * listener's memory. A stale unix socket (nobody answers) is replaced; a new one gets mode 0600. Returns 0,
 * or -1 with *e naming the address: failed_precondition (in use), permission_denied, unavailable (no such
 * transport) or internal. */
MUST_CHECK int net_listen(struct net *n, struct listener *l, struct err *e);

/* Stops accepting on all listeners, closes them and removes their socket files. */
void net_unlisten(struct net *n);

/* Tells every connection to take nothing new, and to end when what runs on it is over. */
void net_drain(struct net *n);

/* Tells every connection to end in order, with what runs on it. net->count falls to 0 when all have. */
void net_shutdown(struct net *n);

/* Ends all connections older than the new generation with a reset. */
void net_new_generation(struct net *n);

/* A segment to read a request body into; NULL: none now, do not read: the connection's `readable` comes again
 * when there is one. One connection at a time may go on with heap segments, so that a full pool cannot be a
 * deadlock: it has the overdraft until conn_body_done. */
struct seg *conn_body_seg(struct conn *c);
void conn_body_done(struct conn *c);

/* in_pool's on_free: there is memory for bodies again. */
void net_body_memory_free(struct net *n);

#endif
