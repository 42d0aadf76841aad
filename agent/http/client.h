/* The agent as a client: one request after the other to one address, HTTP/1.1, on the loop. It is there for what the host tells
 * and takes by HTTP (the metadata service, the logs' collector), and does what these need and nothing more: no redirects, no
 * cookies, no TLS, no names.
 *
 * States: IDLE (perhaps with a kept connection) -> ASKED -> CONNECTING (unless one is kept) -> SENDING -> RECEIVING -> IDLE.
 * Events, from the loop's turn, never from inside a function below; either ends the request, and a new one may be asked from it:
 *   answered   the answer is in client->answer, whole, until the next http_client_ask or http_client_close
 *   failed     there is none: no route, refused, broken off, too long, no HTTP, or timeout_ms are over
 * A kept connection that the peer closed before a byte of an answer came is replaced by a new one, once: a request may arrive
 * twice then. While idle there is no timer; a kept connection is watched for its end.
 * Who frees: its owner, by http_client_close. Bounds: request and answer as given, timeout_ms in all. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "core/address.h"
#include "core/loop.h"
#include "http/answer.h"

#define HTTP_MEDIA_JSON "application/json"

enum http_client_state {
    HTTP_CLIENT_IDLE,
    HTTP_CLIENT_ASKED,
    HTTP_CLIENT_CONNECTING,
    HTTP_CLIENT_SENDING,
    HTTP_CLIENT_RECEIVING,
};

struct http_client {
    struct loop *loop;
    void (*answered)(struct http_client *c);
    void (*failed)(struct http_client *c, const struct err *e);
    unsigned timeout_ms;
    size_t answer_max; /* bytes of a body */
    struct address to;
    char host[64]; /* of the Host field */

    enum http_client_state state;
    int fd;    /* -1: no connection */
    bool kept; /* it has carried an answer */
    char *request;
    size_t request_len, sent;
    struct http_answer answer;
    ev_io io;
    ev_timer timeout;
    struct task begin; /* ASKED: at the end of this turn */
};

/* A client without an address. The callbacks, timeout_ms and answer_max are the caller's to set before the first request. */
void http_client_init(struct http_client *c, struct loop *loop);

/* Whom to ask; `host` is what the Host field says. A connection to somebody else is closed. Not during a request. */
void http_client_set_address(struct http_client *c, const struct address *to, const char *host);

struct http_client_field {
    const char *name, *value; /* the value without control characters */
};

/* Asks. The caller says where and what: "GET", "/path"; fields besides Host and the body's length and type; `body` may be empty,
 * else it is of the media type `type`. Not during a request. `answered` or `failed` follows in any case. */
void http_client_ask(struct http_client *c, const char *method, const char *target,
                     const struct http_client_field *fields, size_t n, const char *type, struct bytes body);

/* Gives up the request, if there is one, and the connection, and frees what they took. No event follows. It may be used again. */
void http_client_close(struct http_client *c);

#endif
