#include <stdio.h>

#include "core/base64.h"
#include "core/limits.h"
#include "core/writer.h"
#include "rpc/call.h"
#include "rpc/envelope.h"
#include "rpc/gzip.h"

/* The Connect protocol, https://connectrpc.com/docs/protocol: unary calls are plain HTTP requests, streams
 * carry envelopes and end with one that says how. Texts that clients show or match are connect-go's. */

static const char *const unary_types[] = {
    [CODEC_PROTO] = "application/proto", [CODEC_JSON] = "application/json"};
static const char *const stream_types[] = {
    [CODEC_PROTO] = "application/connect+proto", [CODEC_JSON] = "application/connect+json"};

/* --- requests -------------------------------------------------------------------------------- */

/* The codec that a content type names among `types`, or -1. Parameters ("; charset=utf-8") do not matter. */
static int codec_of(struct bytes type, const char *const types[2])
{
    const char *semicolon;

    if (!type.ptr)
        return -1;
    semicolon = memchr(type.ptr, ';', type.len);
    if (semicolon)
        type.len = (size_t)(semicolon - type.ptr);
    while (type.len > 0 && type.ptr[type.len - 1] == ' ')
        type.len--;
    for (int c = CODEC_PROTO; c <= CODEC_JSON; c++)
        if (type.len == strlen(types[c]) && strncasecmp(type.ptr, types[c], type.len) == 0)
            return c;
    return -1;
}

/* Connect-Timeout-Ms: up to ten digits. */
static int parse_timeout(struct bytes v, uint64_t *ms, struct err *e)
{
    *ms = 0;
    if (v.len == 0)
        return 0;
    for (size_t i = 0; i < v.len; i++) {
        if (v.len > 10 || v.ptr[i] < '0' || v.ptr[i] > '9')
            return err_set(e, STATUS_INVALID_ARGUMENT, 0,
                           "protocol error: invalid timeout: not up to 10 digits");
        *ms = *ms * 10 + (uint64_t)(v.ptr[i] - '0');
    }
    if (*ms == 0) /* it has passed already */
        *ms = 1;
    return 0;
}

/* Whether the messages are compressed. */
static int parse_encoding(struct bytes v, bool *gzip, struct err *e)
{
    *gzip = v.ptr && v.len == 4 && strncasecmp(v.ptr, "gzip", 4) == 0;
    if (!v.ptr || v.len == 0 || *gzip || (v.len == 8 && strncasecmp(v.ptr, "identity", 8) == 0))
        return 0;
    return err_set(e, STATUS_UNIMPLEMENTED, 0, "unknown compression \"%.*s\": supported encodings are gzip",
                   (int)MIN(v.len, 64u), v.ptr);
}

/* The first n bytes of call->in in one piece. */
static int front(struct rpc_call *call, size_t skip, size_t n, struct bytes *out, struct err *e)
{
    const struct chain_item *first = call->in.count ? &call->in.items[call->in.head] : NULL;

    if (first && first->len >= skip + n) {
        *out = (struct bytes){(const char *)first->data + skip, n};
        return 0;
    }
    call->message = malloc(skip + n + 1);
    if (!call->message)
        return err_nomem(e, "receive a message");
    chain_peek(&call->in, call->message, skip + n);
    *out = (struct bytes){(const char *)call->message + skip, n};
    return 0;
}

/* Replaces a compressed message by what it says. */
static int decompress(struct rpc_call *call, struct bytes *message, struct err *e)
{
    size_t len;
    uint8_t *plain = gzip_decompress(*message, MESSAGE_MAX, &len, e);

    if (!plain)
        return -1;
    free(call->message);
    call->message = plain;
    *message = (struct bytes){(const char *)plain, len};
    return 0;
}

static int too_large(size_t n, struct err *e)
{
    return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "message size %zu is larger than configured max %u", n,
                   MESSAGE_MAX);
}

