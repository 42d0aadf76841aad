#include <stdio.h>

#include <llhttp.h>

#include "http/h2.h"
#include "http/http.h"
#include "http/words.h"

/* HTTP/1.0 and 1.1 (RFC 9112) on a connection: one exchange at a time. llhttp parses and pauses at each
 * message's end; what was read beyond it waits in `ahead`. Reading goes on while a response runs, so that the
 * end of the connection is seen: it means that the client is gone.
 *
 * States of a connection: between messages (x is NULL) -> head (x is NULL, head_begun) -> body -> message
 * complete -> response ended -> between messages. When the first thing that comes is HTTP/2's preface, which llhttp
 * recognizes, the connection goes to h2 for good. */

struct h1 {
    struct conn *conn;
    struct http *http;
    llhttp_t parser;
    struct http_exchange *x; /* the current one, from its head's first byte on */
    struct chain ahead;      /* of the next messages */
    struct seg *reading;     /* where the bytes under the parser lie; NULL: in scratch */
    char *url;               /* of the head under way */
    size_t url_len;
    int64_t body_left; /* of Content-Length; -1: unknown */
    bool bulk;         /* a body of unknown length that comes faster than it is read in small pieces */
    int reject;        /* status to refuse the message with */
    bool begun;        /* x went through http_begin */
    bool complete;     /* the message was parsed to its end */
    bool head_sent;
    bool close_after;  /* this response is the connection's last */
    bool served;       /* a message came before this one */
    bool preface;      /* it is no message: HTTP/2 begins here */
    struct bytes rest; /* what was read behind that */
    bool chunked;      /* how the streamed response is framed */
};

#define SCRATCH_SIZE LOOKAHEAD_MAX
#define BULK_MIN     (SEG_SIZE / 8)   /* below it a segment for each read would be a waste */
static uint8_t scratch[SCRATCH_SIZE]; /* one for all: nothing stays in it after a read was parsed */

static void process_ahead(struct h1 *h);
static void set_reading(struct h1 *h);

/* --- the response ---------------------------------------------------------------------------- */

/* Whether the connection can carry another request after this one. */
static bool reusable(const struct h1 *h, const struct http_exchange *x)
{
    if (h->close_after || h->http->net->shutting_down || http_fields_get(&x->response, "connection").ptr)
        return false;
    if (h->complete)
        return true;
    /* The rest of an unwanted body is read and dropped when that is little; a client that still waits for 100
     * may or may not send it (RFC 9110 section 10.1.1). */
    return !x->expects_continue && h->body_left >= 0 && h->body_left <= LINGER_BYTES;
}

