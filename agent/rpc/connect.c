#include "core/base64.h"
#include "core/limits.h"
#include "core/writer.h"
#include "rpc/call.h"
#include "rpc/envelope.h"

/* The Connect protocol, https://connectrpc.com/docs/protocol: unary calls are plain HTTP requests, streams
 * carry envelopes and end with one that says how. Texts that clients show or match are connect-go's. */

/* --- requests -------------------------------------------------------------------------------- */

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

bool connect_legacy(const struct http_exchange *x)
{
    return bytes_are(http_request_field(x, "user-agent"), "connect-python");
}

static int check(struct http_exchange *x, struct err *e)
{
    struct bytes version = http_request_field(x, "connect-protocol-version");

    if (connect_legacy(x)) /* as envd tells its oldest client */
        http_add(x, "X-E2B-Legacy-SDK", "true");
    if (version.ptr && !bytes_are(version, "1"))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "connect-protocol-version must be \"1\"");
    return 0;
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

            if (!value)
                continue;
            base64_encode(d->bytes, d->len, value);
            writer_printf(w, "%s{\"type\":\"%s\",\"value\":\"", first ? "" : ",", d->type);
            writer_put(w, value, BASE64_BARE_LEN(d->len));
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
    http_reply_chain(x, http_status_of(e->status), connect_unary.types[CODEC_JSON], &body);
}

static void unary_deny(struct http_exchange *x, const char *type, const struct err *e)
{
    (void)type;
    reply_error(x, e, NULL);
}

/* A response that has no end of its own tells its trailing metadata at the front. */
static void unary_finish(struct rpc_call *call)
{
    for (uint32_t i = 0; i < call->trailers.count; i++)
        if (http_fields_append(&call->x->response, "trailer-", http_field_name(&call->trailers, i),
                               http_field_value(&call->trailers, i)) < 0)
            call->x->broken = true;
    if (call->error) {
        reply_error(call->x, call->error, call);
        return;
    }
    if (call->gzip_out && call->out.bytes > 0)
        http_add(call->x, connect_unary.encoding, "gzip");
    http_reply_chain(call->x, 200, call->type, &call->out);
}

/* "metadata":{"name":["value","value"],...} */
static void write_metadata(struct writer *w, const struct http_fields *f)
{
    const char *before = "";

    writer_str(w, "\"metadata\":{");
    for (uint32_t i = 0; i < f->count; i++) {
        struct bytes name = http_field_name(f, i);
        uint32_t seen = 0;

        while (!bytes_equal(http_field_name(f, seen), name))
            seen++;
        if (seen < i)
            continue; /* it was written with the first of its name */
        writer_str(w, before);
        writer_json_string(w, name);
        writer_char(w, ':');
        before = "[";
        for (uint32_t j = i; j < f->count; j++) {
            if (!bytes_equal(http_field_name(f, j), name))
                continue;
            writer_str(w, before);
            writer_json_string(w, http_field_value(f, j));
            before = ",";
        }
        writer_char(w, ']');
        before = ",";
    }
    writer_char(w, '}');
}

/* The end-stream message is JSON in either codec. */
static int write_end(const struct err *e, const struct rpc_call *call, struct chain *out)
{
    struct chain body = {0};
    struct writer w;
    int ret;

    writer_init(&w, &body, NULL, SIZE_MAX);
    writer_char(&w, '{');
    if (e) {
        writer_str(&w, "\"error\":");
        write_error(&w, e, call);
    }
    if (call && call->trailers.count > 0) {
        if (e)
            writer_char(&w, ',');
        write_metadata(&w, &call->trailers);
    }
    writer_char(&w, '}');
    ret = writer_done(&w);
    if (ret == 0)
        ret = message_envelope(ENVELOPE_END_STREAM, &body, out);
    chain_clear(&body);
    return ret;
}

static int stream_end(struct rpc_call *call, struct chain *out)
{
    return write_end(call->error, call, out);
}

static void stream_deny(struct http_exchange *x, const char *type, const struct err *e)
{
    struct chain body = {0};

    if (write_end(e, NULL, &body) < 0)
        chain_clear(&body);
    http_reply_chain(x, 200, type, &body);
}

const struct rpc_protocol connect_unary = {
    .types = {[CODEC_PROTO] = "application/proto", [CODEC_JSON] = "application/json"},
    .unary = true,
    .details_max = RPC_DETAILS_MAX,
    .encoding = "content-encoding",
    .accept_encoding = "accept-encoding",
    .timeout = "connect-timeout-ms",
    .parse_timeout = parse_timeout,
    .check = check,
    .deny = unary_deny,
    .finish = unary_finish,
};

const struct rpc_protocol connect_stream = {
    .types = {[CODEC_PROTO] = "application/connect+proto", [CODEC_JSON] = "application/connect+json"},
    .streams = true,
    .enveloped = true,
    .details_max = RPC_DETAILS_MAX,
    .encoding = "connect-content-encoding",
    .accept_encoding = "connect-accept-encoding",
    .timeout = "connect-timeout-ms",
    .parse_timeout = parse_timeout,
    .check = check,
    .deny = stream_deny,
    .end = stream_end,
};
