/* Somebody on a unix socket whom the agent asks: it takes connections, reads requests as text and answers with text. */
#ifndef TESTS_UNIT_PEER_H
#define TESTS_UNIT_PEER_H

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/address.h"
#include "core/loop.h"

struct peer {
    struct loop *loop;
    struct address address;
    int listener, fd; /* fd: the connection taken last, or -1 */
    unsigned taken;
    char got[16384];
};

static inline void peer_open(struct peer *p, struct loop *loop)
{
    char text[80];
    struct err e;

    *p = (struct peer){.loop = loop, .fd = -1};
    snprintf(text, sizeof text, "unix:/tmp/guestd-unit-peer-%d.sock", getpid());
    if (address_parse(text, &p->address, &e) < 0)
        abort();
    unlink(p->address.sa.un.sun_path);
    p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(p->listener, &p->address.sa.any, p->address.len) < 0 || listen(p->listener, 8) < 0)
        abort();
}

static inline void peer_hang_up(struct peer *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

static inline void peer_close(struct peer *p)
{
    peer_hang_up(p);
    close(p->listener);
    unlink(p->address.sa.un.sun_path);
}

static inline void peer_turns(struct peer *p, int n)
{
    while (n-- > 0)
        ev_run(p->loop->ev, EVRUN_NOWAIT);
}

/* Lets the loop run, takes what connects, and returns what has been sent since the last time. */
static inline const char *peer_read(struct peer *p)
{
    size_t have = 0;

    for (int i = 0; i < 6; i++) {
        ssize_t n = -1;
        int fd;

        peer_turns(p, 2);
        if ((fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
            peer_hang_up(p);
            p->fd = fd;
            p->taken++;
        }
        if (p->fd >= 0)
            n = recv(p->fd, p->got + have, sizeof p->got - 1 - have, 0);
        have += n > 0 ? (size_t)n : 0;
    }
    p->got[have] = 0;
    return p->got;
}

static inline void peer_say_bytes(struct peer *p, const char *text, size_t n)
{
    if (send(p->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
        abort();
    peer_turns(p, 4);
}

static inline void peer_say(struct peer *p, const char *text)
{
    peer_say_bytes(p, text, strlen(text));
}

/* An answer with that status and body. */
static inline void peer_answer(struct peer *p, int status, const char *body)
{
    char text[4096];

    snprintf(text, sizeof text, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
    peer_say(p, text);
}

#endif
