#include <stdio.h>

#include "http/h2_internal.h"
#include "http/words.h"

#define SMALL_BODY 1024 /* so much of a body is copied to the heap, what is beyond it into the pool */

/* --- the request ----------------------------------------------------------------------------- */

static void feed(struct h2_stream *s)
{
    if (!s->fed)
        TAILQ_INSERT_TAIL(&s->h->fed, s, fed_link);
    s->fed = true;
}

void h2_stream_free(struct h2_stream *s, enum close_reason why)
{
    struct h2 *h = s->h;

    if (s->noted)
        TAILQ_REMOVE(&h->noted, s, noted_link);
    if (s->fed)
        TAILQ_REMOVE(&h->fed, s, fed_link);
    timerq_clear(&h->linger, &s->lingering);
    TAILQ_REMOVE(&h->streams, s, link);
    h->count--;
    if (h->in_header == s->id)
        h->in_header = 0;
    if (s->x && s->begun)
        http_cancel(s->x, why);
    if (s->x)
        h2_answer_over(s);
    chain_clear(&s->piece);
    free(s->path);
    free(s);
}

/* A stream without its exchange, before anything of its header was looked at. NULL: out of memory. */
static struct h2_stream *open_stream(struct h2 *h, int32_t id)
{
    struct h2_stream *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->x = http_exchange_new(h->http, h->conn, &h2_answer_wire, s);
    if (!s->x || nghttp2_session_set_stream_user_data(h->session, id, s) != 0) {
        if (s->x)
            http_exchange_free(s->x);
        free(s);
        return NULL;
    }
    s->h = h;
    s->id = id;
    TAILQ_INSERT_TAIL(&h->streams, s, link);
    h->count++;
    return s;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    struct h2 *h = user_data;
    int32_t id = frame->hd.stream_id;

    h->in_header = id;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    if (h->draining || h->conn->phase != CONN_OPEN)
        return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM) == 0
                   ? 0
                   : NGHTTP2_ERR_CALLBACK_FAILURE;
    return open_stream(h, id) ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void reject(struct h2_stream *s, int status)
{
    if (!s->reject)
        s->reject = status;
}

static void add_field(struct h2_stream *s, struct bytes name, struct bytes value)
{
    int ret = http_fields_append(&s->x->request, "", name, value);

    if (ret < 0)
        reject(s, http_fields_status(ret));
}

static void take_method(struct h2_stream *s, struct bytes value)
{
    if (value.len >= sizeof s->method)
        reject(s, 501);
    else
        memcpy(s->method, value.ptr, value.len);
}

static void take_path(struct h2_stream *s, struct bytes value)
{
    if (value.len > URL_MAX) {
        reject(s, 414);
        return;
    }
    s->path = malloc(value.len + 1);
    if (!s->path) {
        reject(s, 500);
        return;
    }
    memcpy(s->path, value.ptr, value.len);
    s->path_len = value.len;
}

/* One field of a header. nghttp2 has checked what RFC 9113 section 8 says of each and of their order. */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *user_data)
{
    struct h2_stream *s = h2_find(user_data, frame->hd.stream_id);
    struct bytes n = {(const char *)name, name_len}, v = {(const char *)value, value_len};

    (void)session;
    (void)flags;
    if (!s)
        return 0;
    s->list_bytes += name_len + value_len + 32;
    if (s->list_bytes > H2_HEADER_LIST_MAX)
        s->h->verdict = NGHTTP2_ENHANCE_YOUR_CALM;
    if (s->begun || s->reject) /* a trailer, which nobody reads; or the rest of what is refused */
        return 0;
    if (s->list_bytes > HEADER_MAX)
        reject(s, 431);
    else if (bytes_are(n, ":method"))
        take_method(s, v);
    else if (bytes_are(n, ":path"))
        take_path(s, v);
    else if (bytes_are(n, ":authority")) {
        s->authority = true;
        add_field(s, BYTES_LIT("host"), v);
    } else if (n.ptr[0] != ':' && !(s->authority && bytes_are(n, "host"))) {
        add_field(s, n, v);
    }
    return 0;
}

/* The header is complete: what h1 checks there, where nghttp2 has not. */
static void check_head(struct h2_stream *s)
{
    struct http_exchange *x = s->x;
    struct bytes expect = http_fields_get(&x->request, "expect");
    struct bytes length = http_fields_get(&x->request, "content-length");

    x->content_length = s->complete ? 0 : -1;
    if (length.ptr) { /* digits: nghttp2 has looked, and holds the body to it */
        x->content_length = 0;
        for (size_t i = 0; i < length.len; i++)
            x->content_length = x->content_length * 10 + (length.ptr[i] - '0');
    }
    if (strcmp(s->method, "CONNECT") == 0)
        reject(s, 405);
    if (expect.ptr && (expect.len != 12 || strncasecmp(expect.ptr, "100-continue", 12) != 0))
        reject(s, 417);
    x->expects_continue = expect.ptr && !s->complete;
    if (!s->reject && http_exchange_target(x, s->method, (struct bytes){s->path, s->path_len}) < 0)
        reject(s, 500);
    free(TAKE(s->path));
}

