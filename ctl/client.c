#include "ctl/client.h"

#include <stdio.h>

#include "core/clock.h"
#include "core/limits.h"

/* Half of the time after which the agent closes an idle connection. */
#define STALE_MS (IDLE_TIMEOUT_MS / 2)

/* --- the connection -------------------------------------------------------------------------- */

int client_open(struct client *c, const struct ctl *ctl, struct err *e)
{
    int fd = target_dial(&ctl->target, e);

    *c = (struct client){.ctl = ctl, .wire = {.fd = -1}};
    if (fd < 0)
        return -1;
    return wire_open(&c->wire, fd, ctl->protocol == CALL_GRPC ? WIRE_HTTP2 : WIRE_HTTP1, ctl->target.text, e);
}

void client_close(struct client *c)
{
    call_close(&c->call);
    if (c->ctl)
        wire_close(&c->wire);
    c->ctl = NULL;
}

int client_reuse(struct client *c, const struct ctl *ctl, struct err *e)
{
    uint64_t now = clock_mono_ms();

    if (!client_ready(c) || now - c->used_ms > STALE_MS) {
        client_close(c);
        if (client_open(c, ctl, e) < 0)
            return -1;
    }
    c->used_ms = now;
    return 0;
}

bool client_ready(const struct client *c)
{
    return c->ctl && wire_ready(&c->wire);
}

struct pollfd client_poll(const struct client *c)
{
    return c->ctl ? wire_poll(&c->wire) : (struct pollfd){.fd = -1};
}

/* --- calls ----------------------------------------------------------------------------------- */

int client_name_user(const char *user, char out[CLIENT_AUTHORIZATION_MAX], struct err *e)
{
    char plain[CLIENT_USER_MAX + 2];
    int n = snprintf(plain, sizeof plain, "%s:", user ? user : "");

    memset(out, 0, CLIENT_AUTHORIZATION_MAX);
    if (!user)
        return 0;
    if (n >= (int)sizeof plain)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "no user has such a long name");
    memcpy(out, "Basic ", 6);
    base64_encode((const uint8_t *)plain, (size_t)n, out + 6);
    return 0;
}

int client_put_fields(const struct client *c, const struct client_options *o, struct http_fields *f,
                      struct err *e)
{
    int ret = http_fields_add(f, "user-agent", BYTES_LIT("guestctl/" GUESTD_VERSION));

    if (ret == 0 && c->ctl->token)
        ret = http_fields_add(f, "x-access-token", bytes_of(c->ctl->token));
    if (ret == 0 && o && o->authorization)
        ret = http_fields_add(f, "authorization", bytes_of(o->authorization));
    return ret == 0 ? 0 : err_set(e, STATUS_INVALID_ARGUMENT, 0, "the request's header is too large");
}

/* Sends a call's only message, or (NULL) begins one whose messages follow. */
static int send_bytes(struct client *c, const char *method, const struct client_options *o, bool unary,
                      enum codec codec, const struct bytes *message, struct err *e)
{
    struct http_fields fields = {0};
    struct call_spec s = {
        .protocol = c->ctl->protocol,
        .codec = codec,
        .unary = unary,
        .timeout_ms = o ? o->timeout_ms : 0,
        .method = method,
        .fields = &fields,
    };
    int ret;

    call_close(&c->call);
    ret = client_put_fields(c, o, &fields, e);
    if (ret == 0)
        ret = call_begin(&c->call, &c->wire, &s, message, e);
    http_fields_clear(&fields);
    return ret;
}

static int send_message(struct client *c, const char *method, const struct client_options *o, bool unary,
                        const ProtobufCMessage *m, struct err *e)
{
    size_t len = protobuf_c_message_get_packed_size(m);
    CLEANUP_FREE uint8_t *packed = malloc(len + 1);

    if (!packed)
        return err_nomem(e, "send a request");
    protobuf_c_message_pack(m, packed);
    return send_bytes(c, method, o, unary, CODEC_PROTO, &(struct bytes){(const char *)packed, len}, e);
}

int client_stream_begin(struct client *c, const char *method, const struct client_options *o, struct err *e)
{
    return send_bytes(c, method, o, false, CODEC_PROTO, NULL, e);
}

int client_put(struct client *c, const ProtobufCMessage *m, struct err *e)
{
    size_t len = protobuf_c_message_get_packed_size(m);
    CLEANUP_FREE uint8_t *packed = malloc(len + 1);

    if (!packed)
        return err_nomem(e, "send a message");
    protobuf_c_message_pack(m, packed);
    return call_send(&c->call, (struct bytes){(const char *)packed, len}, e);
}

int client_call_send(struct client *c, const char *method, const struct client_options *o,
                     const ProtobufCMessage *m, struct err *e)
{
    return send_message(c, method, o, true, m, e);
}

int client_stream_send(struct client *c, const char *method, const struct client_options *o,
                       const ProtobufCMessage *m, struct err *e)
{
    return send_message(c, method, o, false, m, e);
}

/* --- answers --------------------------------------------------------------------------------- */

/* An answer that is no RPC's: what a person should know of it. */
static void explain(const struct client *c, struct answer_error *e)
{
    const char *target = c->ctl->target.text;
    int status = c->wire.status;
    struct err was = e->err;

    if (!e->from_agent)
        return;
    if (c->call.named) {
        if (!was.text[0])
            err_set(&e->err, was.status, 0, "%s", status_name(was.status));
    } else if (status == 401) {
        err_set(&e->err, was.status, 0, "%s: %s", target,
                c->ctl->token ? "the token is wrong"
                              : "the agent wants a token (GUESTD_TOKEN, --token-file)");
    } else if (status == 404) {
        err_set(&e->err, was.status, 0, "%s: not an agent, or one that does not know this call (404)",
                target);
    } else {
        err_set(&e->err, was.status, 0, "%s: unexpected answer: HTTP %d%s%s", target, status,
                was.text[0] ? ": " : "", was.text);
    }
}

