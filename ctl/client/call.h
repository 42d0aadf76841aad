/* The client's side of an RPC: one call object over Connect and gRPC, in either version of HTTP, for every kind of method.
 *
 *   call_begin, (call_send, call_end,) call_next until it returns something else than 0 and 1, with call_turn (after poll)
 *   or call_wait in between; call_close in any case. A unary method gives one message and then the end; call_one does all
 *   of that.
 *
 * The messages are in their encoded form: rpc/codec is for the other. Nothing that a server sends is believed: what is not
 * of the protocol ends the call with `internal`, a message beyond the bound with `resource_exhausted`. */
#ifndef CTL_CLIENT_CALL_H
#define CTL_CLIENT_CALL_H

#include "ctl/client/wire.h"
#include "rpc/codec/codec.h"

enum call_protocol { CALL_CONNECT, CALL_GRPC };

struct call_spec {
    enum call_protocol protocol;
    enum codec codec;
    bool unary;                       /* one message each way: Connect has a form of its own for that */
    bool gzip;                        /* requests are compressed, and responses may be */
    uint32_t message_max;             /* bytes of a response's message, uncompressed; 0: MESSAGE_MAX */
    uint64_t timeout_ms;              /* told to the server; 0: none */
    bool keeps_time;                  /* and when it is over we end the call ourselves */
    const char *method;               /* "package.Service/Method" */
    const struct http_fields *fields; /* metadata; NULL: none */
};

struct call_detail {
    char *type; /* full name of the message */
    uint8_t *value;
    size_t len; /* of value */
};

/* How a call failed. */
struct answer_error {
    struct err err;  /* a status, and the text for a person */
    bool from_agent; /* the server said so; else it is what became of the connection, or our own end */
};

struct call {
    struct wire *wire;
    const struct call_form *form;
    enum codec codec;
    bool gzip;
    size_t message_max;
    uint64_t deadline_ms; /* on the monotonic clock; 0: none */

    uint8_t *message; /* the one handed out last, where it had to be decompressed */
    uint8_t *only;    /* of call_one */
    size_t taken;     /* bytes of wire->in that it took */
    bool begun;       /* of the response, the header has been judged */
    bool compressed;  /* and messages may be */
    bool delivered;   /* a body that is the message was handed out */
    bool cut;         /* there will be no more of the response, for `error` */
    bool ended;       /* no more messages: in order, or with `error` where it failed */
    bool failed;
    bool named; /* the error's code is the RPC's own, not derived from HTTP's status */
    struct answer_error error;
    struct call_detail *details;
    size_t detail_count;
    struct http_fields trailers; /* of a response that came to its end; the leading ones are wire->head */
};

/* Begins a call. `only` is the whole request, or NULL: call_send and call_end follow. Returns 0, or -1 with *e. */
int call_begin(struct call *c, struct wire *w, const struct call_spec *s, const struct bytes *only,
               struct err *e);

/* Sends one more message. Returns 0, or -1 with *e: the call is over (call_next tells how), or too much waits. */
int call_send(struct call *c, struct bytes message, struct err *e);

/* The request is complete. */
void call_end(struct call *c);

/* The next message out of what has been read. Returns 1 (*message, valid until the next call), 0: more has to come, 2: the
 * call ended in order, -1: with *e. */
int call_next(struct call *c, struct bytes *message, struct answer_error *e);

/* Does what can be done without waiting; poll for what wire_poll(c->wire) says, call_patience ms at most (-1: for ever). */
void call_turn(struct call *c);
int call_patience(const struct call *c);

/* Waits until something happens, and does it. */
void call_wait(struct call *c);

/* call_next, waiting. */
int call_receive(struct call *c, struct bytes *message, struct answer_error *e);

/* The one message of a method that has one, waiting for the end. Returns 0 (*message, valid until call_close), or -1 with
 * *e. */
int call_one(struct call *c, struct bytes *message, struct answer_error *e);

/* Gives the call up: it ends with `canceled`, whatever has come. One that never began is left alone. */
void call_cancel(struct call *c);

/* Frees; a call that has not ended is given up. */
void call_close(struct call *c);

#endif
