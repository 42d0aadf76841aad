#include "ctl/client/call.h"

#include <stdio.h>
#include <strings.h>

#include "core/clock.h"
#include "core/limits.h"
#include "ctl/client/form.h"
#include "rpc/gzip.h"

/* --- errors ---------------------------------------------------------------------------------- */

/* Ends the call with an error of our own making. Returns -1. */
static int fail_with(struct call *c, enum status status, const char *what)
{
    c->error.from_agent = false;
    return err_set(&c->error.err, status, 0, "%s: %s", c->wire->name, what);
}

int call_fail(struct call *c, enum status status, struct bytes text)
{
    c->error.from_agent = c->named = true;
    return err_set(&c->error.err, status, 0, "%.*s", (int)MIN(text.len, (size_t)ERR_TEXT_MAX), text.ptr);
}

int call_fail_protocol(struct call *c, const char *what)
{
    return fail_with(c, STATUS_INTERNAL, what);
}

/* https://connectrpc.com/docs/protocol#http-to-error-code, grpc/doc/http-grpc-status-mapping.md. */
static enum status status_of_http(int status)
{
    switch (status) {
    case 400:
        return STATUS_INTERNAL;
    case 401:
        return STATUS_UNAUTHENTICATED;
    case 403:
        return STATUS_PERMISSION_DENIED;
    case 404:
        return STATUS_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return STATUS_UNAVAILABLE;
    default:
        return STATUS_UNKNOWN;
    }
}

void call_add_detail(struct call *c, struct bytes type, const uint8_t *value, size_t len)
{
    struct call_detail *list = realloc(c->details, (c->detail_count + 1) * sizeof *list);
    struct call_detail d = {strndup(type.ptr ? type.ptr : "", type.len), malloc(len + 1), len};

    if (list)
        c->details = list;
    if (!list || !d.type || !d.value) {
        free(d.type);
        free(d.value);
        return;
    }
    if (len > 0)
        memcpy(d.value, value, len);
    list[c->detail_count++] = d;
}

/* --- the request ----------------------------------------------------------------------------- */

/* The message as it goes into the request's body. Returns 0, or -1 with *e. */
static int put_message(const struct call *c, struct bytes message, struct buffer *out, struct err *e)
{
    struct chain plain = {0}, packed = {0};
    uint8_t head[ENVELOPE_SIZE];
    int ret = 0;

    if (message.len > UINT32_MAX / 2)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "the message is too large");
    if (c->gzip &&
        (chain_copy(&plain, message.ptr, message.len) < 0 || gzip_compress(&plain, NULL, &packed) < 0))
        ret = -1;
    envelope_encode(c->gzip ? ENVELOPE_COMPRESSED : 0, (uint32_t)(c->gzip ? packed.bytes : message.len),
                    head);
    if (ret == 0 && c->form->enveloped)
        ret = buffer_add(out, head, sizeof head);
    if (ret == 0 && !c->gzip)
        ret = buffer_add(out, message.ptr, message.len);
    CHAIN_FOREACH (it, &packed)
        if (ret == 0)
            ret = buffer_add(out, it->data, it->len);
    chain_clear(&plain);
    chain_clear(&packed);
    return ret < 0 ? err_nomem(e, "send a message") : 0;
}

/* The request's fields. Returns 0, or a negative value. */
static int put_fields(const struct call *c, const struct call_spec *s, struct http_fields *f)
{
    int ret = http_fields_add(f, "content-type", bytes_of(c->form->types[s->codec]));

    if (ret == 0)
        ret = c->form->ask(f, s->timeout_ms);
    if (ret == 0 && s->gzip)
        ret = http_fields_add(f, c->form->encoding, BYTES_LIT("gzip"));
    if (ret == 0)
        ret =
            http_fields_add(f, c->form->accept_encoding, s->gzip ? BYTES_LIT("gzip") : BYTES_LIT("identity"));
    for (uint32_t i = 0; ret == 0 && s->fields && i < s->fields->count; i++)
        ret = http_fields_append(f, "", http_field_name(s->fields, i), http_field_value(s->fields, i));
    return ret;
}

int call_begin(struct call *c, struct wire *w, const struct call_spec *s, const struct bytes *only,
               struct err *e)
{
    struct http_fields fields = {0};
    struct buffer body = {0};
    struct wire_request request = {.method = "POST", .fields = &fields, .more = !only};
    CLEANUP_FREE char *path = NULL;
    int ret;

    *c = (struct call){
        .wire = w,
        .form = s->protocol == CALL_GRPC ? &grpc_form
                : s->unary               ? &connect_unary_form
                                         : &connect_stream_form,
        .codec = s->codec,
        .gzip = s->gzip,
        .message_max = s->message_max ? s->message_max : MESSAGE_MAX,
        .deadline_ms = s->timeout_ms && s->keeps_time ? clock_mono_ms() + s->timeout_ms : 0,
    };
    w->in_max = c->message_max + ENVELOPE_SIZE + 2 * (size_t)FRAME_MAX;
    if (put_fields(c, s, &fields) < 0)
        ret = err_set(e, STATUS_INVALID_ARGUMENT, 0, "the request's header is too large");
    else
        ret = only ? put_message(c, *only, &body, e) : 0;
    if (ret == 0 && asprintf(&path, "/%s", s->method) < 0) {
        path = NULL;
        ret = err_nomem(e, "send a request");
    }
    if (ret == 0) {
        request.path = path;
        request.body = buffer_bytes(&body);
        ret = wire_begin(w, &request, e);
    }
    http_fields_clear(&fields);
    buffer_clear(&body);
    return ret;
}

