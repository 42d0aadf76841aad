/* Connections: a socket, its out-queue, and the protocol that speaks on it.
 *
 * A protocol is a struct net_protocol. Its callbacks come on the loop's thread, never from inside a conn_
 * function:
 *
 *   accept    a connection was made: attach state. Returns -1 to refuse it (it is closed without `closed`).
 *   readable  bytes (or the end) can be read with conn_read.
 *   writable  the out-queue is empty and the socket takes more: append to conn->out, set conn->tail, or do nothing.
 *             Comes after conn_kick too.
 *   closed    the connection is gone, for `why`: free the state. Exactly once for an accepted connection.
 *
 * States: OPEN -> FINISHING (conn_finish: the out-queue is flushed, no more callbacks but closed) ->
 * LINGERING (our side is shut down, the peer's bytes are thrown away) -> dead. conn_abort goes to dead from
 * anywhere. Who owns: net owns the conn, the protocol its state. Both are valid until `closed` returns. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "core/address.h"
#include "core/chain.h"
#include "core/timerq.h"

struct net;
struct listener;
struct conn;

/* Why a connection or an exchange ended before its time. */
enum close_reason {
    CLOSE_DONE,      /* in order */
    CLOSE_PEER_GONE, /* the peer closed or reset it, or does not answer any more */
    CLOSE_TIMEOUT,   /* a time-out of ours */
    CLOSE_OLD,       /* of a generation before a snapshot's resume */
    CLOSE_SHUTDOWN,  /* the agent ends */
    CLOSE_ERROR,     /* bad input or no memory */
    CLOSE_DEADLINE,  /* the call's deadline (exchanges only) */
};

struct net_protocol {
    const char *name;
    int (*accept)(struct conn *c);
    void (*readable)(struct conn *c);
    void (*writable)(struct conn *c);
    void (*closed)(struct conn *c, enum close_reason why);
    /* The agent is about to end: take nothing new; when what runs is over, conn_finish. */
    void (*drain)(struct conn *c);
    /* The agent ends: end what runs, too, in order. After drain. */
    void (*shutdown)(struct conn *c);
    /* The time-out of conn_idle or conn_await_header came: true when the protocol dealt with it (a last
     * answer, then conn_finish), false: conn_abort. May be NULL. */
    bool (*timed_out)(struct conn *c);
    /* An idle connection is closed for a newcomer: append a last word to conn->out. May be NULL. */
    void (*farewell)(struct conn *c);
    /* Sent to a caller for whom there is no room, before its connection is closed; may be empty. */
    struct bytes busy;
};

struct peer {
    enum transport transport;
    uint32_t cid;  /* vsock: the peer's context id */
    uint32_t port; /* vsock */
    uid_t uid;     /* unix: of the process that connected (SO_PEERCRED) */
    bool known;    /* uid is valid */
};

enum conn_state { CONN_OPEN, CONN_FINISHING, CONN_LINGERING, CONN_DEAD };

/* Bytes that lie in a pipe. */
struct conn_pipe {
    int fd;
    size_t bytes;
};

struct conn {
    TAILQ_ENTRY(conn) link; /* of all connections */
    struct net *net;
    struct listener *listener;
    const struct net_protocol *protocol;
    void *state; /* the protocol's */
    struct peer peer;
    uint64_t id;         /* counts up from 1; they stand in net's list in its order */
    uint64_t opened_ms;  /* on the monotonic clock */
    uint64_t generation; /* of the guest's life between two resumes */
    int fd;
    enum conn_state phase;
    enum close_reason why;
    bool control_only; /* beyond CONNECTIONS_MAX - CONNECTIONS_CONTROL: serves control paths only */
    bool secret;       /* secrets have come: what was read into is wiped once it was used */
    bool want_read;
    bool blocked; /* the socket took less than we had; EV_WRITE waits */
    bool starved; /* its body waits for memory */
    struct chain out;
    struct conn_pipe
        tail; /* sent behind out, by splice(2); the protocol's, which keeps it until it is empty */
    struct task pump;
    ev_io rd;
    ev_io wr;
    struct timerq_entry timeout; /* idle, header or linger, by phase */
    struct timerq *timeout_in;
    struct timerq_entry stall;
    struct timerq *stall_in;
    size_t lingered; /* bytes thrown away */
};

enum { CONN_AGAIN = -1, CONN_ERROR = -2 };

/* Reads up to n bytes into buf. Returns their number, 0 at the end of the stream, CONN_AGAIN when there are
 * none now, or CONN_ERROR: the connection is dead then and `closed` will come. */
ssize_t conn_read(struct conn *c, void *buf, size_t n);

/* The same into several buffers. */
ssize_t conn_readv(struct conn *c, const struct iovec *iov, int n);

/* Whether `readable` is wanted. True at first. */
void conn_want_read(struct conn *c, bool want);

/* Something was appended to conn->out, or `writable` has something to append: at the end of this turn it is
 * sent. */
void conn_kick(struct conn *c);

/* No more will come from the protocol: send what is queued, then close in order. */
void conn_finish(struct conn *c);

/* Closes at once; the peer gets a reset where there are unread or unsent bytes. */
void conn_abort(struct conn *c, enum close_reason why);

/* Between requests (idle: IDLE_TIMEOUT_MS, and may be closed for a newcomer) or not (no time-out). */
void conn_idle(struct conn *c);
void conn_active(struct conn *c);

/* Waits for the rest of a header: HEADER_TIMEOUT_MS. */
void conn_await_header(struct conn *c);

#endif
