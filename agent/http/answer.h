/* An answer that guestd itself asked for: HTTP/1.1, RFC 9112, parsed by llhttp as its bytes arrive. Only what our callers use is
 * kept: the status, and a body of a bounded size. */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include <llhttp.h>

#include "core/err.h"

struct http_answer {
    llhttp_t parser;
    int status; /* 0: the head is not complete */
    char *body; /* of body_max bytes */
    size_t len, body_max;
    bool begun;    /* a byte has come */
    bool complete; /* nothing more is parsed */
    bool too_long; /* head or body */
    bool reusable; /* complete, and the connection may carry another request */
    size_t head;   /* bytes of the head so far */
};

/* Prepares for one answer. Returns 0, or -1 when out of memory. */
MUST_CHECK int http_answer_begin(struct http_answer *a, size_t body_max);

/* Parses the next bytes. Returns how many belong to the answer (fewer than n only when it is complete), or -1 with *e: it is no
 * HTTP, or longer than it may be. */
MUST_CHECK ssize_t http_answer_feed(struct http_answer *a, const char *data, size_t n, struct err *e);

/* The connection ended: an answer without a length is complete then. Returns 0, or -1 with *e: unavailable. */
MUST_CHECK int http_answer_end(struct http_answer *a, struct err *e);

/* Frees the body; *a may be zeroed. */
void http_answer_clear(struct http_answer *a);

#endif