/* A unary request is its body, even an empty one. */
static int unary_next(struct rpc_call *call, struct bytes *message, struct err *e)
{
    if (call->messages > 0)
        return 0;
    call->taken = call->in.bytes;
    if (call->taken > MESSAGE_MAX)
        return too_large(call->taken, e);
    if (front(call, 0, call->taken, message, e) < 0)
        return -1;
    if (call->gzip_in && message->len > 0 && decompress(call, message, e) < 0)
        return -1;
    return 1;
}

/* The head of the envelope that is at the front. Returns 1; 0: it is not all there yet; -1: *e. */
static int envelope_at_front(const struct rpc_call *call, struct envelope *v, struct err *e)
{
    uint8_t head[ENVELOPE_SIZE];

    if (call->in.bytes < ENVELOPE_SIZE)
        return 0;
    chain_peek(&call->in, head, sizeof head);
    envelope_decode(head, sizeof head, v);
    if (v->flags & ~ENVELOPE_COMPRESSED)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "protocol error: invalid envelope flags %u", v->flags);
    return v->len > MESSAGE_MAX ? too_large(v->len, e) : 1;
}

static int stream_check(const struct rpc_call *call, struct err *e)
{
    struct envelope v;

    return envelope_at_front(call, &v, e);
}

static int stream_next(struct rpc_call *call, struct bytes *message, struct err *e)
{
    struct envelope v;
    int got = envelope_at_front(call, &v, e);

    if (got <= 0)
        return got;
    if (call->in.bytes - ENVELOPE_SIZE < v.len)
        return 0;
    call->taken = ENVELOPE_SIZE + v.len;
    if (front(call, ENVELOPE_SIZE, v.len, message, e) < 0)
        return -1;
    if (v.flags & ENVELOPE_COMPRESSED) {
        if (!call->gzip_in)
            return err_set(e, STATUS_INVALID_ARGUMENT, 0,
                           "protocol error: compressed message without encoding");
        if (decompress(call, message, e) < 0)
            return -1;
    }
    return 1;
}

/* --- responses ------------------------------------------------------------------------------- */

/* {"code":"not_found","message":"...","details":[...]} */
static void write_error(struct writer *w, const struct err *e, const struct rpc_call *call)
{
    const struct rpc_detail *d;
    bool first = true;

    writer_printf(w, "{\"code\":\"%s\"", status_name(e->status));
    if (e->text[0]) {
        writer_str(w, ",\"message\":");
        writer_json_string(w, bytes_of(e->text));
    }
    if (call && !STAILQ_EMPTY(&call->details)) {
        writer_str(w, ",\"details\":[");
        STAILQ_FOREACH (d, &call->details, link) {
            CLEANUP_FREE char *value = malloc(BASE64_LEN(d->len) + 1);
            size_t n = (d->len * 4 + 2) / 3; /* without padding */

            if (!value)
                continue;
            base64_encode(d->bytes, d->len, value);
            writer_printf(w, "%s{\"type\":\"%s\",\"value\":\"", first ? "" : ",", d->type);
            writer_put(w, value, n);
            writer_str(w, "\"}");
            first = false;
        }
        writer_char(w, ']');
    }
    writer_char(w, '}');
}

static void reply_error(struct http_exchange *x, const struct err *e, const struct rpc_call *call)
{
    struct chain body = {0};
    struct writer w;

    writer_init(&w, &body, NULL, SIZE_MAX);
    write_error(&w, e, call);
    if (writer_done(&w) < 0)
        chain_clear(&body); /* the status still tells */
    http_reply_chain(x, http_status_of(e->status), unary_types[CODEC_JSON], &body);
}

static void unary_finish(struct rpc_call *call)
{
    if (call->failed)
        reply_error(call->x, &call->error, call);
    else
        http_reply_chain(call->x, 200, unary_types[call->codec], &call->out);
}

static void stream_begin(struct rpc_call *call)
{
    http_stream(call->x, 200, stream_types[call->codec]);
}