/* Appends text to a buffer that is known to be large enough. */
static char *put(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

static char *put_str(char *at, const char *text)
{
    return put(at, text, strlen(text));
}

static char *put_number(char *at, uint64_t v)
{
    char digits[20];
    size_t n = sizeof digits;

    do
        digits[--n] = (char)('0' + v % 10);
    while (v /= 10);
    return put(at, digits + n, sizeof digits - n);
}

/* Serializes the head into the out-queue. Returns 0 or -1. */
static int send_head(struct h1 *h, struct http_exchange *x)
{
    bool bodiless = x->status == 204 || x->status == 304 || x->status < 200;
    size_t size = 256 + x->response.len + 4 * (size_t)x->response.count, room;
    char *start, *at;

    h->chunked = x->response_length < 0 && h->parser.http_minor >= 1;
    if ((x->response_length < 0 && !h->chunked) || !reusable(h, x))
        h->close_after = true;
    x->takes_pipe = x->response_length >= 0 && h->conn->peer.transport != TRANSPORT_VSOCK;
    start = at = (char *)chain_reserve(&h->conn->out, NULL, size, &room);
    if (!start)
        return -1;
    at = put_str(at, "HTTP/1.1 ");
    at = put_number(at, (uint64_t)x->status);
    *at++ = ' ';
    at = put_str(at, words_reason(x->status));
    at = put_str(at, "\r\nDate: ");
    at = put_str(at, words_date());
    if (!bodiless && x->response_length >= 0)
        at = put_number(put_str(at, "\r\nContent-Length: "), (uint64_t)x->response_length);
    else if (h->chunked)
        at = put_str(at, "\r\nTransfer-Encoding: chunked");
    if (h->close_after)
        at = put_str(at, "\r\nConnection: close");
    at = put(at, "\r\n", 2);
    for (uint32_t i = 0; i < x->response.count; i++) {
        struct bytes name = http_field_name(&x->response, i), value = http_field_value(&x->response, i);

        if (bytes_are(name, "connection"))
            continue;
        at = put(at, name.ptr, name.len);
        at = put(at, ": ", 2);
        at = put(at, value.ptr, value.len);
        at = put(at, "\r\n", 2);
    }
    at = put(at, "\r\n", 2);
    chain_commit(&h->conn->out, (size_t)(at - start));
    h->head_sent = true;
    return 0;
}

/* The exchange is over on both sides: on to the next message, or to the connection's end. */
static void next_message(struct h1 *h)
{
    struct http_exchange *x = h->x;

    h->x = NULL;
    http_exchange_free(x);
    conn_body_done(h->conn);
    free(TAKE(h->url));
    h->url_len = 0;
    h->begun = h->head_sent = h->complete = false;
    if (h->close_after || h->http->net->shutting_down) {
        conn_finish(h->conn);
        return;
    }
    llhttp_resume(&h->parser);
    conn_idle(h->conn);
    conn_want_read(h->conn, true);
    if (h->ahead.bytes > 0)
        process_ahead(h);
}

static void response_ended(struct h1 *h)
{
    h->x->ended = true;
    if (h->close_after)
        conn_finish(h->conn); /* which flushes, and reads a rest of the body away */
    else if (h->complete)
        next_message(h);
    else
        set_reading(h); /* nobody takes what is left of the body any more, and it may have stopped for that */
}

/* The last chunk and what stands behind it (RFC 9112 section 7.1.2). */
static int send_trailers(struct chain *out, const struct http_fields *f)
{
    if (chain_copy(out, "0\r\n", 3) < 0 || http_fields_write(f, out) < 0)
        return -1;
    return chain_copy(out, "\r\n", 2);
}

/* One piece of a streamed response, framed. Returns 0, or -1 when memory ran out inside the frame. */
static int send_piece(struct h1 *h, struct http_exchange *x)
{
    struct chain *out = &h->conn->out;
    struct chain piece = {0};
    enum http_produced what = x->events->produce(x, &piece, FRAME_MAX);
    int ret = 0;
    char text[24];

    if (piece.bytes > 0) {
        if (h->chunked)
            ret = chain_copy(out, text, (size_t)snprintf(text, sizeof text, "%zx\r\n", piece.bytes));
        if (ret == 0)
            ret = chain_move(out, &piece, piece.bytes);
        if (ret == 0 && h->chunked)
            ret = chain_copy(out, "\r\n", 2);
    }
    chain_clear(&piece);
    h->conn->tail = x->pipe;
    x->pipe.bytes = 0;
    if (ret == 0 && what == HTTP_END) {
        if (x->broken)
            ret = -1;
        else if (h->chunked)
            ret = send_trailers(out, &x->trailers);
        if (ret == 0)
            response_ended(h);
    }
    return ret;
}

static void h1_writable(struct conn *c)
{
    struct h1 *h = c->state;
    struct http_exchange *x = h->x;
    int ret = 0;

    if (!x || !h->begun || x->status == 0 || x->ended || x->over)
        return;
    if (!h->head_sent)
        ret = send_head(h, x);
    if (ret == 0 && (!x->streamed || x->head_only)) {
        if (!x->head_only)
            ret = chain_move(&c->out, &x->body, x->body.bytes);
        if (ret == 0)
            response_ended(h);
    } else if (ret == 0) {
        ret = send_piece(h, x);
    }
    if (ret < 0) /* a half frame must not look like a whole one */
        conn_abort(c, CLOSE_ERROR);
}

/* Refuses what cannot be parsed, in plain text, and closes. An exchange that has begun is cancelled. */
static void refuse(struct h1 *h, int status)
{
    char text[256];
    int n;

    if (h->x && h->begun)
        http_cancel(h->x, CLOSE_ERROR);
    if (h->head_sent) {
        conn_abort(h->conn, CLOSE_ERROR);
        return;
    }
    n = snprintf(
        text, sizeof text,
        "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
        "Connection: close\r\n\r\n%d %s",
        status, words_reason(status), words_date(), strlen(words_reason(status)) + 4, status,
        words_reason(status));
    if (h->x)
        h->x->over = true;
    if (chain_copy(&h->conn->out, text, (size_t)n) < 0)
        conn_abort(h->conn, CLOSE_ERROR);
    else
        conn_finish(h->conn);
}

/* Reading stops where nobody could take what is read. */
static void set_reading(struct h1 *h)
{
    bool want = true;

    if (h->conn->phase != CONN_OPEN || h->conn->starved)
        return;
    if (h->x && h->begun)
        want = h->complete ? h->ahead.bytes < LOOKAHEAD_MAX : h->x->ended || h->x->in.bytes < BODY_WINDOW;
    conn_want_read(h->conn, want);
}

/* --- the wire's side of an exchange ---------------------------------------------------------- */

static void h1_kick(struct http_exchange *x)
{
    conn_kick(x->conn);
}

static void h1_resume(struct http_exchange *x)
{
    set_reading(x->wire_state);
}

static void h1_abort(struct http_exchange *x)
{
    conn_abort(x->conn, CLOSE_ERROR);
}

static void h1_want_body(struct http_exchange *x)
{
    if (chain_copy(&x->conn->out, "HTTP/1.1 100 Continue\r\n\r\n", 25) < 0)
        conn_abort(x->conn, CLOSE_ERROR);
    else
        conn_kick(x->conn);
    x->expects_continue = false;
}

static const struct http_wire h1_wire = {
    .protocol_name = "HTTP/1.1",
    .kick = h1_kick,
    .resume = h1_resume,
    .abort = h1_abort,
    .want_body = h1_want_body,
};

/* --- the request ----------------------------------------------------------------------------- */

static int reject(struct h1 *h, int status)
{
    h->reject = status;
    return HPE_USER;
}

static int fields_error(struct h1 *h, int ret)
{
    return ret == 0 ? 0 : reject(h, http_fields_status(ret));
}

static int on_message_begin(llhttp_t *p)
{
    struct h1 *h = p->data;

    h->x = http_exchange_new(h->http, h->conn, &h1_wire, h);
    if (!h->x)
        return reject(h, 500);
    h->complete = h->begun = h->head_sent = false;
    conn_await_header(h->conn);
    return 0;
}

static int on_url(llhttp_t *p, const char *s, size_t n)
{
    struct h1 *h = p->data;
    char *url;

    if (h->url_len + n > URL_MAX)
        return reject(h, 414);
    url = realloc(h->url, h->url_len + n + 1);
    if (!url)
        return reject(h, 500);
    memcpy(url + h->url_len, s, n);
    h->url = url;
    h->url_len += n;
    return 0;
}

static int on_header_field(llhttp_t *p, const char *s, size_t n)
{
    struct h1 *h = p->data;

    if (h->begun) /* a trailer: nobody reads those */
        return 0;
    return fields_error(h, http_fields_name(&h->x->request, s, n));
}

static int on_header_value(llhttp_t *p, const char *s, size_t n)
{
    struct h1 *h = p->data;

    if (h->begun)
        return 0;
    return fields_error(h, http_fields_value(&h->x->request, s, n));
}

/* What the parser lets pass and RFC 9112 does not. Returns 0 or the status to refuse it with. */
static int check_head(const llhttp_t *p, const struct http_exchange *x)
{
    struct bytes te = http_fields_get(&x->request, "transfer-encoding");
    unsigned hosts = http_fields_count(&x->request, "host");

    if (p->http_major != 1)
        return 505;
    if (hosts > 1 || (hosts == 0 && p->http_minor >= 1)) /* section 3.2 */
        return 400;
    if (te.ptr && (p->http_minor == 0 || (p->flags & F_CONTENT_LENGTH))) /* section 6.1: smuggling */
        return 400;
    if (te.ptr && (te.len != 7 || strncasecmp(te.ptr, "chunked", 7) != 0 ||
                   http_fields_count(&x->request, "transfer-encoding") != 1)) /* the only coding we know */
        return 501;
    if (http_fields_count(&x->request, "content-length") > 1)
        return 400;
    if (p->method == HTTP_CONNECT)
        return 405;
    return 0;
}

static int on_headers_complete(llhttp_t *p)
{
    struct h1 *h = p->data;
    struct http_exchange *x = h->x;
    struct bytes expect = http_fields_get(&x->request, "expect");
    int status = check_head(p, x);

    if (status)
        return reject(h, status);
    if (http_exchange_target(x, llhttp_method_name(p->method), (struct bytes){h->url, h->url_len}) < 0)
        return reject(h, 500);
    p->upgrade = 0; /* we offer no other protocol: the request is an ordinary one (RFC 9110 section 7.8) */
    h->close_after = !llhttp_should_keep_alive(p) || p->http_minor == 0;
    x->content_length = p->flags & F_CHUNKED          ? -1
                        : p->flags & F_CONTENT_LENGTH ? (int64_t)p->content_length
                                                      : 0;
    h->body_left = x->content_length;
    if (expect.ptr && p->http_minor >= 1) {
        if (expect.len != 12 || strncasecmp(expect.ptr, "100-continue", 12) != 0)
            return reject(h, 417);
        x->expects_continue = x->content_length != 0;
    }
    h->begun = h->served = true;
    conn_active(h->conn);
    http_begin(x);
    return 0;
}

static int on_body(llhttp_t *p, const char *s, size_t n)
{
    struct h1 *h = p->data;
    int ret;

    h->x->expects_continue = false; /* the client did not wait */
    if (h->body_left > 0)
        h->body_left -= (int64_t)n;
    if (h->x->over || h->x->ended)
        return 0;
    if (h->reading)
        ret = chain_ref(&h->x->in, h->reading, (uint8_t *)(uintptr_t)s, n);
    else
        ret = chain_copy(&h->x->in, s, n);
    return ret < 0 ? reject(h, 500) : 0;
}

static int on_message_complete(llhttp_t *p)
{
    struct h1 *h = p->data;

    h->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* Parses n bytes at p; `seg` is where they lie, NULL for bytes that will be overwritten. Returns how many
 * belong to the current message, or -1 when the message was refused. */
static ptrdiff_t parse(struct h1 *h, const uint8_t *p, size_t n, struct seg *seg)
{
    llhttp_errno_t err;

    h->reading = seg;
    h->reject = 0;
    err = llhttp_execute(&h->parser, (const char *)p, n);
    h->reading = NULL;
    if (err == HPE_PAUSED)
        return (const uint8_t *)llhttp_get_error_pos(&h->parser) - p;
    if (err == HPE_OK)
        return (ptrdiff_t)n;
    if (err == HPE_PAUSED_H2_UPGRADE && !h->served && h->url_len == 1 && h->url[0] == '*' &&
        h->parser.http_major == 2 && h->parser.http_minor == 0) {
        h->preface = true;
        return (const uint8_t *)llhttp_get_error_pos(&h->parser) - p;
    }
    /* Who does not begin with a method of HTTP speaks something else (TLS, or HTTP/2 with a broken preface), and would
     * take our words for a frame of it. */
    if (!h->served && (err == HPE_INVALID_METHOD || h->parser.method == HTTP_PRI))
        conn_finish(h->conn);
    else
        refuse(h, h->reject ? h->reject : 400);
    return -1;
}

/* Tells the exchange what the parser found, once it is back. */
static void deliver(struct h1 *h)
{
    struct http_exchange *x = h->x;

    if (!x || !h->begun)
        return;
    if (!x->over && (x->in.bytes > 0 || h->complete))
        http_body_arrived(x, h->complete);
    if (x->ended && h->complete && h->conn->phase == CONN_OPEN)
        next_message(h);
}

/* Parses the look-ahead as far as it goes: to the end of the next message. */
static void process_ahead(struct h1 *h)
{
    while (h->ahead.bytes > 0 && !h->complete && h->conn->phase == CONN_OPEN) {
        struct chain_item *first = &h->ahead.items[h->ahead.head];
        ptrdiff_t n = parse(h, first->data, first->len, first->seg);

        if (n < 0)
            return;
        chain_drop(&h->ahead, (size_t)n);
    }
    deliver(h);
}

/* The peer's end of the stream. In the middle of anything it means that the client is gone. */
static void end_of_stream(struct h1 *h)
{
    if (h->x && !h->x->ended) {
        if (h->begun)
            http_cancel(h->x, CLOSE_PEER_GONE);
        conn_abort(h->conn, CLOSE_PEER_GONE);
    } else {
        conn_finish(h->conn);
    }
}

/* Whether the next bytes are a large body's. */
static bool in_bulk(const struct h1 *h)
{
    return h->x && h->begun && !h->complete &&
           (h->body_left > (int64_t)SEG_SIZE || (h->body_left < 0 && h->bulk));
}

/* A large body is read straight into segments that its consumer can keep. Returns how many bytes came where there was room
 * for no more; else 0. */
static size_t read_body(struct h1 *h)
{
    struct seg *segs[8];
    struct iovec iov[8];
    size_t want = h->body_left > 0 ? (size_t)MIN(h->body_left, (int64_t)BODY_WINDOW) : (size_t)BODY_WINDOW;
    size_t room = 0, full;
    int count = 0;
    ssize_t n;

    while (count < 8 && (size_t)count * SEG_SIZE < want) {
        struct seg *s = conn_body_seg(h->conn);

        if (!s)
            break;
        segs[count] = s;
        iov[count++] = (struct iovec){s->data, s->cap};
        room += s->cap;
    }
    if (count == 0)
        return 0;
    n = conn_readv(h->conn, iov, count);
    h->bulk = n >= (ssize_t)BULK_MIN;
    full = n == (ssize_t)room ? room : 0;
    for (int i = 0; i < count; i++) {
        size_t len = n > 0 ? MIN((size_t)n, segs[i]->cap) : 0;

        if (len > 0) {
            ptrdiff_t used;

            n -= (ssize_t)len;
            segs[i]->used = segs[i]->cap; /* never extended in place: the socket may have written behind it */
            used = h->complete ? 0 : parse(h, segs[i]->data, len, segs[i]);
            if (used < 0)
                n = 0;
            else if ((size_t)used < len &&
                     chain_ref(&h->ahead, segs[i], segs[i]->data + used, len - (size_t)used) < 0)
                conn_abort(h->conn, CLOSE_ERROR);
        } else if (n == 0 && i == 0) {
            end_of_stream(h);
        }
        seg_unref(segs[i]);
    }
    deliver(h);
    return full;
}

static void drop(struct h1 *h)
{
    if (h->x)
        http_exchange_free(h->x);
    chain_clear(&h->ahead);
    free(h->url);
    free(h);
}

/* The client's preface was read: the connection is HTTP/2's from its first frame on, which is in scratch. */
static void hand_over(struct h1 *h)
{
    struct conn *c = h->conn;
    struct http *http = h->http;
    struct bytes rest = h->rest;

    drop(h);
    h2_start(c, http, (const uint8_t *)rest.ptr, rest.len);
}

/* Anything else. Returns as read_body does. */
static size_t read_small(struct h1 *h)
{
    struct conn *c = h->conn;
    size_t want = h->complete ? LOOKAHEAD_MAX - MIN(h->ahead.bytes, (size_t)LOOKAHEAD_MAX) : SCRATCH_SIZE;
    ssize_t n = conn_read(c, scratch, want);

    h->bulk = n == (ssize_t)SCRATCH_SIZE;
    if (n == CONN_AGAIN || n == CONN_ERROR)
        return 0;
    if (n == 0) {
        end_of_stream(h);
        return 0;
    }
    if (!h->complete) {
        ptrdiff_t used = parse(h, scratch, (size_t)n, NULL);

        if (used < 0)
            return 0;
        if (h->preface) {
            h->rest = (struct bytes){(const char *)scratch + used, (size_t)(n - used)};
            return 0;
        }
        if (used < n && chain_copy(&h->ahead, scratch + used, (size_t)(n - used)) < 0) {
            conn_abort(c, CLOSE_ERROR);
            return 0;
        }
        deliver(h);
    } else if (chain_copy(&h->ahead, scratch, (size_t)n) < 0) {
        conn_abort(c, CLOSE_ERROR);
    }
    return n == (ssize_t)want ? want : 0;
}

/* Reads once; and of a large body, of which all there was room for has come, more at once. */
static void h1_readable(struct conn *c)
{
    struct h1 *h = c->state;
    size_t sum = 0, n;

    do {
        n = in_bulk(h) ? read_body(h) : read_small(h);
        if (h->preface) {
            hand_over(h);
            explicit_bzero(scratch, SCRATCH_SIZE);
            return;
        }
        sum += n;
        set_reading(h);
        if (c->secret || (h->x && h->x->waiting) ||
            h->ahead.bytes > 0) { /* or nobody knows yet whose it is */
            chain_wipe_later(&h->ahead);
            explicit_bzero(scratch, SCRATCH_SIZE);
        }
    } while (n > 0 && sum < TURN_BYTES && c->phase == CONN_OPEN && c->want_read && in_bulk(h));
}

/* --- the connection -------------------------------------------------------------------------- */

static int h1_accept(struct conn *c)
{
    struct h1 *h = calloc(1, sizeof *h);

    if (!h)
        return -1;
    h->conn = c;
    h->http = c->listener->protocol_arg;
    llhttp_init(&h->parser, HTTP_REQUEST, &settings);
    h->parser.data = h;
    c->state = h;
    return 0;
}

static void h1_closed(struct conn *c, enum close_reason why)
{
    struct h1 *h = c->state;

    if (h->x && h->begun)
        http_cancel(h->x, why);
    drop(h);
}

/* The connection ends with the response that runs. */
static void h1_drain(struct conn *c)
{
    struct h1 *h = c->state;

    if (h->x && h->begun)
        h->close_after = true;
    else
        conn_finish(c);
}

/* A response that runs may say so itself. */
static void h1_shutdown(struct conn *c)
{
    struct h1 *h = c->state;

    if (h->x && h->begun && h->x->events && h->x->events->shutdown && !h->x->over && !h->x->ended)
        h->x->events->shutdown(h->x);
}

static bool h1_timed_out(struct conn *c)
{
    struct h1 *h = c->state;

    if (!h->x)
        return false;
    refuse(h, 408);
    return true;
}

const struct net_protocol http_h1 = {
    .name = "http",
    .accept = h1_accept,
    .readable = h1_readable,
    .writable = h1_writable,
    .closed = h1_closed,
    .drain = h1_drain,
    .shutdown = h1_shutdown,
    .timed_out = h1_timed_out,
    .busy = {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 76},
};
