#include "http/h2.h"

#include "http/h2_internal.h"

/* States of a connection: open -> draining (the agent ends: no new streams, GOAWAY twice) -> finished. A peer that
 * breaks the protocol or floods us goes straight to the end, with a GOAWAY that says why. */

#define SCRATCH_SIZE LOOKAHEAD_MAX
#define BULK_MIN     (SEG_SIZE / 8)   /* as h1's */
static uint8_t scratch[SCRATCH_SIZE]; /* one for all: nothing stays in it after a read was parsed */

/* --- writing --------------------------------------------------------------------------------- */

/* Moves frames from the session into the out-queue, until `max` bytes are there. Returns 0, or -1: the session cannot
 * go on. */
static int pull(struct h2 *h, size_t max)
{
    struct chain *out = &h->conn->out;

    while (out->bytes < max) {
        const uint8_t *data;
        ssize_t n = nghttp2_session_mem_send(h->session, &data);

        if (n < 0 || (n > 0 && chain_copy(out, data, (size_t)n) < 0))
            return -1;
        if (n == 0)
            break;
    }
    return 0;
}

/* What runs ends with the connection. */
static void free_streams(struct h2 *h, enum close_reason why)
{
    struct h2_stream *s;

    while ((s = TAILQ_FIRST(&h->streams))) {
        nghttp2_session_set_stream_user_data(h->session, s->id, NULL);
        h2_stream_free(s, why);
    }
}

/* Ends the connection at once, and says why, unless the peer does not even read what came before. Not from a callback of
 * nghttp2. */
static void terminate(struct h2 *h, uint32_t code, enum close_reason why)
{
    free_streams(h, why);
    if (h->conn->blocked || nghttp2_session_terminate_session(h->session, code) != 0 || pull(h, SIZE_MAX) < 0)
        conn_abort(h->conn, why);
    else
        conn_finish(h->conn);
}

/* The connection's time-out follows from what it does. */
static void settle(struct h2 *h)
{
    enum h2_pace pace = h->in_header ? H2_HEADER : h->count > 0 ? H2_ACTIVE : H2_IDLE;

    if (pace == h->pace)
        return;
    h->pace = pace;
    if (pace == H2_HEADER)
        conn_await_header(h->conn);
    else if (pace == H2_ACTIVE)
        conn_active(h->conn);
    else
        conn_idle(h->conn);
}

static int last_word(struct h2 *h)
{
    if (h->last_word)
        return 0;
    h->last_word = true;
    return nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
                                 nghttp2_session_get_last_proc_stream_id(h->session), NGHTTP2_NO_ERROR, NULL,
                                 0);
}

/* Nothing runs any more that was waited for. */
static int drained(struct h2 *h)
{
    if (!h->draining || h->count > 0)
        return 0;
    return last_word(h) == 0 ? pull(h, H2_OUT_MAX) : -1;
}

static void h2_writable(struct conn *c)
{
    struct h2 *h = c->state;

    if (h->verdict) {
        terminate(h, h->verdict, CLOSE_ERROR);
        return;
    }
    if (h2_answer_wishes(h) < 0 || pull(h, H2_OUT_MAX) < 0 || drained(h) < 0) {
        conn_abort(c, CLOSE_ERROR);
        return;
    }
    settle(h);
    if (c->out.bytes >= H2_OUT_MAX || nghttp2_session_want_write(h->session))
        return;
    if (!nghttp2_session_want_read(h->session) || (h->draining && h->count == 0)) {
        free_streams(h, CLOSE_ERROR);
        conn_finish(c);
    }
}

/* --- reading --------------------------------------------------------------------------------- */

/* Whether what was parsed last may hold a secret: it does, or is for a handler that is not known yet. */
static bool may_be_secret(const struct h2 *h)
{
    return h->conn->secret || h->unsure;
}

/* Gives the session n bytes; `seg` is where they lie, NULL for bytes that will be overwritten. Returns 0, or -1 when
 * the connection has ended. */
static int parse(struct h2 *h, const uint8_t *p, size_t n, struct seg *seg)
{
    ssize_t ret;

    h->reading = seg;
    h->unsure = false;
    ret = nghttp2_session_mem_recv(h->session, p, n);
    h->reading = NULL;
    if (may_be_secret(h) && seg)
        seg->secret = true;
    if (ret == NGHTTP2_ERR_FLOODED)
        h->verdict = NGHTTP2_ENHANCE_YOUR_CALM;
    if (h->verdict)
        terminate(h, h->verdict, CLOSE_ERROR);
    else if (ret < 0)
        conn_abort(h->conn, CLOSE_ERROR);
    return h->conn->phase == CONN_OPEN ? 0 : -1;
}

/* What was parsed goes to the exchanges, and what the session has to say to the socket. */
static void settle_read(struct h2 *h)
{
    if (h->conn->phase != CONN_OPEN)
        return;
    h2_stream_deliver(h);
    if (h2_answer_wishes(h) <
        0) { /* answers that are ready leave their exchanges now, not after those of all others */
        conn_abort(h->conn, CLOSE_ERROR);
        return;
    }
    settle(h);
    if (nghttp2_session_want_write(h->session) || !nghttp2_session_want_read(h->session))
        conn_kick(h->conn);
}

/* The peer's end of the stream. While requests run it means that the client is gone. */
static void end_of_stream(struct h2 *h)
{
    if (h->count > 0)
        conn_abort(h->conn, CLOSE_PEER_GONE);
    else
        conn_finish(h->conn);
}

