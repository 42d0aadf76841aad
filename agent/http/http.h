/* The HTTP floor: routes, and who may call them. main fills the table; a wire brings the exchanges. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "http/exchange.h"

enum http_route_flags {
    HTTP_PUBLIC = 1 << 0,  /* needs no token (it has a check of its own, or tells nothing) */
    HTTP_CONTROL = 1 << 1, /* served when only CONNECTIONS_CONTROL connections are left */
    HTTP_HOST = 1 << 2,    /* on vsock the host only may call it */
};

struct http_route {
    const char *method; /* "POST"; a GET route also answers HEAD */
    const char *path;   /* exact */
    unsigned flags;
    void (*begin)(struct http_exchange *x);
    /* Answers a caller who may not call it, in the form that its clients understand. NULL: as http_deny
     * does. */
    void (*deny)(struct http_exchange *x, const struct err *e);
    const void *arg; /* the handler's, reached by x->route->arg */
};

/* What the authorization hook says. HTTP_PENDING: http_authorized will be called with x->waiting. */
enum http_verdict { HTTP_ALLOW, HTTP_DENY, HTTP_PENDING };

struct http {
    struct net *net;
    /* Decides over a request before it is routed (x->route is set where there is one). On HTTP_DENY it has
     * already answered. */
    enum http_verdict (*authorize)(struct http_exchange *x);
    void *authorize_arg;
    struct http_route *routes; /* open addressing by path, `slots` entries */
    uint32_t slots, count;
    struct tickets waiting;
    TAILQ_HEAD(, http_exchange) starved; /* had no memory for a piece of their responses */
    ev_timer hungry;                     /* these try again */
    uint64_t requests;
};

void http_init(struct http *h, struct net *net);

/* Adds a route; its strings must live as long as the table. Returns 0, or -1 when out of memory. */
MUST_CHECK int http_route_add(struct http *h, const struct http_route *r);

/* The route for method and path; NULL when there is none, *allowed then says which methods the path has
 * ("GET, HEAD, POST"; empty: no such path). allowed has room for 64 bytes. */
const struct http_route *http_route_find(const struct http *h, const char *method, struct bytes path,
                                         char *allowed);

/* The output pool's on_free: exchanges that http_starve was called for try again. */
void http_memory_free(struct http *h);

/* The answer to HTTP_PENDING: allow (denied is NULL), or http_deny. Nothing happens when the exchange is
 * gone. */
void http_authorized(struct http *h, ticket waiting, const struct err *denied);

/* Answers as the route's `deny` does, else with the status that fits e and {"code":"<its
 * name>","message":"..."}. */
void http_deny(struct http_exchange *x, const struct err *e);

/* The HTTP status of a status code: https://connectrpc.com/docs/protocol#error-codes. */
int http_status_of(enum status status);

/* Frees the table. For tests. */
void http_destroy(struct http *h);

/* CORS, as rs/cors answers with "any origin": a preflight is answered (true), another request gets its
 * response fields (false). */
bool http_cors(struct http_exchange *x);

/* HTTP/1.0 and 1.1 on a connection; the listener's protocol_arg must point to the struct http. */
extern const struct net_protocol http_h1;

#endif
