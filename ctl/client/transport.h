/* What a version of HTTP does for wire.c, and what it may use of it. */
#ifndef CTL_CLIENT_TRANSPORT_H
#define CTL_CLIENT_TRANSPORT_H

#include "ctl/client/wire.h"

/* The Host or :authority of requests: sockets have no names that a server would know. */
#define WIRE_AUTHORITY "guestd"

/* More is made while less than this waits in `out`: a block of input goes out in one piece. */
#define WIRE_OUT_MAX ((size_t)128 << 10)

/* Those that can fail return 0, or -1 with *e. */
struct wire_transport {
    int (*open)(struct wire *w, struct err *e);
    void (*close)(struct wire *w);
    int (*begin)(struct wire *w, const struct wire_request *r, struct err *e);
    int (*push)(struct wire *w, struct err *e); /* fills w->out */
    int (*receive)(struct wire *w, const uint8_t *data, size_t n, struct err *e);
    int (*receive_end)(struct wire *w, struct err *e);
    void (*cancel)(struct wire *w);
};

extern const struct wire_transport wire_http1;
extern const struct wire_transport wire_http2;

/* Why the server's bytes are not taken. */
enum wire_refusal { WIRE_TAKEN, WIRE_NO_MEMORY, WIRE_BODY_TOO_LARGE, WIRE_BAD_HEADER };

/* Appends to the response's body. */
enum wire_refusal wire_take_body(struct wire *w, const void *data, size_t n);

/* Says so. Returns -1. */
int wire_refused(const struct wire *w, enum wire_refusal why, struct err *e);

/* The connection is gone, with errnum or, 0, in order. Returns -1. */
int wire_lost(struct wire *w, int errnum, struct err *e);

#endif
