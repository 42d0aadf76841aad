#include "net/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fd.h"
#include "core/log.h"
#include "net/conn_internal.h"
#include "net/net.h"

#define IOV_MAX_OURS 64

/* --- time-outs ------------------------------------------------------------------------------- */

static void set_timeout(struct conn *c, struct timerq *q)
{
    if (c->timeout_in)
        timerq_clear(c->timeout_in, &c->timeout);
    c->timeout_in = q;
    if (q)
        timerq_set(q, &c->timeout);
}

static void set_stall(struct conn *c, struct timerq *q)
{
    if (c->stall_in)
        timerq_clear(c->stall_in, &c->stall);
    c->stall_in = q;
    if (q)
        timerq_set(q, &c->stall);
}

static void on_timeout(struct timerq *q, struct timerq_entry *e)
{
    struct conn *c = CONTAINER_OF(e, struct conn, timeout);

    (void)q;
    c->timeout_in = NULL;
    if (c->phase == CONN_OPEN && c->protocol->timed_out && c->protocol->timed_out(c))
        return;
    conn_abort(c, CLOSE_TIMEOUT);
}

/* True when the kernel's own counters say that the peer is gone: it does not acknowledge what we sent, or
 * does not answer the probes of its zero window. A live peer that does not read answers both. */
static bool tcp_peer_dead(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return true;
    return (info.tcpi_unacked > 0 && info.tcpi_last_ack_recv > STALL_LOOK_MS) || info.tcpi_probes >= 3;
}

static void on_stall(struct timerq *q, struct timerq_entry *e)
{
    struct conn *c = CONTAINER_OF(e, struct conn, stall);

    (void)q;
    c->stall_in = NULL;
    if (!c->blocked)
        return;
    if (tcp_peer_dead(c->fd)) {
        c->net->stats.dead_peers++;
        conn_abort(c, CLOSE_PEER_GONE);
        return;
    }
    set_stall(c, &c->net->stall_again);
}

void conn_timers_init(struct net *n)
{
    timerq_init(&n->idle, n->loop, IDLE_TIMEOUT_MS, on_timeout);
    timerq_init(&n->header, n->loop, HEADER_TIMEOUT_MS, on_timeout);
    timerq_init(&n->linger, n->loop, LINGER_MS, on_timeout);
    timerq_init(&n->stall, n->loop, STALL_LOOK_MS, on_stall);
    timerq_init(&n->stall_again, n->loop, STALL_AGAIN_MS, on_stall);
}

void conn_idle(struct conn *c)
{
    if (c->phase == CONN_OPEN)
        set_timeout(c, &c->net->idle);
}

void conn_active(struct conn *c)
{
    if (c->phase == CONN_OPEN)
        set_timeout(c, NULL);
}

void conn_await_header(struct conn *c)
{
    if (c->phase == CONN_OPEN)
        set_timeout(c, &c->net->header);
}

/* --- reading --------------------------------------------------------------------------------- */

/* What a read returned, in the terms of conn.h. */
static ssize_t judge_read(struct conn *c, ssize_t got)
{
    if (got >= 0)
        return got;
    if (errno == EAGAIN)
        return CONN_AGAIN;
    conn_abort(c, CLOSE_PEER_GONE);
    return CONN_ERROR;
}

ssize_t conn_readv(struct conn *c, const struct iovec *iov, int n)
{
    return c->phase == CONN_DEAD ? CONN_ERROR : judge_read(c, RETRY_EINTR(readv(c->fd, iov, n)));
}

ssize_t conn_read(struct conn *c, void *buf, size_t n)
{
    return c->phase == CONN_DEAD ? CONN_ERROR : judge_read(c, RETRY_EINTR(recv(c->fd, buf, n, 0)));
}

void conn_want_read(struct conn *c, bool want)
{
    c->want_read = want;
    if (c->phase == CONN_OPEN)
        loop_watch(c->net->loop, &c->rd, want ? EV_READ : 0);
}

/* Throws away what a closing peer still sends, within bounds. Beyond them it is left unread, and the connection until its
 * time is over: a reset would take our last answer from a peer that has not read it yet. */
