#include <stdio.h>

#include "http/h2_internal.h"
#include "http/words.h"

/* --- wishes ---------------------------------------------------------------------------------- */

void h2_answer_note(struct h2_stream *s)
{
    if (!s->noted)
        TAILQ_INSERT_TAIL(&s->h->noted, s, noted_link);
    s->noted = true;
    conn_kick(s->h->conn);
}

static void answer_note(struct http_exchange *x)
{
    h2_answer_note(x->wire_state);
}

static void answer_abort(struct http_exchange *x)
{
    struct h2_stream *s = x->wire_state;

    s->break_off = true;
    h2_answer_note(s);
}

static void answer_want_body(struct http_exchange *x)
{
    struct h2_stream *s = x->wire_state;

    x->expects_continue = false;
    s->invite = true;
    h2_answer_note(s);
}

const struct http_wire h2_answer_wire = {
    .protocol_name = "HTTP/2",
    .kick = answer_note,
    .resume = answer_note,
    .abort = answer_abort,
    .want_body = answer_want_body,
};

/* --- the response ---------------------------------------------------------------------------- */

static nghttp2_nv field(struct bytes name, struct bytes value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name.ptr, (uint8_t *)(uintptr_t)value.ptr, name.len, value.len,
                        NGHTTP2_NV_FLAG_NONE};
}

/* The fields of a list that HTTP/2 carries: not those about the connection (RFC 9113 section 8.2.2). */
static size_t fields(const struct http_fields *f, nghttp2_nv *nv)
{
    size_t n = 0;

    for (uint32_t i = 0; i < f->count; i++)
        if (!bytes_are(http_field_name(f, i), "connection"))
            nv[n++] = field(http_field_name(f, i), http_field_value(f, i));
    return n;
}

/* The trailers follow the last DATA frame. */
static int send_trailers(struct h2_stream *s)
{
    nghttp2_nv nv[HEADER_COUNT_MAX];

    return nghttp2_submit_trailer(s->h->session, s->id, nv, fields(&s->x->trailers, nv));
}

/* Asks the exchange for the next piece, when the last one is out. Returns 0, or NGHTTP2_ERR_DEFERRED, or
 * NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE: the response is broken off. */
static int next_piece(struct h2_stream *s)
{
    struct http_exchange *x = s->x;

    if (s->piece.bytes > 0 || s->all)
        return 0;
    switch (x->events->produce(x, &s->piece, FRAME_MAX)) {
    case HTTP_END:
        s->all = true;
        break;
    case HTTP_WAIT:
    case HTTP_MORE:
        break;
    }
    if (x->over || (s->all && x->broken))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    s->deferred = s->piece.bytes == 0 && !s->all;
    return s->deferred ? NGHTTP2_ERR_DEFERRED : 0;
}

/* nghttp2 makes a DATA frame: how long is it, and is it the last? The bytes stay where they are. */
static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len, uint32_t *flags,
                       nghttp2_data_source *source, void *user_data)
{
    struct h2_stream *s = h2_find(user_data, id);
    int ret = s ? next_piece(s) : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;

    (void)session;
    (void)source;
    (void)buf;
    if (ret < 0)
        return ret;
    *flags = NGHTTP2_DATA_FLAG_NO_COPY;
    if (s->all && s->piece.bytes <= len) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (s->x && s->x->trailers.count > 0) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            if (send_trailers(s) != 0)
                return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
        if (s->x)
            s->x->ended = true;
    }
    return (ssize_t)MIN(s->piece.bytes, len);
}

static ssize_t on_read_length(nghttp2_session *session, uint8_t type, int32_t id, int32_t session_window,
                              int32_t stream_window, uint32_t max_frame_size, void *user_data)
{
    (void)session;
    (void)type;
    (void)id;
    (void)session_window;
    (void)stream_window;
    (void)user_data;
    return (ssize_t)MIN(max_frame_size, (uint32_t)H2_FRAME_MAX);
}

