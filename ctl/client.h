/* The client's side of Connect over HTTP/1.1: one connection, one exchange at a time, read as its bytes
 * arrive, so that a verb can wait for several things at once. */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <llhttp.h>

#include "ctl/ctl.h"
#include "rpc/codec/codec.h"

/* What the agent answered when it was not what was asked for. */
struct answer_error {
    struct err err;  /* a status, and the text for a person */
    bool from_agent; /* an RPC's own error, not a transport's */
};

struct client {
    const struct ctl *ctl;
    int fd;
    llhttp_t parser;
    int status;            /* HTTP, once the head is there */
    char type[64];         /* Content-Type */
    char accept_post[512]; /* Accept-Post, of a 415 */
    char field[32];        /* name of the header under way */
    uint8_t *body;         /* of the response, not yet taken */
    size_t body_len, body_cap;
    size_t taken;  /* of it, by the message handed out last */
    bool complete; /* the response has been read to its end */
    bool broken;
};

/* Connects. Returns 0, or -1 with *e. client_close is always allowed afterwards. */
int client_open(struct client *c, const struct ctl *ctl, struct err *e);
void client_close(struct client *c);

/* Sends a request. `headers` are further lines ("Name: value\r\n..."), may be "". Returns 0, or -1 with
 * *e. */
int client_send(struct client *c, const char *method, const char *path, const char *headers, const void *body,
                size_t len, struct err *e);

/* Reads once (blocking until something comes). Returns 1 when the response is complete, 0 when more is to
 * come, -1 with *e. */
int client_read(struct client *c, struct err *e);

/* Drops the first n bytes of the body. */
void client_take(struct client *c, size_t n);

/* --- calls ----------------------------------------------------------------------------------- */

/* Encodes the message as protobuf and sends a unary call of /<method>. */
int client_call_send(struct client *c, const char *method, const char *headers, const ProtobufCMessage *m,
                     struct err *e);

/* The answer of a completed unary call: *out in *a. Returns 0, or -1 with *e. */
int client_call_result(struct client *c, const ProtobufCMessageDescriptor *d, struct arena *a,
                       ProtobufCMessage **out, struct answer_error *e);

/* Both, and the waiting between them. */
int client_call(struct client *c, const char *method, const ProtobufCMessage *m,
                const ProtobufCMessageDescriptor *d, struct arena *a, ProtobufCMessage **out,
                struct answer_error *e);

/* The same with JSON text in and out; *out is the answer's body (in the client, valid until the next
 * request). */
int client_call_json(struct client *c, const char *method, const char *json, struct bytes *out,
                     struct answer_error *e);

/* Sends a server-streaming call. */
int client_stream_send(struct client *c, const char *method, const char *headers, const ProtobufCMessage *m,
                       struct err *e);

/* The next message of the stream, out of what has been read. Returns 1 (*message, valid until the next call),
 * 0: read more, 2: the stream ended in order, -1: with *e. */
int client_stream_next(struct client *c, struct bytes *message, struct answer_error *e);

/* Says what went wrong to the user and returns the exit code for a verb. */
int client_fail(const struct answer_error *e);

#endif
