#include "ctl/relay.h"

#include <sys/socket.h>

#include "core/fd.h"
#include "core/limits.h"

int relay_open(struct relay *r, int a, int b)
{
    *r = (struct relay){.fd = {a, b}};
    for (int i = 0; i < 2; i++)
        r->flow[i].data = malloc(RELAY_BUFFER);
    if (r->flow[0].data && r->flow[1].data)
        return 0;
    relay_close(r);
    return -1;
}

void relay_close(struct relay *r)
{
    for (int i = 0; i < 2; i++) {
        fd_close(&r->fd[i]);
        free(TAKE(r->flow[i].data));
    }
}

void relay_poll(const struct relay *r, struct pollfd p[2])
{
    for (int i = 0; i < 2; i++) {
        const struct relay_flow *out = &r->flow[i], *in = &r->flow[1 - i];
        bool reads = !out->ended && !out->over && out->len == 0, writes = in->len > 0;

        /* poll tells of a hang-up unasked and for ever. It is news only when this side was read to its end. */
        p[i] = (struct pollfd){
            .fd = reads || writes || out->ended ? r->fd[i] : -1,
            .events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)),
        };
    }
}

/* Nothing more goes this way. */
static void stop(struct relay_flow *f)
{
    f->over = true;
    f->len = 0;
}

static void fill(struct relay *r, int i)
{
    struct relay_flow *f = &r->flow[i];
    ssize_t n = RETRY_EINTR(recv(r->fd[i], f->data, RELAY_BUFFER, MSG_DONTWAIT));

    if (n < 0 && errno == EAGAIN)
        return;
    f->at = 0;
    f->len = n > 0 ? (size_t)n : 0;
    f->ended = n <= 0;
    if (n < 0) /* reset: nor does it take anything */
        stop(&r->flow[1 - i]);
}

static void drain(struct relay *r, int i)
{
    struct relay_flow *f = &r->flow[i];

    while (f->len > 0) {
        ssize_t n = RETRY_EINTR(
            send(r->fd[1 - i], f->data + f->at, MIN(f->len, VSOCK_WRITE_MAX), MSG_NOSIGNAL | MSG_DONTWAIT));

        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            stop(f);
            return;
        }
        f->at += (size_t)n;
        f->len -= (size_t)n;
    }
}

bool relay_move(struct relay *r, const struct pollfd p[2])
{
    for (int i = 0; i < 2; i++) {
        struct relay_flow *f = &r->flow[i];

        if (p[i].revents && !f->ended && !f->over && f->len == 0)
            fill(r, i);
        if (!f->over && p[1 - i].revents & (POLLHUP | POLLERR) && r->flow[1 - i].ended)
            stop(f); /* its sink is gone altogether */
        if (!f->over)
            drain(r, i);
        if (!f->over && f->ended && f->len == 0) {
            shutdown(r->fd[1 - i], SHUT_WR);
            f->over = true;
        }
    }
    return !(r->flow[0].over && r->flow[1].over);
}