static void begin(struct h2_stream *s)
{
    char text[64];

    check_head(s);
    s->begun = true;
    if (!s->reject) {
        http_begin(s->x);
        return;
    }
    snprintf(text, sizeof text, "%d %s", s->reject, words_reason(s->reject));
    http_reply_text(s->x, s->reject, text);
}

/* Copies a small part of a body: many of them share a segment. */
static int copy_body(struct h2_stream *s, const uint8_t *p, size_t n)
{
    struct chain *in = &s->x->in;

    while (n > 0 && s->received > SMALL_BODY) {
        size_t room, part;
        uint8_t *to = chain_reserve(in, s->h->conn->net->in_pool, 1, &room);

        if (!to) { /* what was read must stay somewhere: but then no more is read */
            struct seg *seg = conn_body_seg(s->h->conn);

            if (seg)
                seg_unref(seg);
            break;
        }
        part = MIN(n, room);
        memcpy(to, p, part);
        chain_commit(in, part);
        p += part;
        n -= part;
    }
    return chain_copy(in, p, n);
}

/* A response that ends before its request wants no more of it (RFC 9113 section 8.1). A little, for a while, may come:
 * most clients are about to end it anyway. */
static void had_enough(struct h2_stream *s)
{
    s->enough = true;
    h2_answer_note(s);
}

void h2_stream_lingered(struct timerq *q, struct timerq_entry *e)
{
    (void)q;
    had_enough(CONTAINER_OF(e, struct h2_stream, lingering));
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                   void *user_data)
{
    struct h2 *h = user_data;
    struct h2_stream *s = h2_find(h, id);
    int ret;

    (void)flags;
    /* The connection's window is given back at once: a stream that is not read stops no other. */
    if (nghttp2_session_consume_connection(session, n) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (!s)
        return 0;
    s->received += n;
    h->unsure |= s->x->waiting != 0;
    s->x->expects_continue = false; /* the client did not wait */
    feed(s);
    if (s->x->over || s->x->ended) {
        s->surplus += n;
        if (s->surplus >= LINGER_BYTES)
            had_enough(s);
        return 0;
    }
    if (h->reading && n >= SEG_SIZE / 4)
        ret = chain_ref(&s->x->in, h->reading, (uint8_t *)(uintptr_t)p, n);
    else
        ret = copy_body(s, p, n);
    return ret < 0 ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* The request is complete. */
static void end_request(struct h2_stream *s)
{
    struct conn *c = s->h->conn;

    s->complete = true;
    feed(s);
    if (c->net->overdraft == c) /* another one's turn */
        conn_body_done(c);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    struct h2 *h = user_data;
    struct h2_stream *s = frame->hd.stream_id ? h2_find(h, frame->hd.stream_id) : NULL;

    if (frame->hd.type == NGHTTP2_HEADERS)
        h->in_header = 0;
    if (frame->hd.type == NGHTTP2_WINDOW_UPDATE)
        h2_guard_window_update(h, frame->window_update.window_size_increment);
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) && h->draining &&
        !h->last_word) {
        h->last_word = true;
        return nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
                                     nghttp2_session_get_last_proc_stream_id(session), NGHTTP2_NO_ERROR, NULL,
                                     0) == 0
                   ? 0
                   : NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (!s || h->conn->phase != CONN_OPEN)
        return 0;
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        s->peer_reset = true;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        end_request(s);
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        begin(s);
    return 0;
}

/* A frame is out. */
static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    struct h2 *h = user_data;
    struct h2_stream *s;

    (void)session;
    switch (frame->hd.type) {
    case NGHTTP2_RST_STREAM: /* provoked ones are resets of the peer's too: CVE-2025-8671 */
        if (frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
            frame->rst_stream.error_code != NGHTTP2_INTERNAL_ERROR)
            h2_guard_reset(h);
        return 0;
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        s = h2_find(h, frame->hd.stream_id);
        if (s && !s->complete && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
            timerq_set(&h->linger, &s->lingering);
        return 0;
    default:
        return 0;
    }
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user_data)
{
    struct h2_stream *s = h2_find(user_data, id);

    (void)session;
    (void)code;
    if (s)
        h2_stream_free(s, s->peer_reset ? CLOSE_PEER_GONE : CLOSE_ERROR);
    return 0;
}

void h2_stream_callbacks(nghttp2_session_callbacks *c)
{
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame_recv);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
}

void h2_stream_deliver(struct h2 *h)
{
    struct h2_stream *s;

    while ((s = TAILQ_FIRST(&h->fed))) {
        TAILQ_REMOVE(&h->fed, s, fed_link);
        s->fed = false;
        if (s->begun && s->x && !s->x->over && (s->x->in.bytes > 0 || s->complete))
            http_body_arrived(s->x, s->complete);
    }
}