/* Puts a DATA frame into the out-queue: its head is copied, its bytes are moved. */
static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t len,
                        nghttp2_data_source *source, void *user_data)
{
    struct h2 *h = user_data;
    struct h2_stream *s = h2_find(h, frame->hd.stream_id);
    struct chain *out = &h->conn->out;

    (void)session;
    (void)source;
    if (!s)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    h2_guard_sent_data(h, len, len < s->piece.bytes);
    if (chain_copy(out, head, 9) < 0 || chain_move(out, &s->piece, len) < 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    /* A piece ends with a little frame: it goes out with the others. */
    if (out->bytes < H2_OUT_MAX || (s->piece.bytes > 0 && out->bytes < 2 * H2_OUT_MAX))
        return 0;
    return NGHTTP2_ERR_PAUSE;
}

/* The exchange is over on both sides; what is left of its response belongs to the stream. */
void h2_answer_over(struct h2_stream *s)
{
    http_exchange_free(TAKE(s->x));
}

static int respond(struct h2_stream *s)
{
    struct http_exchange *x = s->x;
    bool bodiless = x->status == 204 || x->status == 304;
    bool body = !bodiless && !x->head_only && x->response_length != 0;
    nghttp2_data_provider provider = {.read_callback = on_read};
    nghttp2_nv nv[HEADER_COUNT_MAX + 3];
    char status[12], length[24];
    size_t n = 0;
    int ret;

    snprintf(status, sizeof status, "%d", x->status);
    nv[n++] = field(BYTES_LIT(":status"), bytes_of(status));
    nv[n++] = field(BYTES_LIT("date"), bytes_of(words_date()));
    if (!bodiless && x->response_length >= 0) {
        snprintf(length, sizeof length, "%lld", (long long)x->response_length);
        nv[n++] = field(BYTES_LIT("content-length"), bytes_of(length));
    }
    n += fields(&x->response, nv + n);
    if (body && !x->streamed) {
        s->piece = x->body;
        x->body = (struct chain){0};
        s->all = true;
    }
    s->responding = true;
    x->ended = !body || s->all;
    ret = nghttp2_submit_response(s->h->session, s->id, nv, n, body ? &provider : NULL);
    if (x->ended && s->complete)
        h2_answer_over(s);
    return ret;
}

static int invite(struct h2_stream *s)
{
    nghttp2_nv nv = field(BYTES_LIT(":status"), BYTES_LIT("100"));

    s->invite = false;
    return nghttp2_submit_headers(s->h->session, NGHTTP2_FLAG_NONE, s->id, NULL, &nv, 1, NULL);
}

/* Does what one exchange wants. Returns nghttp2's verdict. */
static int wish(struct h2_stream *s)
{
    nghttp2_session *session = s->h->session;
    struct http_exchange *x = s->x;
    size_t taken = s->received - x->in.bytes;
    int ret = 0;

    if (s->break_off)
        return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
    if (s->enough)
        return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
    if (taken > s->credited && !x->ended) {
        ret = nghttp2_session_consume_stream(session, s->id, taken - s->credited);
        s->credited = taken;
    }
    if (ret == 0 && s->invite && x->status == 0)
        ret = invite(s);
    if (ret != 0 || x->status == 0)
        return ret;
    if (!s->responding)
        return respond(s);
    if (!s->deferred)
        return 0;
    s->deferred = false;
    return nghttp2_session_resume_data(session, s->id);
}

int h2_answer_wishes(struct h2 *h)
{
    struct h2_stream *s;

    while ((s = TAILQ_FIRST(&h->noted))) {
        TAILQ_REMOVE(&h->noted, s, noted_link);
        s->noted = false;
        if (s->x && nghttp2_is_fatal(wish(s)))
            return -1;
    }
    return 0;
}

void h2_answer_callbacks(nghttp2_session_callbacks *c)
{
    nghttp2_session_callbacks_set_send_data_callback(c, on_send_data);
    nghttp2_session_callbacks_set_data_source_read_length_callback(c, on_read_length);
}
