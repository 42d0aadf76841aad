/* An HTTP/2 client on the rig's socket, made of nghttp2's other half: it opens windows only when told so. */
#ifndef TESTS_UNIT_HTTP_H2_CLIENT_H
#define TESTS_UNIT_HTTP_H2_CLIENT_H

#include <nghttp2/nghttp2.h>

#include "rig.h"

#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* What came for one stream. */
struct h2_answer {
    int status, continues; /* 0: none yet */
    char *body;
    size_t len;
    char fields[2000]; /* "name=value\n" of the header, then of the trailers */
    bool ended;        /* END_STREAM was seen */
    bool closed;
    uint32_t error; /* of RST_STREAM */
    /* what is sent */
    const char *upload;
    size_t upload_len, uploaded;
    bool upload_open; /* no END_STREAM behind it */
};

struct h2_client {
    struct rig *r;
    int fd;
    nghttp2_session *session;
    struct h2_answer answers[600]; /* by stream id / 2 */
    bool gone;                     /* the agent closed */
    int goaways;
    uint32_t goaway_error;
    int32_t goaway_last;
    int pongs;
    bool stingy;          /* windows are not opened */
    bool raw;             /* frames were sent past the session: it must not see the answers */
    uint8_t got[1 << 17]; /* they lie here, cut into frames */
    size_t got_len;
    size_t data; /* bytes in DATA frames of them */
    int resets;  /* RST_STREAM frames of them */
};

static inline struct h2_answer *h2_answer(struct h2_client *c, int32_t id)
{
    return &c->answers[id / 2];
}

static int h2c_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name, size_t name_len,
                      const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
    struct h2_answer *a = h2_answer(arg, f->hd.stream_id);
    size_t n = strlen(a->fields);

    (void)s;
    (void)flags;
    if (strcmp((const char *)name, ":status") == 0 && atoi((const char *)value) == 100)
        a->continues++;
    else if (strcmp((const char *)name, ":status") == 0)
        a->status = atoi((const char *)value);
    else
        snprintf(a->fields + n, sizeof a->fields - n, "%.*s=%.*s\n", (int)name_len, name, (int)value_len,
                 value);
    return 0;
}

static int h2c_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
    struct h2_client *c = arg;
    struct h2_answer *a = h2_answer(c, id);

    (void)flags;
    a->body = realloc(a->body, a->len + n + 1);
    memcpy(a->body + a->len, p, n);
    a->len += n;
    a->body[a->len] = 0;
    if (!c->stingy)
        nghttp2_session_consume(s, id, n);
    return 0;
}

static int h2c_frame(nghttp2_session *s, const nghttp2_frame *f, void *arg)
{
    struct h2_client *c = arg;

    (void)s;
    if (f->hd.type == NGHTTP2_GOAWAY) {
        c->goaways++;
        c->goaway_error = f->goaway.error_code;
        c->goaway_last = f->goaway.last_stream_id;
    }
    if (f->hd.type == NGHTTP2_PING && (f->hd.flags & NGHTTP2_FLAG_ACK))
        c->pongs++;
    if ((f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA) &&
        (f->hd.flags & NGHTTP2_FLAG_END_STREAM))
        h2_answer(c, f->hd.stream_id)->ended = true;
    return 0;
}

static int h2c_close(nghttp2_session *s, int32_t id, uint32_t error, void *arg)
{
    struct h2_answer *a = h2_answer(arg, id);

    (void)s;
    a->closed = true;
    a->error = error;
    return 0;
}

static ssize_t h2c_upload(nghttp2_session *s, int32_t id, uint8_t *buf, size_t n, uint32_t *flags,
                          nghttp2_data_source *source, void *arg)
{
    struct h2_answer *a = h2_answer(arg, id);
    size_t left = a->upload_len - a->uploaded;

    (void)s;
    (void)source;
    n = n < left ? n : left;
    memcpy(buf, a->upload + a->uploaded, n);
    a->uploaded += n;
    if (a->uploaded == a->upload_len)
        *flags |= NGHTTP2_DATA_FLAG_EOF | (a->upload_open ? NGHTTP2_DATA_FLAG_NO_END_STREAM : 0u);
    return (ssize_t)n;
}

/* What came in raw mode. */
static inline void h2_raw_frames(struct h2_client *c, const uint8_t *p, size_t n)
{
    size_t at = 0;

    if (c->got_len + n > sizeof c->got)
        abort();
    memcpy(c->got + c->got_len, p, n);
    c->got_len += n;
    while (c->got_len - at >= 9) {
        const uint8_t *f = c->got + at;
        size_t len = (size_t)f[0] << 16 | (size_t)f[1] << 8 | f[2];

        if (c->got_len - at < 9 + len)
            break;
        at += 9 + len;
        if (f[3] == NGHTTP2_DATA)
            c->data += len;
        c->resets += f[3] == NGHTTP2_RST_STREAM;
        if (f[3] == NGHTTP2_GOAWAY) {
            c->goaways++;
            c->goaway_error = f[16];
            c->goaway_last = f[11] << 8 | f[12];
        }
    }
    memmove(c->got, c->got + at, c->got_len - at);
    c->got_len -= at;
}

