/* An exchange: one request and its response, whatever the HTTP version.
 *
 * The wire (h1, h2) parses a request into an exchange and calls http_begin; the router finds the
 * handler, which answers at once (http_reply), or becomes the exchange's owner with a struct http_events:
 *
 *   body      part of the request's body is in x->in: take what you want out of it (chain_move,
 *             chain_drop), then http_body_consumed. What stays there stops the reading when it is
 *             BODY_WINDOW bytes.
 *   body_end  the whole body has been delivered.
 *   produce   the connection takes more of a streamed response: append at most `max` bytes to `out`, or where the wire
 *             takes a pipe, fill in x->pipe; what lies there is the owner's until produce is called again.
 *   cancel    the exchange ends before its response did, for `why`. Only destroy follows.
 *   shutdown  the agent ends: finish in order and soon. May be NULL: the exchange simply goes on.
 *   destroy   the exchange is freed, exactly once: free what hangs on x->owner.
 *
 * Callbacks come from the loop's turn, never from inside the http_ functions below.
 * States: request head -> (authorization) -> body and response in parallel -> gone.
 * Who owns: the wire owns the exchange; the owner owns x->owner. */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "core/chain.h"
#include "core/err.h"
#include "core/ticket.h"
#include "http/fields.h"
#include "net/net.h"

struct http;
struct http_exchange;

enum http_route_flags {
    HTTP_PUBLIC = 1 << 0,  /* needs no token (it has a check of its own, or tells nothing) */
    HTTP_CONTROL = 1 << 1, /* served when only CONNECTIONS_CONTROL connections are left */
    HTTP_HOST = 1 << 2,    /* on vsock the host only may call it */
};

/* What a request is for. */
struct http_route {
    const char *method; /* "POST"; a GET route also answers HEAD */
    const char *path;   /* exact; NULL where `find` knows it (http.h) */
    unsigned flags;
    void (*begin)(struct http_exchange *x);
    /* Answers a caller who may not call it, in the form that its clients understand. NULL: as http_deny
     * does. */
    void (*deny)(struct http_exchange *x, const struct err *e);
    const void *arg;  /* the handler's, reached by x->route.arg */
    const void *item; /* which one of what `arg` stands for */
};

enum http_produced {
    HTTP_WAIT, /* nothing now: http_kick when there is */
    HTTP_MORE, /* appended something */
    HTTP_END,  /* the response ends after what was appended, if anything was */
};

struct http_events {
    void (*body)(struct http_exchange *x);
    void (*body_end)(struct http_exchange *x);
    enum http_produced (*produce)(struct http_exchange *x, struct chain *out, size_t max);
    void (*cancel)(struct http_exchange *x, enum close_reason why);
    void (*shutdown)(struct http_exchange *x);
    void (*destroy)(struct http_exchange *x);
};

/* What a wire does for an exchange. */
struct http_wire {
    const char *protocol_name;               /* "HTTP/1.1" */
    void (*kick)(struct http_exchange *x);   /* the response has something to send */
    void (*resume)(struct http_exchange *x); /* x->in has room again */
    void (*abort)(struct http_exchange *x);  /* break the response off: the peer must not take it as whole */
    void (*want_body)(
        struct http_exchange *x); /* the owner wants the body: 100 Continue where it is expected */
};

struct http_exchange {
    TAILQ_ENTRY(http_exchange) starved_link;
    bool starved; /* in http->starved */
    struct http *http;
    struct conn *conn;
    const struct http_wire *wire;
    void *wire_state;
    struct http_route route; /* `begin` is NULL where there is none */

    /* the request */
    char method[16];    /* upper case */
    char *target;       /* as sent, NUL-terminated; owned */
    struct bytes path;  /* of target, as sent: not decoded */
    struct bytes query; /* after '?', as sent; empty without one */
    struct http_fields request;
    int64_t content_length; /* -1: unknown until it ends */
    bool expects_continue;
    bool body_complete; /* the wire has delivered all of it */
    bool body_told;     /* and the owner knows */
    bool body_declined; /* the handler's: the answer is known; the body is not asked for */
    struct chain in;    /* delivered and not consumed */