int call_send(struct call *c, struct bytes message, struct err *e)
{
    struct buffer body = {0};
    struct bytes bytes;
    int ret;

    if (c->ended || c->cut || c->wire->complete)
        return err_set(e, STATUS_UNAVAILABLE, 0, "%s: the call is over", c->wire->name);
    if (wire_unsent(c->wire) > MESSAGE_MAX)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "%s: too much waits for the server", c->wire->name);
    ret = put_message(c, message, &body, e);
    bytes = buffer_bytes(&body);
    if (ret == 0)
        ret = wire_send(c->wire, bytes.ptr, bytes.len, e);
    buffer_clear(&body);
    return ret;
}

void call_end(struct call *c)
{
    struct answer_error e = {.from_agent = false};

    if (c->ended || c->cut || wire_end(c->wire, &e.err) == 0)
        return;
    c->cut = true;
    c->error = e;
}

/* --- the response ---------------------------------------------------------------------------- */

static struct bytes head(const struct call *c, const char *name)
{
    return http_fields_get(&c->wire->head, name);
}

static bool begins_with(struct bytes s, const char *front)
{
    size_t n = strlen(front);

    return s.len >= n && strncasecmp(s.ptr, front, n) == 0;
}

/* A content type without its parameters. */
static bool is_type(struct bytes given, const char *type)
{
    size_t n = strlen(type);

    return begins_with(given, type) && (given.len == n || given.ptr[n] == ';' || given.ptr[n] == ' ');
}

/* The response's bytes will be decompressed, or not. Returns 0, or -1 with c->error. */
static int judge_encoding(struct call *c)
{
    struct bytes v = head(c, c->form->encoding);

    c->compressed = bytes_are(v, "gzip");
    if (c->compressed || v.len == 0 || bytes_are(v, "identity"))
        return 0;
    return call_fail_protocol(c, "the answer is compressed in a way that was not asked for");
}

/* Makes of `in` the decompressed message, which the call owns. Returns 0, or -1 with c->error. */
static int decompress(struct call *c, struct bytes in, struct bytes *out)
{
    size_t len;
    struct err e;

    c->message = gzip_decompress(in, c->message_max, &len, &e);
    if (!c->message)
        return fail_with(c, e.status == STATUS_INVALID_ARGUMENT ? STATUS_INTERNAL : e.status, e.text);
    *out = (struct bytes){(const char *)c->message, len};
    return 0;
}

/* More has to come, and will: 0; will not: -1, with c->error. */
static int more(const struct call *c)
{
    return c->cut ? -1 : 0;
}

/* An answer of another status than 200: the code that it stands for, unless a Connect error object has one. */
static int http_error(struct call *c)
{
    struct wire *w = c->wire;
    struct bytes text = buffer_bytes(&w->in);

    if (!w->complete)
        return more(c);
    err_set(&c->error.err, STATUS_UNKNOWN, 0, "%s", "");
    if (is_type(head(c, "content-type"), "application/json") &&
        (!bytes_are(head(c, "content-encoding"), "gzip") || decompress(c, text, &text) == 0))
        c->named = connect_read_error(c, text, STATUS_UNKNOWN) && c->form != &grpc_form;
    if (!c->named)
        c->error.err.status = status_of_http(w->status);
    c->error.from_agent = true;
    return -1;
}

/* Whether the response is one of the protocol. Returns 1, or what call_next does. */
static int judge_head(struct call *c)
{
    struct bytes type = head(c, "content-type");

    if (c->wire->status != 200)
        return http_error(c);
    if (is_type(type, c->form->types[c->codec]) ||
        (c->codec == CODEC_PROTO && c->form->shorthand && is_type(type, c->form->shorthand)))
        return judge_encoding(c) < 0 ? -1 : 1;
    c->error.from_agent = true;
    return err_set(&c->error.err, begins_with(type, c->form->family) ? STATUS_INTERNAL : STATUS_UNKNOWN, 0,
                   "content type '%.*s'", (int)MIN(type.len, 100u), type.ptr ? type.ptr : "");
}

/* The body is the message. */
static int next_whole(struct call *c, struct bytes *message)
{
    if (!c->wire->complete)
        return more(c);
    if (c->delivered)
        return 2;
    c->delivered = true;
    *message = buffer_bytes(&c->wire->in);
    if (c->compressed)
        return decompress(c, *message, message) < 0 ? -1 : 1;
    return message->len <= c->message_max
               ? 1
               : fail_with(c, STATUS_RESOURCE_EXHAUSTED, "the answer is too large");
}