/* Moves bytes in both directions until nothing moves any more. */
static inline void h2_run(struct h2_client *c)
{
    for (int idle = 0; idle < 6 && !c->gone; idle++) {
        static char buf[1 << 16];
        const uint8_t *out;
        ssize_t n;

        while ((n = nghttp2_session_mem_send(c->session, &out)) > 0) {
            if (rig_send(c->r, c->fd, out, (size_t)n) != (size_t)n)
                break;
            idle = 0;
        }
        rig_turns(c->r, 2);
        n = recv(c->fd, buf, sizeof buf, 0);
        if (n > 0 && c->raw) {
            h2_raw_frames(c, (uint8_t *)buf, (size_t)n);
            idle = 0;
        } else if (n > 0) {
            if (nghttp2_session_mem_recv(c->session, (uint8_t *)buf, (size_t)n) != n)
                abort();
            idle = 0;
        } else if (n == 0 || errno != EAGAIN) {
            c->gone = true;
        }
    }
}

/* A client whose streams' windows begin with `window` bytes. */
static inline void h2_open_with(struct h2_client *c, struct rig *r, uint32_t window)
{
    nghttp2_session_callbacks *cb;
    nghttp2_option *o;
    nghttp2_settings_entry iv[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window}};

    memset(c, 0, sizeof *c);
    c->r = r;
    c->fd = rig_connect(r);
    nghttp2_session_callbacks_new(&cb);
    nghttp2_session_callbacks_set_on_header_callback(cb, h2c_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, h2c_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, h2c_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, h2c_close);
    nghttp2_option_new(&o);
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_session_client_new2(&c->session, cb, c, o);
    nghttp2_session_callbacks_del(cb);
    nghttp2_option_del(o);
    nghttp2_submit_settings(c->session, 0, iv, 1);
}

static inline void h2_open(struct h2_client *c, struct rig *r)
{
    h2_open_with(c, r, 65535);
}

static inline void h2_shut(struct h2_client *c)
{
    nghttp2_session_del(c->session);
    close(c->fd);
    for (size_t i = 0; i < ARRAY_LEN(c->answers); i++)
        free(c->answers[i].body);
    rig_turns(c->r, 5);
}

/* Sends a request with one more field, if `name` is given, and a body, if `upload` is. `open`: it goes on later.
 * Returns its stream; the bytes go out with h2_run. */
static inline int32_t h2_ask_with(struct h2_client *c, const char *method, const char *path, const char *name,
                                  const char *value, const char *upload, size_t upload_len, bool open)
{
#define NV(n, v) {(uint8_t *)(n), (uint8_t *)(v), strlen(n), strlen(v), NGHTTP2_NV_FLAG_NONE}
    nghttp2_nv nv[] = {NV(":method", method), NV(":scheme", "http"), NV(":authority", "here"),
                       NV(":path", path), NV(name ? name : "x", name ? value : "y")};
#undef NV
    nghttp2_data_provider p = {.read_callback = h2c_upload};
    int32_t id;
    struct h2_answer *a;

    id = (int32_t)nghttp2_session_get_next_stream_id(c->session);
    a = h2_answer(c, id);
    a->upload = upload;
    a->upload_len = upload_len;
    a->upload_open = open;
    if (nghttp2_submit_request(c->session, NULL, nv, name ? 5 : 4, upload ? &p : NULL, NULL) != id)
        abort();
    return id;
}

static inline int32_t h2_ask(struct h2_client *c, const char *method, const char *path)
{
    return h2_ask_with(c, method, path, NULL, NULL, NULL, 0, false);
}

/* Sends a frame `times` times as it is, past the session. */
static inline void h2_raw(struct h2_client *c, uint8_t type, uint8_t flags, int32_t id, const void *payload,
                          size_t n, size_t times)
{
    const uint8_t head[9] = {(uint8_t)(n >> 16),  (uint8_t)(n >> 8),   (uint8_t)n,         type,       flags,
                             (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    uint8_t *all = malloc(times * (n + 9));

    c->raw = true;
    for (size_t i = 0; i < times; i++) {
        memcpy(all + i * (n + 9), head, 9);
        if (n > 0)
            memcpy(all + i * (n + 9) + 9, payload, n);
    }
    rig_send(c->r, c->fd, all, times * (n + 9));
    free(all);
}

#endif
