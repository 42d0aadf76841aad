#include <llhttp.h>
#include <stdio.h>

#include "core/fd.h"
#include "ctl/client/transport.h"

/* HTTP/1.1, RFC 9112: the response is parsed by llhttp. */

struct h1 {
    llhttp_t parser;
    enum wire_refusal why; /* a callback stopped the parser */
    bool bodiless;         /* the request is a HEAD: its answer's length is not that of a body here */
    bool chunked;          /* the request's body is */
    bool ended;            /* its last chunk is in w->out */
};

static struct h1 *h1_of(const llhttp_t *p)
{
    return ((struct wire *)p->data)->state;
}

/* --- parsing the response -------------------------------------------------------------------- */

/* Where a field belongs: those behind the body are the trailer's. */
static struct http_fields *fields(struct wire *w)
{
    return w->status ? &w->trailer : &w->head;
}

static int stop(const llhttp_t *p, enum wire_refusal why)
{
    h1_of(p)->why = why;
    return why == WIRE_TAKEN ? 0 : HPE_USER;
}

static int stop_field(const llhttp_t *p, int ret)
{
    return stop(p, ret == 0 ? WIRE_TAKEN : ret == -1 ? WIRE_NO_MEMORY : WIRE_BAD_HEADER);
}

static int on_field(llhttp_t *p, const char *s, size_t n)
{
    return stop_field(p, http_fields_name(fields(p->data), s, n));
}

/* An empty value has no piece. */
static int on_field_complete(llhttp_t *p)
{
    return stop_field(p, http_fields_value(fields(p->data), "", 0));
}

static int on_value(llhttp_t *p, const char *s, size_t n)
{
    return stop_field(p, http_fields_value(fields(p->data), s, n));
}

/* What comes before the answer (100 Continue) is not it. Returns 1 where no body follows whatever the header says. */
static int on_headers_complete(llhttp_t *p)
{
    struct wire *w = p->data;

    if (p->status_code >= 200)
        w->status = p->status_code;
    else
        http_fields_clear(&w->head);
    return w->status && h1_of(p)->bodiless;
}

static int on_body(llhttp_t *p, const char *s, size_t n)
{
    return stop(p, wire_take_body(p->data, s, n));
}

static int on_complete(llhttp_t *p)
{
    struct wire *w = p->data;

    if (w->status == 0)
        return 0;
    w->complete = true;
    w->broken |= !llhttp_should_keep_alive(p);
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_field,
    .on_header_field_complete = on_field_complete,
    .on_header_value = on_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

static int receive(struct wire *w, const uint8_t *data, size_t n, struct err *e)
{
    struct h1 *h = w->state;
    llhttp_errno_t got;

    if (w->complete || !w->running) { /* nothing was asked */
        w->broken = true;
        return 0;
    }
    got = llhttp_execute(&h->parser, (const char *)data, n);
    if (got == HPE_PAUSED && w->complete) {
        if (llhttp_get_error_pos(&h->parser) != (const char *)data + n)
            w->broken = true; /* more than was asked for */
        return 0;
    }
    if (got == HPE_OK)
        return 0;
    if (got == HPE_USER)
        return wire_refused(w, h->why, e);
    return err_set(e, STATUS_UNKNOWN, 0, "%s: not an agent: it does not answer in HTTP", w->name);
}

/* Of a body without a length that is its end. */
static int receive_end(struct wire *w, struct err *e)
{
    struct h1 *h = w->state;

    if (!w->complete && w->status)
        llhttp_finish(&h->parser);
    return w->complete ? 0 : wire_lost(w, 0, e);
}

/* --- the request ----------------------------------------------------------------------------- */

static int open_h1(struct wire *w, struct err *e)
{
    w->state = calloc(1, sizeof(struct h1));
    return w->state ? 0 : err_nomem(e, "connect");
}

static void close_h1(struct wire *w)
{
    free(w->state);
}

static int put(struct wire *w, struct bytes s)
{
    return buffer_add(&w->out, s.ptr, s.len);
}

static int put_head(struct wire *w, const struct wire_request *r)
{
    char framing[64] = "transfer-encoding: chunked\r\n\r\n";
    int ret = put(w, bytes_of(r->method)) < 0 || put(w, BYTES_LIT(" ")) < 0 ||
              put(w, bytes_of(r->path)) < 0 ||
              put(w, BYTES_LIT(" HTTP/1.1\r\nhost: " WIRE_AUTHORITY "\r\n")) < 0;

    for (uint32_t i = 0; ret == 0 && i < r->fields->count; i++)
        ret = put(w, http_field_name(r->fields, i)) < 0 || put(w, BYTES_LIT(": ")) < 0 ||
              put(w, http_field_value(r->fields, i)) < 0 || put(w, BYTES_LIT("\r\n")) < 0;
    if (!r->more || r->sized)
        snprintf(framing, sizeof framing, "content-length: %llu\r\n\r\n",
                 (unsigned long long)(r->more ? r->size : r->body.len));
    return ret == 0 ? put(w, bytes_of(framing)) : -1;
}

static int begin(struct wire *w, const struct wire_request *r, struct err *e)
{
    struct h1 *h = w->state;

    llhttp_init(&h->parser, HTTP_RESPONSE, &settings);
    h->parser.data = w;
    h->bodiless = strcmp(r->method, "HEAD") == 0;
    h->chunked = r->more && !r->sized;
    h->ended = false;
    return put_head(w, r) < 0 ? err_nomem(e, "send a request") : 0;
}

static int put_chunk(struct wire *w, struct bytes data)
{
    char size[32];

    snprintf(size, sizeof size, "%zx\r\n", data.len);
    return put(w, bytes_of(size)) < 0 || put(w, data) < 0 ? -1 : put(w, BYTES_LIT("\r\n"));
}

static int push(struct wire *w, struct err *e)
{
    struct h1 *h = w->state;
    struct bytes body = buffer_bytes(&w->body);
    int ret = 0;

    body.len = MIN(body.len, WIRE_OUT_MAX);
    if (body.len > 0)
        ret = h->chunked ? put_chunk(w, body) : put(w, body);
    if (ret == 0)
        buffer_take(&w->body, body.len);
    if (ret == 0 && h->chunked && w->body_ended && buffer_len(&w->body) == 0 && !h->ended) {
        h->ended = true;
        ret = put(w, BYTES_LIT("0\r\n\r\n"));
    }
    return ret < 0 ? err_nomem(e, "send a request") : 0;
}

/* There is only one way to say it. */
static void cancel(struct wire *w)
{
    struct h1 *h = w->state;

    h->ended = true;
    w->broken = true;
    fd_close(&w->fd);
}

const struct wire_transport wire_http1 = {
    .open = open_h1,
    .close = close_h1,
    .begin = begin,
    .push = push,
    .receive = receive,
    .receive_end = receive_end,
    .cancel = cancel,
};
