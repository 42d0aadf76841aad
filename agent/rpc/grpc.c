#include <stdio.h>

#include "core/base64.h"
#include "core/limits.h"
#include "rpc/call.h"
#include "rpc/envelope.h"

/* gRPC, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, and gRPC-Web, PROTOCOL-WEB.md beside it. Both end
 * with the same status fields: gRPC as trailers of the response, gRPC-Web as a last envelope of its body. */

enum { ENVELOPE_TRAILERS = 0x80 };

/* --- requests -------------------------------------------------------------------------------- */

/* grpc-timeout: up to eight digits and a unit. */
static int parse_timeout(struct bytes v, uint64_t *ms, struct err *e)
{
    static const char units[] = "HMSmun";
    static const double unit_ms[] = {3600e3, 60e3, 1e3, 1, 1e-3, 1e-6};
    uint64_t n = 0;
    const char *unit;

    *ms = 0;
    if (!v.ptr)
        return 0;
    unit = v.len >= 2 && v.len <= 9 ? memchr(units, v.ptr[v.len - 1], sizeof units - 1) : NULL;
    for (size_t i = 0; unit && i < v.len - 1; i++) {
        if (v.ptr[i] < '0' || v.ptr[i] > '9')
            unit = NULL;
        else
            n = n * 10 + (uint64_t)(v.ptr[i] - '0');
    }
    if (!unit)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "protocol error: invalid grpc-timeout \"%.*s\"",
                       (int)MIN(v.len, 32u), v.ptr);
    *ms = (uint64_t)((double)n * unit_ms[unit - units]);
    if (*ms == 0) /* it has passed already */
        *ms = 1;
    return 0;
}

/* --- the status ------------------------------------------------------------------------------ */

/* A message as the value of a field: bytes outside printable ASCII, and '%', are percent-encoded. Returns its length. */
static size_t percent_encode(const char *text, char *out)
{
    static const char hex[] = "0123456789ABCDEF";
    char *at = out;

    for (; *text; text++) {
        uint8_t c = (uint8_t)*text;

        if (c >= ' ' && c <= '~' && c != '%') {
            *at++ = (char)c;
        } else {
            *at++ = '%';
            *at++ = hex[c >> 4];
            *at++ = hex[c & 15];
        }
    }
    return (size_t)(at - out);
}

#define VARINT_MAX ((size_t)10)
#define TYPE_URL   "type.googleapis.com/"

static uint8_t *put_varint(uint8_t *at, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *at++ = (uint8_t)(v | 0x80);
    *at++ = (uint8_t)v;
    return at;
}

static size_t varint_size(uint64_t v)
{
    uint8_t scratch[VARINT_MAX];

    return (size_t)(put_varint(scratch, v) - scratch);
}

/* The head of a length-delimited field. */
static uint8_t *put_head(uint8_t *at, unsigned number, size_t len)
{
    *at++ = (uint8_t)(number << 3 | 2);
    return put_varint(at, len);
}

static uint8_t *put_field(uint8_t *at, unsigned number, const void *data, size_t len)
{
    at = put_head(at, number, len);
    if (len > 0)
        memcpy(at, data, len);
    return at + len;
}

/* The size of a google.protobuf.Any with the detail. */
static size_t any_size(const struct rpc_detail *d)
{
    size_t url = strlen(TYPE_URL) + strlen(d->type);

    return 2 + varint_size(url) + url + varint_size(d->len) + d->len;
}

/* google.rpc.Status in its binary form: code = 1, message = 2, repeated Any details = 3 (type_url = 1, value = 2). Returns
 * it as base64 on the heap, NULL without memory. */