static int stream_frame(struct rpc_call *call, size_t len, struct chain *out)
{
    uint8_t head[ENVELOPE_SIZE];

    (void)call;
    envelope_encode(0, (uint32_t)len, head);
    return chain_copy(out, head, sizeof head);
}

/* The end-stream message is JSON in either codec. */
static int write_end(const struct err *e, const struct rpc_call *call, struct chain *out)
{
    uint8_t head[ENVELOPE_SIZE];
    struct chain body = {0};
    struct writer w;
    int ret;

    writer_init(&w, &body, NULL, SIZE_MAX);
    writer_char(&w, '{');
    if (e) {
        writer_str(&w, "\"error\":");
        write_error(&w, e, call);
    }
    writer_char(&w, '}');
    ret = writer_done(&w);
    envelope_encode(ENVELOPE_END_STREAM, (uint32_t)body.bytes, head);
    if (ret == 0)
        ret = chain_copy(out, head, sizeof head);
    if (ret == 0)
        ret = chain_move(out, &body, body.bytes);
    chain_clear(&body);
    return ret;
}

static int stream_end(struct rpc_call *call, struct chain *out)
{
    return write_end(call->failed ? &call->error : NULL, call, out);
}

static const struct rpc_protocol unary = {.next = unary_next, .finish = unary_finish};
static const struct rpc_protocol stream = {.begin = stream_begin,
                                           .frame = stream_frame,
                                           .check = stream_check,
                                           .next = stream_next,
                                           .end = stream_end};

/* --- the door -------------------------------------------------------------------------------- */

static void unsupported(struct http_exchange *x, bool streaming)
{
    http_add(x, "Accept-Post",
             streaming ? "application/connect+json, application/connect+proto"
                       : "application/json, application/proto");
    http_reply(x, 415, NULL, (struct bytes){NULL, 0});
}

/* An error before there is a call: in the form that the content type asks for. */
void connect_deny(struct http_exchange *x, const struct err *e)
{
    int codec = codec_of(http_request_field(x, "content-type"), stream_types);
    struct chain body = {0};

    if (codec < 0) {
        reply_error(x, e, NULL);
        return;
    }
    if (write_end(e, NULL, &body) < 0)
        chain_clear(&body);
    http_reply_chain(x, 200, stream_types[codec], &body);
}

struct rpc_call *connect_accept(struct rpc *r, struct http_exchange *x, const struct rpc_service *service,
                                const struct rpc_method *method)
{
    bool streaming = method->kind != RPC_UNARY, gzip;
    int codec = codec_of(http_request_field(x, "content-type"), streaming ? stream_types : unary_types);
    struct bytes version = http_request_field(x, "connect-protocol-version");
    struct rpc_call *call;
    uint64_t timeout_ms;
    struct err e;

    if (codec < 0) {
        unsupported(x, streaming);
        return NULL;
    }
    if (version.ptr && !bytes_are(version, "1")) {
        err_set(&e, STATUS_INVALID_ARGUMENT, 0, "connect-protocol-version must be \"1\"");
        connect_deny(x, &e);
        return NULL;
    }
    if (parse_timeout(http_request_field(x, "connect-timeout-ms"), &timeout_ms, &e) < 0 ||
        parse_encoding(http_request_field(x, streaming ? "connect-content-encoding" : "content-encoding"),
                       &gzip, &e) < 0) {
        connect_deny(x, &e);
        return NULL;
    }
    if (bytes_are(http_request_field(x, "user-agent"),
                  "connect-python")) /* as envd tells its oldest client */
        http_add(x, "X-E2B-Legacy-SDK", "true");
    call = call_new(r, x, service, method, streaming ? &stream : &unary, (enum codec)codec, &e);
    if (!call) {
        connect_deny(x, &e);
        return NULL;
    }
    call->gzip_in = gzip;
    call->timeout_ms = timeout_ms;
    return call;
}
