/* A loop with the network and HTTP floors on a unix socket, driven turn by turn from the test itself. */
#ifndef TESTS_UNIT_RIG_H
#define TESTS_UNIT_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http.h"

struct rig {
    struct loop loop;
    struct seg_pool pool, in_pool;
    struct net net;
    struct http http;
    struct listener listener;
    char path[64];
};

static inline void rig_turns(struct rig *r, int n)
{
    while (n-- > 0)
        ev_run(r->loop.ev, EVRUN_NOWAIT);
}

static inline void rig_start_with(struct rig *r, const struct net_protocol *protocol,
                                  uint32_t max_connections, size_t in_bytes)
{
    struct err e;
    char text[80];

    memset(r, 0, sizeof *r);
    signal(SIGPIPE, SIG_IGN); /* main blocks it: splice(2) has no MSG_NOSIGNAL */
    if (loop_init(&r->loop) < 0 || seg_pool_init(&r->pool, 8 * MIB) < 0 ||
        seg_pool_init(&r->in_pool, in_bytes) < 0)
        abort();
    net_init(&r->net, &r->loop, &r->pool, &r->in_pool, max_connections);
    http_init(&r->http, &r->net);
    snprintf(r->path, sizeof r->path, "/tmp/guestd-unit-%d.sock", getpid());
    snprintf(text, sizeof text, "unix:%s", r->path);
    if (address_parse(text, &r->listener.address, &e) < 0)
        abort();
    r->listener.protocol = protocol;
    r->listener.protocol_arg = &r->http;
    if (net_listen(&r->net, &r->listener, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
}

static inline void rig_start(struct rig *r)
{
    rig_start_with(r, &http_h1, 100, 4 * MIB);
}

static inline void rig_stop(struct rig *r)
{
    struct conn *c;

    TAILQ_FOREACH (c, &r->net.conns, link)
        conn_abort(c, CLOSE_SHUTDOWN);
    rig_turns(r, 5);
    net_unlisten(&r->net);
    http_destroy(&r->http);
    close(r->net.spare_fd);
    if (r->pool.in_use || r->in_pool.in_use) {
        fprintf(stderr, "segments leaked: %u, %u\n", r->pool.in_use, r->in_pool.in_use);
        abort();
    }
    seg_pool_destroy(&r->pool);
    seg_pool_destroy(&r->in_pool);
    loop_destroy(&r->loop);
}

static inline int rig_connect(struct rig *r)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (connect(fd, &r->listener.address.sa.any, r->listener.address.len) < 0)
        abort();
    rig_turns(r, 2);
    return fd;
}

/* Sends as much as goes; returns how much. */
static inline size_t rig_send(struct rig *r, int fd, const void *data, size_t n)
{
    size_t sent = 0;

    for (int idle = 0; sent < n && idle < 20;) {
        ssize_t k = send(fd, (const char *)data + sent, n - sent, MSG_NOSIGNAL);

        if (k > 0)
            sent += (size_t)k;
        else if (errno != EAGAIN)
            break;
        idle = k > 0 ? 0 : idle + 1;
        rig_turns(r, 1);
    }
    rig_turns(r, 4);
    return sent;
}

/* What has come from the agent: NUL-terminated in buf. *ended says whether it closed. */
static inline size_t rig_recv(struct rig *r, int fd, char *buf, size_t size, bool *ended)
{
    size_t got = 0;

    if (ended)
        *ended = false;
    for (int idle = 0; idle < 5 && got < size - 1;) {
        ssize_t n = recv(fd, buf + got, size - 1 - got, 0);

        if (n > 0) {
            got += (size_t)n;
            idle = 0;
        } else if (n == 0 || errno != EAGAIN) {
            if (ended)
                *ended = true;
            break;
        } else {
            idle++;
        }
        rig_turns(r, 2);
    }
    buf[got] = 0;
    return got;
}

/* One request, one answer. */
static inline size_t rig_talk(struct rig *r, int fd, const char *request, char *buf, size_t size, bool *ended)
{
    rig_send(r, fd, request, strlen(request));
    return rig_recv(r, fd, buf, size, ended);
}

#endif
