#include "ctl/client/wire.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "core/fd.h"
#include "core/limits.h"
#include "ctl/client/transport.h"

/* --- the connection -------------------------------------------------------------------------- */

int wire_open(struct wire *w, int fd, enum wire_version version, const char *name, struct err *e)
{
    *w = (struct wire){
        .fd = fd,
        .name = name,
        .transport = version == WIRE_HTTP2 ? &wire_http2 : &wire_http1,
        .in_max = MESSAGE_MAX,
    };
    if (fd >= 0)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return w->transport->open(w, e);
}

void wire_close(struct wire *w)
{
    if (w->transport)
        w->transport->close(w);
    fd_close(&w->fd);
    buffer_clear(&w->out);
    buffer_clear(&w->body);
    buffer_clear(&w->in);
    http_fields_clear(&w->head);
    http_fields_clear(&w->trailer);
    *w = (struct wire){.fd = -1, .name = w->name};
}

bool wire_ready(const struct wire *w)
{
    return w->transport && !w->broken && (!w->running || (w->complete && wire_unsent(w) == 0));
}

struct pollfd wire_poll(const struct wire *w)
{
    return (struct pollfd){.fd = w->transport ? w->fd : -1,
                           .events = (short)(POLLIN | (buffer_len(&w->out) > 0 ? POLLOUT : 0))};
}

size_t wire_unsent(const struct wire *w)
{
    return buffer_len(&w->out) + buffer_len(&w->body);
}

/* --- what transports share ------------------------------------------------------------------- */

enum wire_refusal wire_take_body(struct wire *w, const void *data, size_t n)
{
    w->had_body = true;
    if (n > w->in_max - MIN(w->in_max, buffer_len(&w->in)))
        return WIRE_BODY_TOO_LARGE;
    return buffer_add(&w->in, data, n) < 0 ? WIRE_NO_MEMORY : WIRE_TAKEN;
}

int wire_refused(const struct wire *w, enum wire_refusal why, struct err *e)
{
    if (why == WIRE_BODY_TOO_LARGE)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "%s: the answer is too large", w->name);
    if (why == WIRE_BAD_HEADER)
        return err_set(e, STATUS_UNKNOWN, 0, "%s: the answer's header is too large, or none of HTTP",
                       w->name);
    return err_nomem(e, "read the answer");
}

int wire_lost(struct wire *w, int errnum, struct err *e)
{
    w->broken = true;
    if (errnum == ECONNRESET || errnum == EPIPE || errnum == 0)
        return err_set(e, STATUS_UNAVAILABLE, 0,
                       "%s: the connection was closed; the agent or its guest has ended", w->name);
    return err_set(e, STATUS_UNAVAILABLE, errnum, "%s", w->name);
}

/* --- exchanges ------------------------------------------------------------------------------- */

/* Writes what can be written. A server that reads no more may have answered already, so that is no error here. */
static int flush(struct wire *w, struct err *e)
{
    for (;;) {
        struct bytes out;
        ssize_t n;

        if (buffer_len(&w->out) < WIRE_OUT_MAX && w->transport->push(w, e) < 0)
            return -1;
        out = buffer_bytes(&w->out);
        if (out.len == 0)
            return 0;
        n = w->fd >= 0 ? RETRY_EINTR(send(w->fd, out.ptr, out.len, MSG_NOSIGNAL)) : (ssize_t)out.len;
        if (n < 0 && errno == EAGAIN)
            return 0;
        buffer_take(&w->out, n < 0 ? out.len : (size_t)n);
    }
}

int wire_begin(struct wire *w, const struct wire_request *r, struct err *e)
{
    http_fields_clear(&w->head);
    http_fields_clear(&w->trailer);
    buffer_clear(&w->in);
    w->status = 0;
    w->had_body = w->complete = false;
    w->running = true;
    w->body_ended = !r->more;
    if (buffer_add(&w->body, r->body.ptr, r->body.len) < 0)
        return err_nomem(e, "send a request");
    if (w->transport->begin(w, r, e) == 0 && flush(w, e) == 0)
        return 0;
    w->broken = true;
    return -1;
}

int wire_send(struct wire *w, const void *data, size_t n, struct err *e)
{
    return buffer_add(&w->body, data, n) < 0 ? err_nomem(e, "send a request") : flush(w, e);
}

int wire_end(struct wire *w, struct err *e)
{
    w->body_ended = true;
    return flush(w, e);
}

int wire_receive(struct wire *w, const uint8_t *data, size_t n, struct err *e)
{
    int ret = w->transport->receive(w, data, n, e);

    w->broken |= ret < 0;
    return ret < 0 ? -1 : w->complete;
}

int wire_receive_end(struct wire *w, struct err *e)
{
    w->broken = true;
    return w->transport->receive_end(w, e) < 0 ? -1 : w->complete;
}

int wire_step(struct wire *w, struct err *e)
{
    static uint8_t block[FRAME_MAX];
    ssize_t n;
    int ret;

    if (flush(w, e) < 0) {
        w->broken = true;
        return -1;
    }
    if (w->complete)
        return 1;
    n = RETRY_EINTR(recv(w->fd, block, sizeof block, 0));
    if (n < 0)
        return errno == EAGAIN ? 0 : wire_lost(w, errno, e);
    ret = n == 0 ? wire_receive_end(w, e) : wire_receive(w, block, (size_t)n, e);
    if (ret >= 0 && flush(w, e) < 0) { /* the server's window may have opened */
        w->broken = true;
        return -1;
    }
    return ret;
}

void wire_cancel(struct wire *w)
{
    struct err e;

    if (!w->running || !w->transport || (w->complete && wire_unsent(w) == 0))
        return;
    w->transport->cancel(w);
    buffer_clear(&w->body);
    w->body_ended = true;
    w->running = false;
    if (flush(w, &e) < 0)
        w->broken = true;
}
