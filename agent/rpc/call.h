/* A call, and what the protocols of this floor need to know of it. Methods use rpc.h only. */
#ifndef RPC_CALL_H
#define RPC_CALL_H

#include "rpc/rpc.h"

struct rpc_detail {
    STAILQ_ENTRY(rpc_detail) link;
    size_t len;
    const uint8_t *bytes; /* the binary form; behind the name */
    char type[];          /* the message's full name */
};

/* A protocol: how calls look on HTTP. Connect's unary and streaming forms are two of these. */
struct rpc_protocol {
    /* Starts the response: its first message is on the way. NULL: it starts with `finish`. */
    void (*begin)(struct rpc_call *call);
    /* Appends what stands before an encoded message of `len` bytes. NULL: nothing does. Returns 0 or -1. */
    int (*frame)(struct rpc_call *call, size_t len, struct chain *out);
    /* Looks at the front of call->in for a message: *message is its bytes, decompressed and in one piece, and
     * call->taken how many bytes of call->in it took. Returns 1; 0: more bytes are needed; -1: *e, the call
     * ends. */
    int (*next)(struct rpc_call *call, struct bytes *message, struct err *e);
    /* Looks at what has come of an unfinished request: -1 with *e when the rest need not be waited for. NULL: nothing can be
     * said before. */
    int (*check)(const struct rpc_call *call, struct err *e);
    /* The call has finished: answer. NULL: `end` does when the connection comes to it. */
    void (*finish)(struct rpc_call *call);
    /* Appends the end of a streamed response. Returns 0 or -1. */
    int (*end)(struct rpc_call *call, struct chain *out);
};

struct rpc_call {
    TAILQ_ENTRY(rpc_call) starved_link;
    bool starved; /* in rpc->starved */
    struct rpc *rpc;
    struct http_exchange *x;
    const struct rpc_service *service;
    const struct rpc_method *method;
    const struct rpc_protocol *protocol;
    enum codec codec;
    bool gzip_in; /* messages may come compressed */
    void *state;
    void (*destroy)(void *state);

    struct chain in;    /* request bytes not yet given to the method */
    uint8_t *message;   /* the message under way, where it had to be copied together; owned */
    size_t taken;       /* bytes of `in` that it took */
    struct arena arena; /* what it was decoded to */
    unsigned messages;  /* delivered */
    bool half_closed;   /* the request is complete, and all of it in `in` */
    bool held;          /* RPC_HOLD */
    bool delivering;    /* a message callback is on the stack */
    struct task resume;

    struct chain out;    /* encoded, waiting for the connection */
    struct chain *frame; /* what produce appends to; NULL outside */
    bool begun;          /* the response has */
    bool finished;       /* rpc_finish was called, or the call was cancelled */
    bool failed;         /* with call->error */
    struct err error;
    STAILQ_HEAD(, rpc_detail) details;
    struct http_fields trailers; /* the method's trailing metadata */

    uint64_t timeout_ms;
    ev_timer deadline;
    ev_timer keepalive;
    const ProtobufCMessage *keepalive_message;
    unsigned keepalive_s;
    ev_tstamp sent_at;
};

/* Connect: https://connectrpc.com/docs/protocol. Looks at a request for the method and makes its call; NULL
 * when it was answered with an HTTP error instead. */
struct rpc_call *connect_accept(struct rpc *r, struct http_exchange *x, const struct rpc_service *service,
                                const struct rpc_method *method);

/* Denies a request before it is a call: route->deny of RPC routes. */
void connect_deny(struct http_exchange *x, const struct err *e);

/* A call on the exchange, which it owns from now on; NULL: out of memory or too many calls (*e). */
struct rpc_call *call_new(struct rpc *r, struct http_exchange *x, const struct rpc_service *service,
                          const struct rpc_method *method, const struct rpc_protocol *protocol,
                          enum codec codec, struct err *e);

/* Starts the deadline and the flow of messages. */
void call_start(struct rpc_call *call);

#endif
