/* A call, and what the protocols of this floor need to know of it. Methods use rpc.h only. */
#ifndef RPC_CALL_H
#define RPC_CALL_H

#include "rpc/codec/proto_lift.h"
#include "rpc/rpc.h"

struct rpc_detail {
    STAILQ_ENTRY(rpc_detail) link;
    size_t len;
    const uint8_t *bytes; /* the binary form; behind the name */
    char type[];          /* the message's full name */
};

/* A protocol: how calls look on HTTP. Connect's unary and streaming forms are two of these, and gRPC-Web's binary and
 * text forms. What differs in names only stands here as data. */
struct rpc_protocol {
    const char *types[2];        /* content type of requests and responses, by codec */
    const char *shorthand;       /* one more name for types[CODEC_PROTO], or NULL */
    bool unary, streams;         /* which kinds of methods it carries */
    bool enveloped;              /* messages have an envelope; else the body is the message */
    bool text;                   /* bodies are base64 */
    size_t details_max;          /* bytes of an error's details: RPC_DETAILS_MAX, TRAILER_DETAILS_MAX */
    const char *encoding;        /* request and response field: how messages are compressed */
    const char *accept_encoding; /* request field: how they may be */
    const char *timeout;         /* request field: the deadline */
    int (*parse_timeout)(struct bytes v, uint64_t *ms, struct err *e);
    /* Looks at the request's other fields. NULL: there are none. Returns 0, or -1 with *e. */
    int (*check)(struct http_exchange *x, struct err *e);
    /* Answers a request that does not become a call. */
    void (*deny)(struct http_exchange *x, const char *type, const struct err *e);
    /* The call has finished: answer. NULL: the response is streamed, and ends with `end`. */
    void (*finish)(struct rpc_call *call);
    /* Appends the end of a streamed response. Returns 0 or -1. */
    int (*end)(struct rpc_call *call, struct chain *out);
};

extern const struct rpc_protocol connect_unary;
extern const struct rpc_protocol connect_stream;
extern const struct rpc_protocol grpc;
extern const struct rpc_protocol grpc_web;
extern const struct rpc_protocol grpc_web_text;

struct rpc_call {
    struct rpc *rpc;
    struct http_exchange *x;
    const struct rpc_service *service;
    const struct rpc_method *method;
    const struct rpc_protocol *protocol;
    enum codec codec;
    const char *type; /* content type of the response */
    bool gzip_in;     /* messages may come compressed */
    bool gzip_out;    /* and are sent so */
    void *state;
    void (*destroy)(void *state);

    uint8_t quad[4]; /* of base64 text that is not complete */
    unsigned quad_len;
    struct chain in;        /* request bytes not yet given to the method */
    uint8_t *message;       /* the message under way, where it had to be copied together; owned */
    size_t taken;           /* bytes of `in` that it took */
    struct proto_lift lift; /* what stays in `in` of it: RPC_BULK */
    struct chain bulk;      /* references to that */
    struct arena arena;     /* what it was decoded to */
    unsigned messages;      /* delivered */
    bool half_closed;       /* the request is complete, and all of it in `in` */
    bool held;              /* RPC_HOLD */
    bool full;              /* held because too many answers wait */
    bool delivering;        /* a message callback is on the stack */
    struct task resume;

    struct chain out;        /* encoded, waiting for the connection */
    struct chain plain;      /* what was produced and is not base64 text yet */
    struct chain *frame;     /* what produce appends to; NULL outside */
    bool emitted;            /* it has */
    bool begun;              /* the response has */
    bool ended;              /* of a text body: all is in `plain` */
    bool finished;           /* rpc_finish was called, or the call was cancelled */
    const struct err *error; /* that it failed with; NULL: none. Owned, but for call.c's no_memory */
    STAILQ_HEAD(, rpc_detail) details;
    struct http_fields trailers; /* the method's trailing metadata */

    uint64_t timeout_ms;
    ev_timer deadline;
    ev_timer keepalive;
    const ProtobufCMessage *keepalive_message;
    unsigned keepalive_s;
    ev_tstamp sent_at;
};

/* A call on the exchange, which it owns from now on; NULL: out of memory or too many calls (*e). */
struct rpc_call *call_new(struct rpc *r, struct http_exchange *x, const struct rpc_service *service,
                          const struct rpc_method *method, const struct rpc_protocol *protocol,
                          enum codec codec, struct err *e);

/* Starts the deadline and the flow of messages. */
void call_start(struct rpc_call *call);

/* Reads whether messages are compressed out of the value of an encoding field. Returns 0, or -1 with *e. */
int rpc_parse_encoding(struct bytes v, bool *gzip, struct err *e);

/* Whether the list of an accept-encoding field has gzip. */
bool rpc_accepts_gzip(struct bytes v);

/* --- connect_get.c --------------------------------------------------------------------------- */

/* Reads a unary call of Connect out of the query of a GET: its codec, whether its message is compressed, and the message,
 * which is appended to `in`. Returns 1; 0: it is in a codec that we do not have; -1: *e, for connect_unary.deny. */
int connect_get(struct http_exchange *x, enum codec *codec, bool *gzip, struct chain *in, struct err *e);

/* --- message.c ------------------------------------------------------------------------------- */

/* Looks at the front of call->in for a message: *message is its bytes, decompressed and in one piece, and call->taken how
 * many bytes of call->in it took. Returns 1; 0: more bytes are needed; -1: *e, the call ends. */
int message_next(struct rpc_call *call, struct bytes *message, struct err *e);

/* Looks at what has come of an unfinished request: -1 with *e when the rest need not be waited for, else 0 or 1. */
int message_check(const struct rpc_call *call, struct err *e);

/* Appends what came of the body to call->in, decoded where it is text. `in` is empty then. Returns 0, or -1 with *e. */
int message_receive(struct rpc_call *call, struct chain *in, bool complete, struct err *e);

/* Appends m to `out`: encoded, compressed, with its envelope. On failure (-1, *e) `out` is as it was. */
int message_encode(struct rpc_call *call, const ProtobufCMessage *m, const struct chain *bulk,
                   struct chain *out, struct err *e);

/* The same of what is encoded and compressed, and moves. */
int message_append(const struct rpc_call *call, struct chain *encoded, struct chain *out, struct err *e);

/* Appends an envelope with the given flags around `body`, which is empty then. On failure (-1) `out` is as it was. */
int message_envelope(uint8_t flags, struct chain *body, struct chain *out);

/* Whether envd's oldest client asks. */
bool connect_legacy(const struct http_exchange *x);

#endif
