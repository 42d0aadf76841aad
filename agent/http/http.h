/* The HTTP floor: routes, and who may call them. main fills the table; a wire brings the exchanges. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "http/exchange.h"

/* What the authorization hook says. HTTP_PENDING: http_authorized will be called with x->waiting. */
enum http_verdict { HTTP_ALLOW, HTTP_DENY, HTTP_PENDING };

struct http {
    struct net *net;
    /* Decides over a request before it is routed (x->route says for what). On HTTP_DENY it has
     * already answered. */
    enum http_verdict (*authorize)(struct http_exchange *x);
    void *authorize_arg;
    struct http_route *routes; /* `count` of them, with room for `room` */
    uint32_t count, room;
    /* Routes that stand in no table: as http_route_find, which asks where the table has nothing. NULL: there are none. */
    bool (*find)(const void *arg, const char *method, struct bytes path, struct http_route *r, char *allowed);
    const void *find_arg;
    struct tickets waiting;
    TAILQ_HEAD(, http_exchange) starved; /* had no memory for a piece of their responses */
    ev_timer hungry;                     /* these try again */
    uint64_t requests;
};

void http_init(struct http *h, struct net *net);

/* Adds a route; its strings must live as long as the table. Returns 0, or -1 when out of memory. */
MUST_CHECK int http_route_add(struct http *h, const struct http_route *r);

enum { HTTP_ALLOWED_MAX = 64 };

/* Whether there is a route for method and path, which is copied to *r. Where not, *r stays as it is, and `allowed` says which methods the path has
 * ("GET, HEAD, POST"; empty: no such path). It has room for HTTP_ALLOWED_MAX bytes. */
bool http_route_find(const struct http *h, const char *method, struct bytes path, struct http_route *r,
                     char *allowed);

/* For a `find`: whether a route of that method answers the request's; else it is added to what is allowed. */
bool http_route_answers(const char *route_method, const char *method, char *allowed);

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
