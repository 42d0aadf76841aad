#include "http/client.h"

#include <errno.h>
#include <stdio.h>

#include "core/fd.h"
#include "core/limits.h"

#define READ_SIZE (4 * KIB)

static void work(struct http_client *c);

/* --- the end of a request -------------------------------------------------------------------- */

static void disconnect(struct http_client *c)
{
    ev_io_stop(c->loop->ev, &c->io);
    if (c->fd >= 0)
        loop_close_fd(c->loop, &c->fd);
    c->kept = false;
}

/* Back to IDLE. The request may have held a secret. */
static void finish(struct http_client *c)
{
    c->state = HTTP_CLIENT_IDLE;
    ev_timer_stop(c->loop->ev, &c->timeout);
    if (c->request)
        explicit_bzero(c->request, c->request_len);
    free(c->request);
    c->request = NULL;
}

static void fail(struct http_client *c, const struct err *e)
{
    disconnect(c);
    finish(c);
    c->failed(c, e);
}

static void succeed(struct http_client *c)
{
    if (c->answer.reusable) {
        c->kept = true;
        loop_watch(c->loop, &c->io, EV_READ); /* its end, or what nobody asked for */
    } else {
        disconnect(c);
    }
    finish(c);
    c->answered(c);
}

static void fail_errno(struct http_client *c, const char *what)
{
    struct err e;

    err_set(&e, STATUS_UNAVAILABLE, errno, "%s %s", what, c->host);
    fail(c, &e);
}

/* --- the steps ------------------------------------------------------------------------------- */

static void start(struct http_client *c, enum http_client_state state, int events)
{
    c->state = state;
    loop_watch(c->loop, &c->io, events);
}

static void open_connection(struct http_client *c)
{
    c->fd = socket(c->to.sa.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        fail_errno(c, "open a socket for");
        return;
    }
    ev_io_set(&c->io, c->fd, EV_WRITE);
    if (connect(c->fd, &c->to.sa.any, c->to.len) < 0 && errno != EINPROGRESS && errno != EINTR)
        fail_errno(c, "connect to");
    else
        start(c, HTTP_CLIENT_CONNECTING, EV_WRITE);
}

/* A kept connection may be closed by its peer at any time, and then the request was not seen: it goes out again on a new one. */
static bool again(struct http_client *c)
{
    if (!c->kept || c->answer.begun)
        return false;
    disconnect(c);
    c->sent = 0;
    open_connection(c);
    return true;
}

static void on_connected(struct http_client *c)
{
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error != 0) {
        errno = error ? error : errno;
        fail_errno(c, "connect to");
        return;
    }
    c->state = HTTP_CLIENT_SENDING;
    work(c);
}

static void on_writable(struct http_client *c)
{
    ssize_t n = RETRY_EINTR(send(c->fd, c->request + c->sent, c->request_len - c->sent, MSG_NOSIGNAL));

    if (n < 0 && errno == EAGAIN) {
        start(c, HTTP_CLIENT_SENDING, EV_WRITE);
        return;
    }
    if (n < 0) {
        if (!again(c))
            fail_errno(c, "send to");
        return;
    }
    c->sent += (size_t)n;
    if (c->sent == c->request_len)
        start(c, HTTP_CLIENT_RECEIVING, EV_READ);
    else
        start(c, HTTP_CLIENT_SENDING, EV_WRITE);
}

static void on_readable(struct http_client *c)
{
    char piece[READ_SIZE];
    ssize_t n = RETRY_EINTR(recv(c->fd, piece, sizeof piece, 0)), used;
    struct err e;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 && again(c))
        return;
    if (n < 0) {
        fail_errno(c, "receive from");
        return;
    }
    used = n > 0 ? http_answer_feed(&c->answer, piece, (size_t)n, &e) : http_answer_end(&c->answer, &e);
    if (used < 0) {
        err_wrap(&e, "%s", c->host);
        fail(c, &e);
    } else if (c->answer.complete) {
        c->answer.reusable &=
            used == n; /* more than was asked for: nothing that comes behind could be trusted */
        succeed(c);
    }
}

/* Goes on where the request is. */
static void work(struct http_client *c)
{
    switch (c->state) {
    case HTTP_CLIENT_CONNECTING:
        on_connected(c);
        break;
    case HTTP_CLIENT_SENDING:
        on_writable(c);
        break;
    case HTTP_CLIENT_RECEIVING:
        on_readable(c);
        break;
    case HTTP_CLIENT_IDLE: /* the kept connection ended, or says what nobody asked for */
    case HTTP_CLIENT_ASKED:
        disconnect(c);
        break;
    }
}

