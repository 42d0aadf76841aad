/* What a protocol does for call.c, and what it may use of it. */
#ifndef CTL_CLIENT_FORM_H
#define CTL_CLIENT_FORM_H

#include "ctl/client/call.h"
#include "rpc/envelope.h"

/* Bytes of memory for a server's JSON object that says an error, parsed. */
#define OBJECT_MEMORY ((size_t)1 << 20)

struct call_form {
    const char *types[2];        /* content type, by codec */
    const char *shorthand;       /* one more name of types[CODEC_PROTO] in responses, or NULL */
    const char *family;          /* how the content types of other codecs begin */
    bool enveloped;              /* messages have an envelope; else the body is the message */
    uint8_t end_flag;            /* of an envelope that ends the stream; 0: there is none */
    const char *encoding;        /* request and response field: how messages are compressed */
    const char *accept_encoding; /* request field: how they may be */
    /* Adds the protocol's own request fields. Returns 0 or less, as http_fields_add. */
    int (*ask)(struct http_fields *f, uint64_t timeout_ms);
    /* The response is complete, without an envelope that ends it: returns 2, or -1 with c->error. */
    int (*end)(struct call *c);
    /* The envelope that ends the stream: the same. */
    int (*end_message)(struct call *c, struct bytes text);
    /* Fills c->trailers out of the response's head, when the call has ended. NULL: they do not stand there. */
    void (*gather)(struct call *c);
};

extern const struct call_form connect_unary_form;
extern const struct call_form connect_stream_form;
extern const struct call_form grpc_form;

/* Puts an error into c->error: the server's own, or that it breaks the protocol (`internal`). Return -1. */
int call_fail(struct call *c, enum status status, struct bytes text);
int call_fail_protocol(struct call *c, const char *what);

/* Keeps a detail of the error: a copy. Without memory it is left out. */
void call_add_detail(struct call *c, struct bytes type, const uint8_t *value, size_t len);

/* Reads Connect's error object into c->error: code, message, details. Returns whether it has a code; `otherwise` stands
 * for one that is none. */
bool connect_read_error(struct call *c, struct bytes text, enum status otherwise);

#endif