    /* the response */
    int status; /* 0: none yet */
    struct http_fields response;
    struct http_fields trailers; /* sent behind a streamed response, where the wire can */
    struct chain body;           /* of a response that is known whole */
    bool streamed;               /* or by produce */
    int64_t response_length;     /* bytes; -1: unknown until it ends */
    bool head_only;              /* HEAD: the body is not sent */
    bool takes_pipe;             /* the wire can send what lies in a pipe; known when produce is called */
    struct conn_pipe pipe;       /* for it: sent behind what produce appended */
    bool ended;                  /* the wire has all of it */
    bool broken;                 /* memory ran out while it was made */
    bool over;                   /* cancelled or aborted: no callback but destroy */

    /* who serves it */
    const struct http_events *events;
    void *owner;
    ticket waiting; /* for authorization; 0: not waiting */

    /* who asks: filled by the authorization hook */
    char *user;   /* name of the Basic user, checked to exist; NULL: none was given; owned */
    bool allowed; /* may make calls that are not public: a route with HTTP_PUBLIC need not check more */
};

/* --- for handlers ---------------------------------------------------------------------------- */

/* The first request field of that name (lower case); ptr is NULL without one. */
struct bytes http_request_field(const struct http_exchange *x, const char *name);

/* Becomes the owner. Call it from the route's `begin`. */
void http_own(struct http_exchange *x, const struct http_events *events, void *owner);

/* Adds a response field. Failure is remembered: the response becomes a 500. */
void http_add(struct http_exchange *x, const char *name, const char *value);
void http_add_bytes(struct http_exchange *x, const char *name, struct bytes value);

/* Adds a field behind the body of a streamed response; HTTP/1.0 drops it. Failure is remembered: the
 * exchange is broken off instead of ended. Until produce returned HTTP_END. */
void http_add_trailer(struct http_exchange *x, const char *name, struct bytes value);

/* Answers with a whole body (type may be NULL: no Content-Type; body may be empty). */
void http_reply(struct http_exchange *x, int status, const char *type, struct bytes body);

/* The same; the bytes move out of `body`. */
void http_reply_chain(struct http_exchange *x, int status, const char *type, struct chain *body);

/* The same, of JSON. */
void http_reply_json(struct http_exchange *x, int status, struct chain *body);

/* Answers with a line of text. */
void http_reply_text(struct http_exchange *x, int status, const char *text);

/* Begins a response whose body comes from produce, of `length` bytes: not one more, and what ends before is broken off by
 * http_abort. -1: nobody knows. */
void http_stream(struct http_exchange *x, int status, const char *type, int64_t length);

/* From `produce` only: there is something, but no memory to send it. It is asked again when there may be some, and before long
 * in any case. */
void http_starve(struct http_exchange *x);

/* produce has something again, or a response has begun. */
void http_kick(struct http_exchange *x);

/* Something was taken from x->in. */
void http_body_consumed(struct http_exchange *x);

/* Breaks the exchange off in a way that the peer notices. cancel is not called; destroy is. */
void http_abort(struct http_exchange *x);

/* Answers in the REST style of the contract: {"code":404,"message":"..."}. */
void http_error(struct http_exchange *x, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The first value of a query parameter, percent-decoded, NUL-terminated, owned by the caller. NULL: it is
 * absent, or memory is short (errno is ENOMEM then, and else as it was), or it holds a NUL (*present tells the
 * last two apart from the first). */
char *http_query(const struct http_exchange *x, const char *name, bool *present);

/* The same of any bytes: *len of them, and a NUL behind. */
char *http_query_bytes(const struct http_exchange *x, const char *name, size_t *len, bool *present);

/* --- for wires ------------------------------------------------------------------------------- */

/* A new exchange, or NULL. The wire fills the request's part. */
struct http_exchange *http_exchange_new(struct http *http, struct conn *c, const struct http_wire *wire,
                                        void *state);

/* Sets method and target. Returns 0, or -1 when out of memory. */
MUST_CHECK int http_exchange_target(struct http_exchange *x, const char *method, struct bytes target);

/* The head is complete: authorization, routing, handler. */
void http_begin(struct http_exchange *x);

/* Bytes were appended to x->in; `end`: the body is complete. */
void http_body_arrived(struct http_exchange *x, bool end);

/* The exchange cannot go on: cancel, unless the response has ended. The wire frees it afterwards. */
void http_cancel(struct http_exchange *x, enum close_reason why);

void http_exchange_free(struct http_exchange *x);

#endif
