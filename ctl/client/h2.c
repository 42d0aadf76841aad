#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "core/limits.h"
#include "ctl/client/transport.h"

/* HTTP/2, RFC 9113, by prior knowledge: nghttp2 keeps the protocol's state. One stream at a time. */

struct h2 {
    nghttp2_session *session;
    int32_t stream;        /* the one under way; 0: none */
    int status;            /* of the header under way */
    bool settled;          /* the server's SETTINGS have come: it speaks HTTP/2 */
    bool deferred;         /* nghttp2 waits for more of the request's body */
    bool closed;           /* the stream has ended on both sides */
    uint32_t code;         /* and with that */
    enum wire_refusal why; /* we ended it */
};

/* --- the response ---------------------------------------------------------------------------- */

/* Ends the stream: what comes for it is not taken. */
static void refuse(struct wire *w, enum wire_refusal why)
{
    struct h2 *h = w->state;

    if (why == WIRE_TAKEN)
        return;
    h->why = why;
    nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, h->stream, NGHTTP2_CANCEL);
}

static bool is_awaited(const struct wire *w, int32_t stream)
{
    const struct h2 *h = w->state;

    return h->stream != 0 && stream == h->stream && h->why == WIRE_TAKEN && !w->complete;
}

/* nghttp2 has checked that a status has three digits and stands before the fields. */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *user_data)
{
    struct wire *w = user_data;
    struct h2 *h = w->state;
    struct bytes n = {(const char *)name, name_len}, v = {(const char *)value, value_len};
    int ret;

    (void)session;
    (void)flags;
    if (!is_awaited(w, frame->hd.stream_id))
        return 0;
    if (n.len > 0 && *n.ptr == ':') {
        h->status = v.len == 3 ? (v.ptr[0] - '0') * 100 + (v.ptr[1] - '0') * 10 + (v.ptr[2] - '0') : 0;
        return 0;
    }
    ret = http_fields_append(w->status ? &w->trailer : &w->head, "", n, v);
    refuse(w, ret == 0 ? WIRE_TAKEN : ret == -1 ? WIRE_NO_MEMORY : WIRE_BAD_HEADER);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t n,
                   void *user_data)
{
    struct wire *w = user_data;

    (void)session;
    (void)flags;
    if (is_awaited(w, stream))
        refuse(w, wire_take_body(w, data, n));
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    struct wire *w = user_data;
    struct h2 *h = w->state;

    (void)session;
    h->settled |= frame->hd.type == NGHTTP2_SETTINGS;
    if (!is_awaited(w, frame->hd.stream_id))
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && w->status == 0) {
        if (h->status >= 200)
            w->status = h->status;
        else
            http_fields_clear(&w->head);
    }
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        w->complete = w->status != 0;
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user_data)
{
    struct wire *w = user_data;
    struct h2 *h = w->state;

    (void)session;
    if (stream != h->stream)
        return 0;
    h->closed = true;
    h->code = code;
    buffer_clear(&w->body); /* nobody takes it any more */
    return 0;
}

/* What a stream's end before its response means: grpc/doc/PROTOCOL-HTTP2.md, "Errors". */
static enum status status_of(uint32_t code)
{
    switch (code) {
    case NGHTTP2_REFUSED_STREAM:
        return STATUS_UNAVAILABLE;
    case NGHTTP2_CANCEL:
        return STATUS_CANCELED;
    case NGHTTP2_ENHANCE_YOUR_CALM:
        return STATUS_RESOURCE_EXHAUSTED;
    case NGHTTP2_INADEQUATE_SECURITY:
        return STATUS_PERMISSION_DENIED;
    default:
        return STATUS_INTERNAL;
    }
}

static int push(struct wire *w, struct err *e)
{
    struct h2 *h = w->state;

    if (h->deferred && !h->closed && (buffer_len(&w->body) > 0 || w->body_ended)) {
        h->deferred = false;
        if (nghttp2_session_resume_data(h->session, h->stream) == NGHTTP2_ERR_NOMEM)
            return err_nomem(e, "send a request");
    }
    while (buffer_len(&w->out) < WIRE_OUT_MAX) {
        const uint8_t *data;
        ssize_t n = nghttp2_session_mem_send(h->session, &data);

        if (n < 0 || buffer_add(&w->out, data, (size_t)n) < 0)
            return err_nomem(e, "send a request");
        if (n == 0)
            break;
    }
    return 0;
}

