/* The rig with a test service on it: unit.Test/{Unary,Server,Client,Look}, whose methods do what their request
 * says. */
#ifndef TESTS_UNIT_RPC_RIG_H
#define TESTS_UNIT_RPC_RIG_H

#include "rig.h"
#include "rpc/envelope.h"
#include "rpc/rpc.h"
#include "unit.pb-c.h"

static struct rig r;
static struct rpc rpc;
static char got[1 << 20];
static size_t got_len;
static bool ended;

/* What the methods saw and do; set by the tests. */
static struct {
    struct rpc_call *call; /* the last one */
    int messages, destroyed, cancelled;
    int hold;       /* hold the next so many messages */
    int produced;   /* Server: frames to produce; < 0: wait */
    bool unfit;     /* Server: the next frame has no JSON */
    char text[256]; /* of all messages */
} seen;

static void note_destroy(void *state)
{
    (void)state;
    seen.destroyed++;
    seen.call = NULL;
}

static void note_cancel(struct rpc_call *call, enum close_reason why)
{
    (void)call;
    seen.cancelled = (int)why + 1;
}

/* As a worker and the loop after it, which takes the first answer only. */
static void reply_encoded(struct rpc_call *call, const ProtobufCMessage *m)
{
    struct chain encoded = {0}, again = {0};
    struct err e;

    err_nomem(&e, "share");
    if (rpc_encode(rpc_form(call), m, &encoded, &e) < 0 ||
        chain_share(&again, &encoded, 0, encoded.bytes) < 0) {
        rpc_finish(call, &e);
    } else {
        rpc_reply_encoded(call, &encoded);
        rpc_reply_encoded(call, &again);
    }
    chain_clear(&encoded);
    chain_clear(&again);
}

/* f_string says what to do: "error" fails with f_int32 as the code, "never" does not answer, else it is an
 * echo, with "encoded" of a message that is encoded before. */
static enum rpc_taken on_unary(struct rpc_call *call, const ProtobufCMessage *m)
{
    const Unit__All *in = (const Unit__All *)m;
    struct err e;

    seen.messages++;
    seen.call = call;
    rpc_set_state(call, &seen, note_destroy);
    if (strcmp(in->f_string, "never") == 0)
        return RPC_NEXT;
    if (strcmp(in->f_string, "error") == 0) {
        Unit__All detail = UNIT__ALL__INIT;

        detail.f_int32 = 7;
        err_set(&e, (enum status)in->f_int32, 0, "it \"failed\"");
        if (in->f_bool)
            rpc_add_detail(call, &detail.base);
        rpc_finish(call, &e);
        return RPC_NEXT;
    }
    if (strcmp(in->f_string, "encoded") == 0)
        reply_encoded(call, m);
    else
        rpc_reply(call, m);
    return RPC_NEXT;
}

static enum rpc_taken on_server(struct rpc_call *call, const ProtobufCMessage *m)
{
    Unit__All first = UNIT__ALL__INIT;
    struct err e;

    if (strcmp(((const Unit__All *)m)->f_string, "error") == 0) {
        err_set(&e, STATUS_NOT_FOUND, 0, "none");
        rpc_finish(call, &e);
        return RPC_NEXT;
    }
    seen.messages++;
    seen.call = call;
    rpc_set_state(call, &seen, note_destroy);
    first.f_string = (char *)(uintptr_t) "start";
    rpc_send(call, &first.base);
    return RPC_NEXT;
}

static enum rpc_produced on_produce(struct rpc_call *call, size_t max)
{
    Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
    Unit__Known known = UNIT__KNOWN__INIT;
    Unit__All m = UNIT__ALL__INIT;

    if (max == 0 || seen.produced < 0)
        return RPC_WAIT;
    if (seen.produced == 0) {
        rpc_finish(call, NULL);
        return RPC_WAIT;
    }
    m.f_int32 = seen.produced--;
    any.type_url = (char *)(uintptr_t) "no.Such";
    known.any = &any;
    m.known = seen.unfit ? &known : NULL;
    if (rpc_emit(call, &m.base, NULL) < 0)
        return RPC_WAIT;
    return RPC_MORE;
}

static enum rpc_taken on_client(struct rpc_call *call, const ProtobufCMessage *m)
{
    seen.call = call;
    if (seen.hold > 0) {
        seen.hold--;
        return RPC_HOLD;
    }
    if (seen.messages++ == 0)
        rpc_set_state(call, &seen, note_destroy);
    strncat(seen.text, ((const Unit__All *)m)->f_string, 3);
    return RPC_NEXT;
}

