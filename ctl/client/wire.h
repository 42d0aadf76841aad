/* A connection to a server and one HTTP exchange at a time on it, in HTTP/1.1 or, by prior knowledge, in HTTP/2. Nothing
 * here waits: wire_poll says for what, and wire_step goes as far as it gets.
 *
 *   wire_open, then for each exchange: wire_begin, (wire_send, wire_end,) wire_step until it returns something else than 0,
 *   reading `head` and `in` as they fill; wire_close in the end.
 *
 * The server is not trusted: its header is bounded by HEADER_MAX and HEADER_COUNT_MAX, the body that waits in `in` by
 * in_max. */
#ifndef CTL_CLIENT_WIRE_H
#define CTL_CLIENT_WIRE_H

#include <poll.h>

#include "core/err.h"
#include "ctl/client/buffer.h"
#include "http/fields.h"

enum wire_version { WIRE_HTTP1, WIRE_HTTP2 };

struct wire_request {
    const char *method, *path;
    const struct http_fields *fields; /* none of HTTP's framing */
    struct bytes body;
    bool more;  /* behind `body` comes what wire_send brings, until wire_end */
    bool sized; /* and all of it is `size` bytes, neither more nor less: the server is told */
    uint64_t size;
};

struct wire {
    int fd;
    const char *name; /* of the server, for messages; the caller's */
    const struct wire_transport *transport;
    void *state; /* the transport's */

    struct buffer out;  /* for the socket */
    struct buffer body; /* of the request, not in `out` yet */
    bool body_ended;    /* nothing comes behind it */

    int status;                 /* of the response; 0: its header is not complete */
    struct http_fields head;    /* complete when status is not 0 */
    struct http_fields trailer; /* complete when `complete` is */
    struct buffer in;           /* the response's body, not yet taken */
    size_t in_max;              /* more than that at once ends the exchange: resource_exhausted */
    bool had_body;              /* the response has one */
    bool complete;              /* the response is */
    bool running;               /* an exchange is under way */
    bool broken;                /* no further exchange can be had here */
};

/* Takes over the connected socket; wire_close is due in any case. Returns 0, or -1 with *e. */
int wire_open(struct wire *w, int fd, enum wire_version version, const char *name, struct err *e);
void wire_close(struct wire *w);

/* Whether wire_begin may be called: the exchange before has ended in order, if there was one. */
bool wire_ready(const struct wire *w);

/* Begins an exchange; what of it goes out at once does. Returns 0, or -1 with *e. */
int wire_begin(struct wire *w, const struct wire_request *r, struct err *e);

/* More of the request's body, and its end. Return 0, or -1 with *e: out of memory. */
int wire_send(struct wire *w, const void *data, size_t n, struct err *e);
int wire_end(struct wire *w, struct err *e);

/* Bytes of the request that wait for the server. */
size_t wire_unsent(const struct wire *w);

/* What to wait for; of a closed one nothing. */
struct pollfd wire_poll(const struct wire *w);

/* Writes and reads what can be without waiting. Returns 1: the response is complete; 0: more is to come; -1 with *e: it
 * cannot be completed (unavailable: the connection broke). */
int wire_step(struct wire *w, struct err *e);

/* Takes bytes as wire_step does from the socket. */
int wire_receive(struct wire *w, const uint8_t *data, size_t n, struct err *e);

/* Takes the end of the connection so. */
int wire_receive_end(struct wire *w, struct err *e);

/* Gives the exchange up and tells the server. */
void wire_cancel(struct wire *w);

#endif