static int receive(struct wire *w, const uint8_t *data, size_t n, struct err *e)
{
    struct h2 *h = w->state;
    ssize_t ret = nghttp2_session_mem_recv(h->session, data, n);

    if (ret < 0 || push(w, e) < 0)
        return err_set(e, STATUS_INTERNAL, 0, "%s: the HTTP/2 connection failed: %s", w->name,
                       nghttp2_strerror((int)MIN(ret, 0)));
    w->broken |= !nghttp2_session_check_request_allowed(h->session);
    if (!w->running || w->complete)
        return 0;
    if (h->why != WIRE_TAKEN)
        return wire_refused(w, h->why, e);
    if (h->closed)
        return err_set(e, status_of(h->code), 0, "%s: the stream was reset: %s", w->name,
                       nghttp2_http2_strerror(h->code));
    if (!nghttp2_session_want_read(h->session))
        return err_set(e, h->settled ? STATUS_INTERNAL : STATUS_UNKNOWN, 0, "%s: %s", w->name,
                       h->settled ? "the HTTP/2 connection ended with an error"
                                  : "not an agent: it does not answer in HTTP/2");
    return 0;
}

static int receive_end(struct wire *w, struct err *e)
{
    return w->complete ? 0 : wire_lost(w, 0, e);
}

/* --- the request ----------------------------------------------------------------------------- */

static ssize_t read_body(nghttp2_session *session, int32_t stream, uint8_t *out, size_t max, uint32_t *flags,
                         nghttp2_data_source *source, void *user_data)
{
    struct wire *w = user_data;
    struct h2 *h = w->state;
    struct bytes body = buffer_bytes(&w->body);
    size_t n = MIN(body.len, max);

    (void)session;
    (void)source;
    if (stream != h->stream) { /* one that was given up */
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        return 0;
    }
    if (n == 0 && !w->body_ended) {
        h->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    memcpy(out, body.ptr, n);
    buffer_take(&w->body, n);
    if (w->body_ended && buffer_len(&w->body) == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static nghttp2_nv pair(struct bytes name, struct bytes value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name.ptr, (uint8_t *)(uintptr_t)value.ptr, name.len, value.len,
                        NGHTTP2_NV_FLAG_NONE};
}

static int begin(struct wire *w, const struct wire_request *r, struct err *e)
{
    nghttp2_data_provider body = {.read_callback = read_body};
    nghttp2_nv list[5 + HEADER_COUNT_MAX] = {pair(BYTES_LIT(":method"), bytes_of(r->method)),
                                             pair(BYTES_LIT(":scheme"), BYTES_LIT("http")),
                                             pair(BYTES_LIT(":path"), bytes_of(r->path)),
                                             pair(BYTES_LIT(":authority"), BYTES_LIT(WIRE_AUTHORITY))};
    struct h2 *h = w->state;
    char length[24];
    int32_t stream;
    size_t n = 4;

    for (uint32_t i = 0; i < r->fields->count; i++)
        list[n++] = pair(http_field_name(r->fields, i), http_field_value(r->fields, i));
    snprintf(length, sizeof length, "%llu", (unsigned long long)r->size);
    if (r->sized)
        list[n++] = pair(BYTES_LIT("content-length"), bytes_of(length));
    if (h->stream && !h->closed) /* answered before all of it was sent */
        nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, h->stream, NGHTTP2_CANCEL);
    h->closed = h->deferred = false;
    h->why = WIRE_TAKEN;
    h->status = 0;
    stream =
        nghttp2_submit_request(h->session, NULL, list, n, r->more || r->body.len > 0 ? &body : NULL, NULL);
    h->stream = stream > 0 ? stream : 0;
    return stream > 0 ? 0 : err_nomem(e, "send a request");
}

static void cancel(struct wire *w)
{
    struct h2 *h = w->state;

    if (h->stream && !h->closed)
        nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, h->stream, NGHTTP2_CANCEL);
    h->stream = 0;
}

/* --- the connection -------------------------------------------------------------------------- */

/* The session, with our SETTINGS as its first frame. Returns 0 or -1. */
static int open_session(struct wire *w, struct h2 *h)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_WINDOW},
        {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, H2_FRAME_MAX},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADER_MAX},
    };
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    int ret = -1;

    if (nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0) {
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
        nghttp2_option_set_max_outbound_ack(option, H2_IDLE_FRAMES_MAX);
        nghttp2_option_set_max_continuations(option, H2_CONTINUATIONS_MAX);
        nghttp2_option_set_max_deflate_dynamic_table_size(option, H2_HEADER_TABLE);
        ret = nghttp2_session_client_new2(&h->session, callbacks, w, option);
    }
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    if (ret == 0)
        ret = nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
    if (ret == 0)
        ret = nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, H2_CONNECTION_WINDOW);
    return ret == 0 ? 0 : -1;
}

static int open_h2(struct wire *w, struct err *e)
{
    struct h2 *h = calloc(1, sizeof *h);

    w->state = h;
    return h && open_session(w, h) == 0 ? 0 : err_nomem(e, "connect");
}

static void close_h2(struct wire *w)
{
    struct h2 *h = w->state;

    if (h && h->session)
        nghttp2_session_del(h->session);
    free(h);
}

const struct wire_transport wire_http2 = {
    .open = open_h2,
    .close = close_h2,
    .begin = begin,
    .push = push,
    .receive = receive,
    .receive_end = receive_end,
    .cancel = cancel,
};