static void on_io(struct ev_loop *ev, ev_io *w, int revents)
{
    struct http_client *c = w->data;

    (void)ev;
    if (revents & EV_ERROR) {
        loop_watch_failed(w);
        errno = ENOMEM;
        if (c->state <= HTTP_CLIENT_ASKED)
            disconnect(c);
        else
            fail_errno(c, "watch the connection to");
        return;
    }
    work(c);
}

static void on_timeout(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct http_client *c = w->data;
    struct err e;

    (void)ev;
    (void)revents;
    err_set(&e, STATUS_DEADLINE_EXCEEDED, 0, "no answer from %s within %u ms", c->host, c->timeout_ms);
    fail(c, &e);
}

/* --- asking ---------------------------------------------------------------------------------- */

void http_client_set_address(struct http_client *c, const struct address *to, const char *host)
{
    if (c->fd >= 0 && (c->to.len != to->len || memcmp(&c->to.sa, &to->sa, to->len) != 0))
        disconnect(c);
    c->to = *to;
    snprintf(c->host, sizeof c->host, "%s", host);
}

static void put(struct http_client *c, struct bytes s)
{
    memcpy(c->request + c->request_len, s.ptr, s.len);
    c->request_len += s.len;
}

static void put_line(struct http_client *c, const char *name, const char *value)
{
    put(c, bytes_of(name));
    put(c, BYTES_LIT(": "));
    put(c, bytes_of(value));
    put(c, BYTES_LIT("\r\n"));
}

/* The request's bytes; none when out of memory. */
static void compose(struct http_client *c, const char *method, const char *target,
                    const struct http_client_field *fields, size_t n, const char *type, struct bytes body)
{
    size_t size = strlen(method) + strlen(target) + strlen(c->host) + strlen(type) + body.len + 128;
    char length[24];

    for (size_t i = 0; i < n; i++)
        size += strlen(fields[i].name) + strlen(fields[i].value) + 4;
    c->sent = c->request_len = 0;
    c->request = malloc(size);
    if (!c->request)
        return;
    put(c, bytes_of(method));
    put(c, BYTES_LIT(" "));
    put(c, bytes_of(target));
    put(c, BYTES_LIT(" HTTP/1.1\r\n"));
    put_line(c, "Host", c->host);
    for (size_t i = 0; i < n; i++)
        put_line(c, fields[i].name, fields[i].value);
    if (body.len > 0)
        put_line(c, "Content-Type", type);
    snprintf(length, sizeof length, "%zu", body.len);
    if (body.len > 0 || strcmp(method, "GET") != 0)
        put_line(c, "Content-Length", length);
    put(c, BYTES_LIT("\r\n"));
    if (body.len > 0)
        put(c, body);
}

/* From here on things happen, and callbacks may come. */
static void on_begin(struct task *t)
{
    struct http_client *c = CONTAINER_OF(t, struct http_client, begin);
    struct err e;

    if (!c->request || http_answer_begin(&c->answer, c->answer_max) < 0) {
        err_nomem(&e, "ask");
        fail(c, &e);
        return;
    }
    loop_timer(c->loop, &c->timeout, c->timeout_ms);
    if (c->fd < 0) {
        open_connection(c);
        return;
    }
    c->state = HTTP_CLIENT_SENDING;
    work(c);
}

void http_client_init(struct http_client *c, struct loop *loop)
{
    *c = (struct http_client){.loop = loop, .fd = -1};
    ev_init(&c->io, on_io);
    ev_init(&c->timeout, on_timeout);
    c->begin.run = on_begin;
    c->io.data = c->timeout.data = c;
}

void http_client_ask(struct http_client *c, const char *method, const char *target,
                     const struct http_client_field *fields, size_t n, const char *type, struct bytes body)
{
    compose(c, method, target, fields, n, type ? type : "", body);
    c->state = HTTP_CLIENT_ASKED;
    loop_defer(c->loop, &c->begin);
}

void http_client_close(struct http_client *c)
{
    loop_cancel(c->loop, &c->begin);
    disconnect(c);
    finish(c);
    http_answer_clear(&c->answer);
}