/* Large bodies are read straight into segments that their consumers can keep. */
static void read_bulk(struct h2 *h)
{
    struct seg *segs[8];
    struct iovec iov[8];
    int count = 0;
    ssize_t n;

    while (count < 8) {
        struct seg *s = conn_body_seg(h->conn);

        if (!s)
            break;
        segs[count] = s;
        iov[count++] = (struct iovec){s->data, s->cap};
    }
    if (count == 0)
        return;
    n = conn_readv(h->conn, iov, count);
    h->bulk = n >= (ssize_t)BULK_MIN;
    if (n == 0)
        end_of_stream(h);
    for (int i = 0; i < count; i++) {
        size_t len = n > 0 ? MIN((size_t)n, segs[i]->cap) : 0;

        segs[i]->used = segs[i]->cap; /* never extended in place: the socket may have written behind it */
        n -= (ssize_t)len;
        if (len > 0 && parse(h, segs[i]->data, len, segs[i]) < 0)
            n = 0;
        seg_unref(segs[i]);
    }
    settle_read(h);
}

static void h2_readable(struct conn *c)
{
    struct h2 *h = c->state;
    ssize_t n;

    if (h->bulk) {
        read_bulk(h);
        return;
    }
    n = conn_read(c, scratch, SCRATCH_SIZE);
    h->bulk = n == (ssize_t)SCRATCH_SIZE;
    if (n == CONN_AGAIN || n == CONN_ERROR)
        return;
    if (n == 0)
        end_of_stream(h);
    else if (parse(h, scratch, (size_t)n, NULL) == 0)
        settle_read(h);
    if (may_be_secret(h))
        explicit_bzero(scratch, SCRATCH_SIZE);
}

/* --- the connection -------------------------------------------------------------------------- */

static void h2_closed(struct conn *c, enum close_reason why)
{
    struct h2 *h = c->state;

    if (!h)
        return;
    free_streams(h, why);
    nghttp2_session_del(h->session);
    free(h);
}

/* First no new streams are promised; who has begun one in the meantime is refused it and asks elsewhere. When the
 * ping comes back, or nothing runs, the last stream that was served is named. */
static void h2_drain(struct conn *c)
{
    struct h2 *h = c->state;

    h->draining = true;
    if (h->count > 0 && (nghttp2_submit_shutdown_notice(h->session) != 0 ||
                         nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL) != 0)) {
        conn_abort(c, CLOSE_ERROR);
        return;
    }
    conn_kick(c);
}

static void h2_shutdown(struct conn *c)
{
    struct h2 *h = c->state;
    struct h2_stream *s, *next;

    TAILQ_FOREACH_SAFE (s, &h->streams, link, next) {
        struct http_exchange *x = s->x;

        if (x && s->begun && x->events && x->events->shutdown && !x->over && !x->ended)
            x->events->shutdown(x);
    }
    conn_kick(c);
}

static bool h2_timed_out(struct conn *c)
{
    terminate(c->state, NGHTTP2_NO_ERROR, CLOSE_TIMEOUT);
    return true;
}

static void h2_farewell(struct conn *c)
{
    struct h2 *h = c->state;

    if (last_word(h) == 0 && pull(h, SIZE_MAX) < 0)
        chain_clear(&c->out);
}

static const struct net_protocol protocol = {
    .name = "http2",
    .readable = h2_readable,
    .writable = h2_writable,
    .closed = h2_closed,
    .drain = h2_drain,
    .shutdown = h2_shutdown,
    .timed_out = h2_timed_out,
    .farewell = h2_farewell,
};

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user_data)
{
    struct h2 *h = user_data;

    (void)session;
    if (hd->type != NGHTTP2_CONTINUATION)
        h->in_header = 0;
    if (hd->type == NGHTTP2_HEADERS)
        h2_guard_order(h, hd->stream_id);
    h2_guard_frame(h, hd);
    return 0;
}

/* Made once, for all sessions. */
static const nghttp2_session_callbacks *callbacks(void)
{
    static nghttp2_session_callbacks *made;

    if (!made && nghttp2_session_callbacks_new(&made) == 0) {
        nghttp2_session_callbacks_set_on_begin_frame_callback(made, on_begin_frame);
        h2_stream_callbacks(made);
        h2_answer_callbacks(made);
    }
    return made;
}

/* The session, with our SETTINGS as its first frame. Returns 0 or -1. */
static int open_session(struct h2 *h)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, H2_HEADER_TABLE},
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_WINDOW},
        {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, H2_FRAME_MAX},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADER_MAX},
    };
    nghttp2_option *options = h2_guard_options();
    int ret = -1;

    if (options && callbacks())
        ret = nghttp2_session_server_new3(&h->session, callbacks(), h, options, &h->mem);
    nghttp2_option_del(options);
    if (ret == 0)
        ret = nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
    if (ret == 0)
        ret = nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, H2_CONNECTION_WINDOW);
    return ret == 0 ? 0 : -1;
}

void h2_start(struct conn *c, struct http *http, const uint8_t *rest, size_t n)
{
    struct h2 *h = calloc(1, sizeof *h);

    c->protocol = &protocol;
    c->state = h;
    if (!h) {
        conn_abort(c, CLOSE_ERROR);
        return;
    }
    h->conn = c;
    h->http = http;
    h->pace = H2_HEADER; /* h1 waited for one */
    TAILQ_INIT(&h->streams);
    TAILQ_INIT(&h->noted);
    TAILQ_INIT(&h->fed);
    timerq_init(&h->linger, c->net->loop, LINGER_MS, h2_stream_lingered);
    h2_guard_memory(h);
    if (open_session(h) < 0) {
        conn_abort(c, CLOSE_ERROR);
        return;
    }
    if (n == 0 || parse(h, rest, n, NULL) == 0)
        settle_read(h);
}