void client_turn(struct client *c)
{
    call_turn(&c->call);
}

int client_next(struct client *c, struct bytes *message, struct answer_error *e)
{
    int got = call_next(&c->call, message, e);

    if (got < 0)
        explain(c, e);
    return got;
}

int client_receive(struct client *c, struct bytes *message, struct answer_error *e)
{
    int got = call_receive(&c->call, message, e);

    if (got < 0)
        explain(c, e);
    return got;
}

int client_call(struct client *c, const char *method, const ProtobufCMessage *m,
                const ProtobufCMessageDescriptor *d, struct arena *a, ProtobufCMessage **out,
                struct answer_error *e)
{
    return client_call_with(c, method, NULL, m, d, a, out, e);
}

int client_call_with(struct client *c, const char *method, const struct client_options *o,
                     const ProtobufCMessage *m, const ProtobufCMessageDescriptor *d, struct arena *a,
                     ProtobufCMessage **out, struct answer_error *e)
{
    struct bytes answer;

    e->from_agent = false;
    if (client_call_send(c, method, o, m, &e->err) < 0)
        return -1;
    if (call_one(&c->call, &answer, e) < 0) {
        explain(c, e);
        return -1;
    }
    *out = codec_decode(CODEC_PROTO, d, answer, a, &e->err);
    return *out ? 0 : -1;
}

/* Whether the answer says that the method is called by streams. */
static bool wants_stream(const struct client *c)
{
    struct bytes types = http_fields_get(&c->wire.head, "accept-post");

    return c->wire.status == 415 && types.ptr && memmem(types.ptr, types.len, "connect+json", 12) &&
           client_ready(c);
}

int client_call_json(struct client *c, const char *method, const char *json,
                     void (*each)(struct bytes answer), struct answer_error *e)
{
    const struct bytes text = bytes_of(json);
    struct bytes answer;
    bool unary = true;
    int got;

    for (;;) {
        e->from_agent = false;
        if (send_bytes(c, method, NULL, unary, CODEC_JSON, &text, &e->err) < 0)
            return -1;
        while ((got = client_receive(c, &answer, e)) == 1)
            each(answer);
        if (got == 2)
            return 0;
        if (!unary || !wants_stream(c))
            return -1;
        unary = false;
    }
}

int client_wait(struct client *c, struct err *e)
{
    int ret;

    while ((ret = wire_step(&c->wire, e)) == 0) {
        struct pollfd p = wire_poll(&c->wire);

        poll(&p, 1, -1);
    }
    return ret < 0 ? -1 : c->wire.status;
}

static int begin_get(struct client *c, const char *path, struct err *e)
{
    struct http_fields fields = {0};
    struct wire_request r = {.method = "GET", .path = path, .fields = &fields};
    int ret = client_put_fields(c, NULL, &fields, e);

    if (ret == 0)
        ret = wire_begin(&c->wire, &r, e);
    http_fields_clear(&fields);
    return ret;
}

int client_get(struct client *c, const char *path, struct err *e)
{
    return begin_get(c, path, e) < 0 ? -1 : client_wait(c, e);
}

/* --- with an end ----------------------------------------------------------------------------- */

/* Waits for the socket. Returns 0, or -1 with *e: the time has come. */
static int wait_by(const struct client *c, uint64_t deadline_ms, struct err *e)
{
    struct pollfd p = client_poll(c);
    uint64_t now = clock_mono_ms();

    if (now >= deadline_ms)
        return err_set(e, STATUS_DEADLINE_EXCEEDED, 0, "%s: connected, but no answer in time",
                       c->ctl->target.text);
    poll(&p, 1, (int)MIN(deadline_ms - now, 60000));
    return 0;
}

int client_get_by(struct client *c, const struct ctl *ctl, uint64_t deadline_ms, const char *path,
                  struct err *e)
{
    int ret;

    if (client_reuse(c, ctl, e) < 0 || begin_get(c, path, e) < 0)
        return -1;
    while ((ret = wire_step(&c->wire, e)) == 0)
        if (wait_by(c, deadline_ms, e) < 0)
            return -1;
    return ret < 0 ? -1 : c->wire.status;
}

int client_call_by(struct client *c, const struct ctl *ctl, uint64_t deadline_ms, const char *method,
                   const ProtobufCMessage *m, const ProtobufCMessageDescriptor *d, struct arena *a,
                   ProtobufCMessage **out, struct answer_error *e)
{
    struct bytes answer;
    int got;

    *out = NULL;
    e->from_agent = false;
    if (client_reuse(c, ctl, &e->err) < 0 || client_call_send(c, method, NULL, m, &e->err) < 0)
        return -1;
    while ((got = client_next(c, &answer, e)) != 2) {
        if (got < 0)
            return -1;
        if (got == 1) {
            *out = codec_decode(CODEC_PROTO, d, answer, a, &e->err);
            if (!*out)
                return -1;
        } else if (wait_by(c, deadline_ms, &e->err) < 0) {
            return -1;
        } else {
            client_turn(c);
        }
    }
    return *out ? 0 : err_set(&e->err, STATUS_INTERNAL, 0, "%s: an empty answer", ctl->target.text);
}

int client_fail(const struct answer_error *e)
{
    return ctl_fail(e->from_agent ? CTL_REFUSED : CTL_FAILED, &e->err);
}