static void on_client_end(struct rpc_call *call)
{
    Unit__All m = UNIT__ALL__INIT;

    m.f_string = seen.text;
    rpc_reply(call, &m.base);
}

static const struct rpc_method methods[] = {
    {.name = "Unary",
     .kind = RPC_UNARY,
     .input = &unit__all__descriptor,
     .output = &unit__all__descriptor,
     .message = on_unary,
     .cancel = note_cancel},
    {.name = "Server",
     .kind = RPC_SERVER_STREAM,
     .input = &unit__all__descriptor,
     .output = &unit__all__descriptor,
     .message = on_server,
     .produce = on_produce,
     .cancel = note_cancel},
    {.name = "Client",
     .kind = RPC_CLIENT_STREAM,
     .input = &unit__all__descriptor,
     .output = &unit__all__descriptor,
     .message = on_client,
     .half_close = on_client_end,
     .cancel = note_cancel},
    {.name = "Look",
     .kind = RPC_UNARY,
     .flags = RPC_IDEMPOTENT,
     .input = &unit__all__descriptor,
     .output = &unit__all__descriptor,
     .message = on_unary,
     .cancel = note_cancel},
};
static struct rpc_service service = {.name = "unit.Test", .methods = methods, .count = ARRAY_LEN(methods)};

static int setup(void **state)
{
    (void)state;
    rig_start(&r);
    rpc_init(&rpc, &r.http, &r.loop, &r.pool);
    memset(&seen, 0, sizeof seen);
    return rpc_register(&rpc, &service);
}

static int teardown(void **state)
{
    (void)state;
    rig_stop(&r);
    return rpc.calls == 0 ? 0 : -1;
}

/* Sends a POST with the body; the answer is in `got`. Returns the status. */
static int post_on(int fd, const char *method, const char *type, const char *headers, const void *body,
                   size_t len)
{
    static char request[1 << 17];
    int n = snprintf(
        request, sizeof request,
        "POST /unit.Test/%s HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\n%sContent-Length: %zu\r\n\r\n", method,
        type, headers, len);

    memcpy(request + n, body, len);
    rig_send(&r, fd, request, (size_t)n + len);
    got_len = rig_recv(&r, fd, got, sizeof got, &ended);
    return strncmp(got, "HTTP/1.1 ", 9) == 0 ? atoi(got + 9) : -1;
}

static int post(const char *method, const char *type, const char *headers, const void *body, size_t len)
{
    int fd = rig_connect(&r), status = post_on(fd, method, type, headers, body, len);

    close(fd);
    rig_turns(&r, 3);
    return status;
}

UNUSED static int json(const char *method, const char *headers, const char *body)
{
    return post(method, "application/json", headers, body, strlen(body));
}

/* One enveloped JSON message. */
UNUSED static size_t wrap(char *out, uint8_t flags, const char *body)
{
    envelope_encode(flags, (uint32_t)strlen(body), (uint8_t *)out);
    memcpy(out + ENVELOPE_SIZE, body, strlen(body));
    return ENVELOPE_SIZE + strlen(body);
}

UNUSED static const char *body(void)
{
    const char *b = strstr(got, "\r\n\r\n");

    return b ? b + 4 : "";
}

/* The streamed messages in `got`, as "flags:json ..."; chunk framing removed. */
UNUSED static const char *messages(void)
{
    static char out[1 << 18];
    static uint8_t flat[1 << 20];
    size_t n = 0, len = 0;
    const char *p = strstr(got, "\r\n\r\n") ? strstr(got, "\r\n\r\n") + 4 : got;

    while (p < got + got_len) {
        size_t size = strtoul(p, NULL, 16);

        p = memchr(p, '\n', (size_t)(got + got_len - p));
        if (!p || size == 0)
            break;
        memcpy(flat + n, p + 1, size);
        n += size;
        p += 1 + size + 2;
    }
    for (size_t at = 0; at + ENVELOPE_SIZE <= n;) {
        struct envelope v = {0};

        at += envelope_decode(flat + at, n - at, &v);
        len += (size_t)snprintf(out + len, sizeof out - len, "%s%u:%.*s", len ? " " : "", v.flags, (int)v.len,
                                (char *)flat + at);
        at += v.len;
    }
    out[len] = 0;
    return out;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