static void linger_read(struct conn *c)
{
    static char nowhere[8 * KIB];

    for (;;) {
        ssize_t n = conn_read(c, nowhere, sizeof nowhere);

        if (n == CONN_AGAIN || n == CONN_ERROR)
            return;
        c->lingered += (size_t)n;
        if (n == 0) {
            conn_abort(c, c->why);
            return;
        }
        if (c->lingered >= LINGER_BYTES) {
            loop_watch(c->net->loop, &c->rd, 0);
            return;
        }
    }
}

static void on_readable(struct ev_loop *ev, ev_io *w, int revents)
{
    struct conn *c = w->data;

    (void)ev;
    if (revents & EV_ERROR) /* epoll has no room for it, and will not tell of it any more */
        conn_abort(c, CLOSE_ERROR);
    else if (c->phase == CONN_OPEN)
        c->protocol->readable(c);
    else if (c->phase == CONN_LINGERING)
        linger_read(c);
}

/* --- writing --------------------------------------------------------------------------------- */

/* The out-queue is out: half-close, so that the peer sees the end but loses nothing, and wait for its own. */
static void start_linger(struct conn *c)
{
    c->phase = CONN_LINGERING;
    set_stall(c, NULL);
    if (shutdown(c->fd, SHUT_WR) < 0) {
        conn_abort(c, c->why);
        return;
    }
    set_timeout(c, &c->net->linger);
    loop_watch(c->net->loop, &c->rd, EV_READ);
}

static size_t queued(const struct conn *c)
{
    return c->out.bytes + c->tail.bytes;
}

/* Sends from the chain, once. Returns as send(2); *full when that was less than it could have been: the socket takes no more. */
static ssize_t send_out(struct conn *c, bool *full)
{
    struct iovec iov[IOV_MAX_OURS];
    struct msghdr m = {.msg_iov = iov};
    size_t most = c->peer.transport == TRANSPORT_VSOCK ? (size_t)VSOCK_WRITE_MAX : (size_t)TURN_BYTES;
    size_t want = MIN(c->out.bytes, most);
    ssize_t n;

    m.msg_iovlen = (size_t)chain_iov(&c->out, iov, IOV_MAX_OURS, most);
    if (m.msg_iovlen == 1) /* most answers are one piece, and send costs less than sendmsg */
        n = RETRY_EINTR(send(c->fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL));
    else
        n = RETRY_EINTR(sendmsg(c->fd, &m, MSG_NOSIGNAL));
    if (n > 0)
        chain_drop(&c->out, (size_t)n);
    *full = n < (ssize_t)want && c->peer.transport != TRANSPORT_VSOCK && m.msg_iovlen < IOV_MAX_OURS;
    return n;
}

/* The same from the tail. */
static ssize_t send_tail(struct conn *c, bool *full)
{
    ssize_t n =
        RETRY_EINTR(splice(c->tail.fd, NULL, c->fd, NULL, c->tail.bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));

    *full = n < (ssize_t)c->tail.bytes;
    if (n > 0)
        c->tail.bytes -= (size_t)n;
    return n;
}

/* Sends what the socket takes. Returns true when the queue is empty. */
static bool flush(struct conn *c)
{
    while (queued(c) > 0) {
        bool full;
        ssize_t n = c->out.bytes > 0 ? send_out(c, &full) : send_tail(c, &full);

        if (n < 0 && errno != EAGAIN) {
            conn_abort(c, CLOSE_PEER_GONE);
            return false;
        }
        if (n > 0 && c->stall_in)
            set_stall(c, &c->net->stall);
        if (n < 0 || full) {
            c->blocked = true;
            loop_watch(c->net->loop, &c->wr, EV_WRITE);
            if (c->peer.transport == TRANSPORT_TCP && !c->stall_in)
                set_stall(c, &c->net->stall);
            return false;
        }
    }
    if (c->blocked) {
        c->blocked = false;
        loop_watch(c->net->loop, &c->wr, 0);
        set_stall(c, NULL);
    }
    return true;
}

