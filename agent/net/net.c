#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fd.h"
#include "core/log.h"
#include "net/conn_internal.h"

#define BACKLOG 1024

/* A descriptor that can be had without /dev: another one of stderr, which is there. */
static int take_spare(void)
{
    return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

void net_init(struct net *n, struct loop *loop, struct seg_pool *pool, struct seg_pool *in_pool,
              uint32_t max_connections)
{
    memset(n, 0, sizeof *n);
    n->loop = loop;
    n->pool = pool;
    n->in_pool = in_pool;
    n->max_connections = max_connections;
    TAILQ_INIT(&n->conns);
    TAILQ_INIT(&n->listeners);
    n->spare_fd = take_spare();
    conn_timers_init(n);
}

/* --- accepting ------------------------------------------------------------------------------- */

static void peer_of(int fd, const struct listener *l, const struct address *from, struct peer *p)
{
    *p = (struct peer){.transport = l->address.transport};
    if (p->transport == TRANSPORT_VSOCK) {
        p->cid = from->sa.vm.svm_cid;
        p->port = from->sa.vm.svm_port;
    } else if (p->transport == TRANSPORT_UNIX) {
        struct ucred cred;
        socklen_t len = sizeof cred;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0) {
            p->uid = cred.uid;
            p->known = true;
        }
    }
}

