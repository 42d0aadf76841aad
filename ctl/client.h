/* The agent as verbs call it: the client of ctl/client/, connected to the target, with the token. One call at a time on
 * each; a verb that waits for several things polls client_poll and calls client_turn. */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include "core/base64.h"
#include "ctl/client/call.h"
#include "ctl/ctl.h"

struct client {
    const struct ctl *ctl;
    struct wire wire;
    struct call call;
    uint64_t used_ms; /* when client_reuse gave it last, on the monotonic clock */
};

/* What a call may say beside its message. */
struct client_options {
    uint64_t timeout_ms;       /* told to the agent, which keeps it; 0: none */
    const char *authorization; /* value of that field; NULL: none */
};

/* Bytes of a user's name; useradd(8) allows 32. */
#define CLIENT_USER_MAX          254
#define CLIENT_AUTHORIZATION_MAX (6 + BASE64_LEN(CLIENT_USER_MAX + 1) + 1)

/* How the user to act as is named: the value of an Authorization field, whose password nobody asks for; empty without a user
 * (NULL). Returns 0, or -1 with *e: the name is longer than CLIENT_USER_MAX. */
int client_name_user(const char *user, char out[CLIENT_AUTHORIZATION_MAX], struct err *e);

/* Connects. Returns 0, or -1 with *e. client_close is always allowed afterwards, and of a zeroed struct. */
int client_open(struct client *c, const struct ctl *ctl, struct err *e);
void client_close(struct client *c);

/* For the next exchange: c's connection where it can be used, else a new one; c may be zeroed. One that lay idle for long is
 * not: the agent closes those. Returns 0, or -1 with *e. */
int client_reuse(struct client *c, const struct ctl *ctl, struct err *e);

/* Whether it is connected and has no call under way, so that one can be sent. */
bool client_ready(const struct client *c);

/* Sends a call of a method that has one message each way, or that answers with a stream; `o` may be NULL. Returns 0, or -1
 * with *e. */
int client_call_send(struct client *c, const char *method, const struct client_options *o,
                     const ProtobufCMessage *m, struct err *e);
int client_stream_send(struct client *c, const char *method, const struct client_options *o,
                       const ProtobufCMessage *m, struct err *e);

/* Begins a call of a method that takes a stream; client_put sends its messages, and call_end(&c->call) says that there are no
 * more. Return 0, or -1 with *e. */
int client_stream_begin(struct client *c, const char *method, const struct client_options *o, struct err *e);
int client_put(struct client *c, const ProtobufCMessage *m, struct err *e);

/* What to wait for; nothing (fd -1) where none is connected. */
struct pollfd client_poll(const struct client *c);

/* Writes and reads what can be. */
void client_turn(struct client *c);

/* The next message out of what has been read. Returns 1 (*message, valid until the next call), 0: more has to come, 2: the
 * call ended in order, -1: with *e. */
int client_next(struct client *c, struct bytes *message, struct answer_error *e);

/* The same, waiting. */
int client_receive(struct client *c, struct bytes *message, struct answer_error *e);

/* A whole call of a method that has one message each way: *out in *a. Returns 0, or -1 with *e. */
int client_call(struct client *c, const char *method, const ProtobufCMessage *m,
                const ProtobufCMessageDescriptor *d, struct arena *a, ProtobufCMessage **out,
                struct answer_error *e);

/* The same, with options. */
int client_call_with(struct client *c, const char *method, const struct client_options *o,
                     const ProtobufCMessage *m, const ProtobufCMessageDescriptor *d, struct arena *a,
                     ProtobufCMessage **out, struct answer_error *e);

/* Adds the fields of every request, and those of `o` (NULL: none). Returns 0, or -1 with *e. */
int client_put_fields(const struct client *c, const struct client_options *o, struct http_fields *f,
                      struct err *e);

/* client_call, and a GET of a path (returns HTTP's status), which are given up at that time of the monotonic clock:
 * deadline_exceeded. They connect where c is not connected. */
int client_call_by(struct client *c, const struct ctl *ctl, uint64_t deadline_ms, const char *method,
                   const ProtobufCMessage *m, const ProtobufCMessageDescriptor *d, struct arena *a,
                   ProtobufCMessage **out, struct answer_error *e);
int client_get_by(struct client *c, const struct ctl *ctl, uint64_t deadline_ms, const char *path,
                  struct err *e);

/* A call with JSON text, of which the answers go to `each` as they come. Whether the method streams is found out where the
 * protocol makes a difference. Returns 0, or -1 with *e. */
int client_call_json(struct client *c, const char *method, const char *json,
                     void (*each)(struct bytes answer), struct answer_error *e);

/* Waits until the exchange that was begun on the connection is complete. Returns HTTP's status, or -1 with *e. */
int client_wait(struct client *c, struct err *e);

/* GET of a path that is no call. Returns HTTP's status, or -1 with *e. */
int client_get(struct client *c, const char *path, struct err *e);

/* Says what went wrong to the user and returns the exit code for a verb. */
int client_fail(const struct answer_error *e);

#endif