/* Sends, asks the protocol for more, and so on, as long as the socket takes it: up to TURN_BYTES in one
 * turn. */
static void pump(struct conn *c)
{
    size_t sent = 0;

    while (c->phase == CONN_OPEN || c->phase == CONN_FINISHING) {
        size_t before;

        if (queued(c) == 0 && c->phase == CONN_OPEN)
            c->protocol->writable(c);
        if (c->phase == CONN_DEAD)
            return;
        before = queued(c);
        if (before == 0)
            break;
        if (!flush(c))
            return;
        sent += before;
        if (sent >= TURN_BYTES) {
            conn_kick(c);
            return;
        }
    }
    if (c->phase == CONN_FINISHING && queued(c) == 0)
        start_linger(c);
}

static void on_writable(struct ev_loop *ev, ev_io *w, int revents)
{
    struct conn *c = w->data;

    (void)ev;
    if (revents & EV_ERROR)
        conn_abort(c, CLOSE_ERROR);
    else if (flush(c))
        pump(c);
}

static void on_pump(struct task *t)
{
    struct conn *c = CONTAINER_OF(t, struct conn, pump);

    if (c->phase == CONN_DEAD)
        conn_destroy(c);
    else if (!c->blocked)
        pump(c);
}

void conn_kick(struct conn *c)
{
    if (!c->blocked || c->phase == CONN_DEAD)
        loop_defer(c->net->loop, &c->pump);
}

/* --- life ------------------------------------------------------------------------------------ */

void conn_finish(struct conn *c)
{
    if (c->phase != CONN_OPEN)
        return;
    c->phase = CONN_FINISHING;
    set_timeout(c, NULL);
    loop_watch(c->net->loop, &c->rd, 0);
    conn_kick(c);
}

void conn_abort(struct conn *c, enum close_reason why)
{
    if (c->phase == CONN_DEAD)
        return;
    c->phase = CONN_DEAD;
    c->why = why;
    c->net->count--;
    set_timeout(c, NULL);
    set_stall(c, NULL);
    loop_watch(c->net->loop, &c->rd, 0);
    loop_watch(c->net->loop, &c->wr, 0);
    if (why == CLOSE_OLD) {
        struct linger reset = {.l_onoff = 1, .l_linger = 0};

        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    loop_close_fd(c->net->loop, &c->fd);
    conn_kick(c); /* destroyed at the end of the turn: callers up the stack still hold it */
}

void conn_evict(struct conn *c)
{
    if (c->protocol->farewell) {
        c->protocol->farewell(c);
        flush(c);
    }
    conn_abort(c, CLOSE_TIMEOUT);
}

void conn_destroy(struct conn *c)
{
    struct net *n = c->net;

    loop_cancel(n->loop, &c->pump);
    if (c->protocol)
        c->protocol->closed(c, c->why);
    conn_body_done(c);
    chain_clear(&c->out);
    TAILQ_REMOVE(&n->conns, c, link);
    free(c);
}

struct conn *conn_new(struct net *n, struct listener *l, int fd, const struct peer *peer)
{
    struct conn *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->net = n;
    c->listener = l;
    c->fd = fd;
    c->peer = *peer;
    c->id = ++n->last_id;
    c->opened_ms = clock_mono_ms();
    c->generation = n->generation;
    c->want_read = true;
    c->pump.run = on_pump;
    ev_io_init(&c->rd, on_readable, fd, EV_READ);
    ev_io_init(&c->wr, on_writable, fd, EV_WRITE);
    c->rd.data = c->wr.data = c;
    TAILQ_INSERT_TAIL(&n->conns, c, link);
    n->count++;
    return c;
}

void conn_open(struct conn *c, const struct net_protocol *protocol)
{
    c->protocol = protocol;
    if (protocol->accept(c) < 0) {
        c->protocol = NULL;
        conn_abort(c, CLOSE_ERROR);
        return;
    }
    conn_idle(c);
    loop_watch(c->net->loop, &c->rd, EV_READ);
}