static void tune(int fd, enum transport t)
{
    int on = 1, idle = 15, interval = 5, probes = 3;

    if (t != TRANSPORT_TCP)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* These find a dead peer when nothing is in flight; conn.c looks at the rest. Never TCP_USER_TIMEOUT: it
     * also kills a live peer that does not read. */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

/* Makes room for one more: the connection that has been idle longest goes. */
static bool evict(struct net *n)
{
    struct timerq_entry *e = TAILQ_FIRST(&n->idle.entries);

    if (!e)
        return false;
    n->stats.evicted++;
    conn_evict(CONTAINER_OF(e, struct conn, timeout));
    return true;
}

/* Any process of the guest can be refused as often as it likes: the log hears of it once a second. */
static void refused(struct net *n, const struct peer *peer)
{
    uint64_t now = clock_mono_ms();

    n->stats.refused++;
    if (n->stats.refused > 1 && now < n->refused_told_ms + 1000)
        return;
    n->refused_told_ms = now;
    log_info("connection.refused", LOG_STR("network.transport", transport_name(peer->transport)),
             LOG_INT("network.peer.cid", peer->cid), LOG_INT("connection.refused_count", n->stats.refused));
}

static void admit(struct net *n, struct listener *l, int fd, const struct address *from)
{
    struct peer peer;
    struct conn *c;

    peer_of(fd, l, from, &peer);
    if (l->admit && !l->admit(l, &peer)) {
        refused(n, &peer);
        close(fd);
        return;
    }
    if (n->count >= n->max_connections && !evict(n)) {
        /* No room to wait for a request, so the answer comes at once. */
        n->stats.overflowed++;
        send(fd, l->protocol->busy.ptr, l->protocol->busy.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        close(fd);
        return;
    }
    tune(fd, peer.transport);
    c = conn_new(n, l, fd, &peer);
    if (!c) {
        n->stats.overflowed++;
        close(fd);
        return;
    }
    n->stats.accepted++;
    c->control_only =
        n->count > n->max_connections - MIN((uint32_t)CONNECTIONS_CONTROL, n->max_connections / 2);
    conn_open(c, l->protocol);
}

/* Out of descriptors: with the spare one gone there is one to take the caller in and say goodbye with.
 * Otherwise it would wait in the backlog for ever, and epoll would report it for ever. */
static void refuse_one(struct net *n, struct listener *l)
{
    int fd;

    fd_close(&n->spare_fd);
    fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    n->stats.overflowed++;
    n->spare_fd = take_spare();
    log_warn("connection.overflow", LOG_STR("error.type", "too many open files"));
}

static void on_acceptable(struct ev_loop *ev, ev_io *w, int revents)
{
    struct listener *l = w->data;
    struct net *n = l->net;

    (void)ev;
    (void)revents;
    for (int i = 0; i < TURN_MESSAGES; i++) {
        struct address from = {.len = sizeof from.sa};
        int fd = accept4(l->fd, &from.sa.any, &from.len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            admit(n, l, fd, &from);
        } else if (errno == EMFILE || errno == ENFILE) {
            /* It says so before it looks whether somebody waits; of the first one in a turn we know. */
            if (i == 0 && !evict(n))
                refuse_one(n, l);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return; /* EAGAIN, or a passing network error that accept(2) says to treat like it */
        }
    }
}

/* --- listening ------------------------------------------------------------------------------- */

static int listen_error(struct err *e, const struct listener *l, int errnum)
{
    char text[ADDRESS_TEXT_MAX];
    enum status status = STATUS_INTERNAL;

    if (errnum == EADDRINUSE)
        status = STATUS_FAILED_PRECONDITION;
    else if (errnum == EACCES || errnum == EPERM)
        status = STATUS_PERMISSION_DENIED;
    else if (errnum == EAFNOSUPPORT || errnum == ENODEV || errnum == EADDRNOTAVAIL || errnum == ENOENT)
        status = STATUS_UNAVAILABLE;
    address_text(&l->address, text);
    return err_set(e, status, errnum, "listen on %s", text);
}

/* A socket file that nobody listens on is what a killed agent leaves behind. connect(2) says ECONNREFUSED of a
 * file that is no socket too: that one is somebody's. */
static bool unix_stale(const struct address *a)
{
    CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct stat st;

    return fd >= 0 && lstat(a->sa.un.sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
           connect(fd, &a->sa.any, a->len) < 0 && errno == ECONNREFUSED;
}

/* The file gets the socket's own mode bits (net/unix/af_unix.c, unix_bind_bsd), so the process's umask, which workers make their
 * files by, can stay as it is. */
static int bind_unix(int fd, const struct address *a)
{
    if (fchmod(fd, 0600) < 0)
        return -1;
    if (bind(fd, &a->sa.any, a->len) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -1;
    if (unix_stale(a) && unlink(a->sa.un.sun_path) == 0)
        return bind(fd, &a->sa.any, a->len);
    errno = EADDRINUSE;
    return -1;
}

int net_listen(struct net *n, struct listener *l, struct err *e)
{
    CLEANUP_FD int fd = -1;
    struct address *a = &l->address;
    int on = 1, off = 0, ret;

    l->net = n;
    l->fd = -1;
    fd = socket(a->sa.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return listen_error(e, l, errno);
    if (a->transport == TRANSPORT_TCP)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->sa.any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    ret = a->transport == TRANSPORT_UNIX ? bind_unix(fd, a) : bind(fd, &a->sa.any, a->len);
    if (ret < 0 || listen(fd, BACKLOG) < 0)
        return listen_error(e, l, errno);
    l->unlink_path = a->transport == TRANSPORT_UNIX;
    if (a->transport != TRANSPORT_UNIX) { /* port 0 became one */
        a->len = sizeof a->sa;
        if (getsockname(fd, &a->sa.any, &a->len) < 0)
            return listen_error(e, l, errno);
    }
    l->fd = fd_take(&fd);
    ev_io_init(&l->io, on_acceptable, l->fd, EV_READ);
    l->io.data = l;
    ev_io_start(n->loop->ev, &l->io);
    TAILQ_INSERT_TAIL(&n->listeners, l, link);
    return 0;
}

void net_unlisten(struct net *n)
{
    struct listener *l;

    while ((l = TAILQ_FIRST(&n->listeners))) {
        TAILQ_REMOVE(&n->listeners, l, link);
        ev_io_stop(n->loop->ev, &l->io);
        loop_close_fd(n->loop, &l->fd);
        if (l->unlink_path)
            unlink(l->address.sa.un.sun_path);
    }
}

void net_drain(struct net *n)
{
    struct conn *c, *next;

    if (n->shutting_down)
        return;
    n->shutting_down = true;
    TAILQ_FOREACH_SAFE (c, &n->conns, link, next)
        if (c->phase == CONN_OPEN)
            c->protocol->drain(c);
}

void net_shutdown(struct net *n)
{
    struct conn *c, *next;

    net_drain(n);
    TAILQ_FOREACH_SAFE (c, &n->conns, link, next)
        if (c->phase == CONN_OPEN)
            c->protocol->shutdown(c);
}

void net_new_generation(struct net *n)
{
    struct conn *c;

    n->generation++;
    TAILQ_FOREACH (c, &n->conns, link)
        if (c->generation < n->generation)
            conn_abort(c, CLOSE_OLD);
}

/* --- memory for request bodies --------------------------------------------------------------- */

struct seg *conn_body_seg(struct conn *c)
{
    struct net *n = c->net;
    struct seg *s = seg_get(n->in_pool);

    if (s)
        return s;
    if (!n->overdraft)
        n->overdraft = c;
    if (n->overdraft == c)
        return seg_heap(SEG_SIZE);
    conn_want_read(c, false);
    c->starved = true;
    seg_pool_want(n->in_pool);
    return NULL;
}

/* Every starved connection looks again; most will find enough. */
static void feed_starved(struct net *n)
{
    struct conn *c;

    TAILQ_FOREACH (c, &n->conns, link) {
        if (c->starved) {
            c->starved = false;
            conn_want_read(c, true);
        }
    }
}

void conn_body_done(struct conn *c)
{
    if (c->net->overdraft == c) {
        c->net->overdraft = NULL;
        feed_starved(c->net);
    }
    c->starved = false;
}

void net_body_memory_free(struct net *n)
{
    feed_starved(n);
}