static char *status_details(const struct rpc_call *call, size_t *len)
{
    const struct rpc_detail *d;
    size_t text = strlen(call->error->text), size = 2 * (1 + VARINT_MAX) + text, n;
    CLEANUP_FREE uint8_t *status = NULL;
    uint8_t *at;
    char *out;

    STAILQ_FOREACH (d, &call->details, link)
        size += 1 + VARINT_MAX + any_size(d);
    at = status = malloc(size);
    if (!status)
        return NULL;
    *at++ = 1 << 3;
    at = put_varint(at, (uint64_t)call->error->status);
    at = put_field(at, 2, call->error->text, text);
    STAILQ_FOREACH (d, &call->details, link) {
        size_t name = strlen(d->type);

        at = put_head(at, 3, any_size(d));
        at = put_head(at, 1, strlen(TYPE_URL) + name);
        memcpy(at, TYPE_URL, strlen(TYPE_URL));
        memcpy(at + strlen(TYPE_URL), d->type, name);
        at = put_field(at + strlen(TYPE_URL) + name, 2, d->bytes, d->len);
    }
    n = (size_t)(at - status);
    out = malloc(BASE64_LEN(n) + 1);
    if (!out)
        return NULL;
    base64_encode(status, n, out);
    *len = BASE64_BARE_LEN(n);
    return out;
}

/* Adds the fields that say how the call ended. Returns 0 or -1. */
static int add_status(struct http_fields *f, const struct err *e)
{
    char code[8], message[3 * ERR_TEXT_MAX];

    snprintf(code, sizeof code, "%d", e ? (int)e->status : 0);
    if (http_fields_add(f, "grpc-status", bytes_of(code)) < 0)
        return -1;
    if (!e || !e->text[0])
        return 0;
    return http_fields_add(f, "grpc-message", (struct bytes){message, percent_encode(e->text, message)});
}

/* All that stands behind the call's last message. */
static int add_trailers(struct rpc_call *call, struct http_fields *f)
{
    int ret = add_status(f, call->error);

    if (ret == 0 && call->error && !STAILQ_EMPTY(&call->details)) {
        size_t len;
        CLEANUP_FREE char *details = status_details(call, &len);

        ret = details ? http_fields_add(f, "grpc-status-details-bin", (struct bytes){details, len}) : -1;
    }
    for (uint32_t i = 0; ret == 0 && i < call->trailers.count; i++)
        ret = http_fields_append(f, "", http_field_name(&call->trailers, i),
                                 http_field_value(&call->trailers, i));
    return ret;
}

static int grpc_end(struct rpc_call *call, struct chain *out)
{
    (void)out;
    return add_trailers(call, &call->x->trailers);
}

/* The trailers as a block of HTTP/1 fields in a last envelope. */
static int web_end(struct rpc_call *call, struct chain *out)
{
    struct http_fields f = {0};
    struct chain body = {0};
    int ret = add_trailers(call, &f);

    if (ret == 0)
        ret = http_fields_write(&f, &body);
    if (ret == 0)
        ret = message_envelope(ENVELOPE_TRAILERS, &body, out);
    http_fields_clear(&f);
    chain_clear(&body);
    return ret;
}

/* A response of nothing but its status has it in the head. */
static void deny(struct http_exchange *x, const char *type, const struct err *e)
{
    if (add_status(&x->response, e) < 0)
        x->broken = true;
    http_reply(x, 200, type, (struct bytes){NULL, 0});
}

#define SHARED                                                                                               \
    .unary = true, .streams = true, .enveloped = true, .encoding = "grpc-encoding",                          \
    .accept_encoding = "grpc-accept-encoding", .timeout = "grpc-timeout", .parse_timeout = parse_timeout,    \
    .deny = deny, .details_max = TRAILER_DETAILS_MAX

const struct rpc_protocol grpc = {
    SHARED,
    .types = {[CODEC_PROTO] = "application/grpc+proto", [CODEC_JSON] = "application/grpc+json"},
    .shorthand = "application/grpc",
    .end = grpc_end,
};

const struct rpc_protocol grpc_web = {
    SHARED,
    .types = {[CODEC_PROTO] = "application/grpc-web+proto", [CODEC_JSON] = "application/grpc-web+json"},
    .shorthand = "application/grpc-web",
    .end = web_end,
};

const struct rpc_protocol grpc_web_text = {
    SHARED,
    .types =
        {[CODEC_PROTO] = "application/grpc-web-text+proto", [CODEC_JSON] = "application/grpc-web-text+json"},
    .shorthand = "application/grpc-web-text",
    .text = true,
    .end = web_end,
};