/* The body is a row of envelopes. */
static int next_enveloped(struct call *c, struct bytes *message)
{
    struct bytes in = buffer_bytes(&c->wire->in);
    struct envelope v = {0};
    bool has_head = envelope_decode((const uint8_t *)in.ptr, in.len, &v) > 0;

    if (has_head && (v.flags & ~(ENVELOPE_COMPRESSED | c->form->end_flag)))
        return call_fail_protocol(c, "the answer has a message with unknown flags");
    if (has_head && v.len > c->message_max)
        return fail_with(c, STATUS_RESOURCE_EXHAUSTED, "the answer is too large");
    if (!has_head || in.len - ENVELOPE_SIZE < v.len)
        return c->wire->complete ? c->form->end(c) : more(c);
    if ((v.flags & ENVELOPE_COMPRESSED) && !c->compressed)
        return call_fail_protocol(c, "the answer has a compressed message, and does not say how");
    c->taken = ENVELOPE_SIZE + v.len;
    *message = (struct bytes){in.ptr + ENVELOPE_SIZE, v.len};
    if ((v.flags & ENVELOPE_COMPRESSED) && v.len > 0 && decompress(c, *message, message) < 0)
        return -1;
    return v.flags & c->form->end_flag ? c->form->end_message(c, *message) : 1;
}

/* As call_next, with c->error. */
static int next(struct call *c, struct bytes *message)
{
    if (c->wire->status == 0)
        return more(c);
    if (!c->begun) {
        int ret = judge_head(c);

        if (ret != 1)
            return ret;
        c->begun = true;
    }
    return c->form->enveloped ? next_enveloped(c, message) : next_whole(c, message);
}

int call_next(struct call *c, struct bytes *message, struct answer_error *e)
{
    if (!c->ended) {
        int got;

        buffer_take(&c->wire->in, c->taken);
        c->taken = 0;
        free(TAKE(c->message));
        got = next(c, message);
        if (got == 0 || got == 1)
            return got;
        c->ended = true;
        c->failed = got < 0;
        if (c->form->gather && c->wire->status)
            c->form->gather(c);
    }
    if (c->failed)
        *e = c->error;
    return c->failed ? -1 : 2;
}

/* --- time ------------------------------------------------------------------------------------ */

/* The call ends here, whatever has come. */
static void give_up(struct call *c, enum status status, const char *why)
{
    if (c->ended)
        return;
    fail_with(c, status, why);
    c->ended = c->failed = true;
    wire_cancel(c->wire);
}

int call_patience(const struct call *c)
{
    uint64_t now = clock_mono_ms();

    if (c->deadline_ms == 0 || c->ended)
        return -1;
    return now >= c->deadline_ms ? 0 : (int)MIN(c->deadline_ms - now, (uint64_t)INT32_MAX);
}

void call_turn(struct call *c)
{
    struct answer_error e = {.from_agent = false};

    if (c->ended || c->cut)
        return;
    if (c->deadline_ms && clock_mono_ms() >= c->deadline_ms) {
        give_up(c, STATUS_DEADLINE_EXCEEDED, "no answer within the time-out");
    } else if (wire_step(c->wire, &e.err) < 0) {
        c->cut = true;
        c->error = e;
    }
}

void call_wait(struct call *c)
{
    struct pollfd p = wire_poll(c->wire);

    if (c->ended || c->cut)
        return;
    poll(&p, 1, call_patience(c));
    call_turn(c);
}

int call_receive(struct call *c, struct bytes *message, struct answer_error *e)
{
    int got;

    while ((got = call_next(c, message, e)) == 0)
        call_wait(c);
    return got;
}

int call_one(struct call *c, struct bytes *message, struct answer_error *e)
{
    struct bytes first = {"", 0}, surplus;
    int got = call_receive(c, &first, e);

    if (got == 1) {
        c->only = malloc(first.len + 1);
        if (!c->only)
            return err_nomem(&e->err, "read the answer");
        memcpy(c->only, first.ptr, first.len);
        *message = (struct bytes){(const char *)c->only, first.len};
        got = call_receive(c, &surplus, e);
        if (got == 2)
            return 0;
        if (got == 1)
            give_up(c, STATUS_UNIMPLEMENTED, "more than one message where there is one");
    } else if (got == 2) {
        c->failed = true;
        fail_with(c, STATUS_UNIMPLEMENTED, "no message where there is one");
    }
    *e = c->error;
    return -1;
}

void call_cancel(struct call *c)
{
    if (c->wire)
        give_up(c, STATUS_CANCELED, "canceled");
}

void call_close(struct call *c)
{
    if (!c->wire)
        return;
    wire_cancel(c->wire);
    buffer_take(&c->wire->in, c->taken);
    for (size_t i = 0; i < c->detail_count; i++) {
        free(c->details[i].type);
        free(c->details[i].value);
    }
    free(c->details);
    free(c->message);
    free(c->only);
    http_fields_clear(&c->trailers);
    *c = (struct call){0};
}
