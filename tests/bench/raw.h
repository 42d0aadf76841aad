/* What the counterparts share. They check little: each serves the bench's own client, and its exit ends the
 * bench. */
#ifndef TESTS_BENCH_RAW_H
#define TESTS_BENCH_RAW_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

/* A literal as an iovec; nobody writes to it. */
#define RAW_TEXT(literal) ((struct iovec){(void *)(uintptr_t)(literal), sizeof(literal) - 1})

#define RAW_STREAM_HEAD                                                                                      \
    "HTTP/1.1 200 OK\r\nContent-Type: application/connect+proto\r\nTransfer-Encoding: chunked\r\n\r\n"

_Noreturn static inline void raw_die(const char *what)
{
    perror(what);
    exit(1);
}

/* A listening unix socket at the path. */
static inline int raw_listen(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    if (bind(fd, (struct sockaddr *)&un, sizeof un) < 0 || listen(fd, 128) < 0)
        raw_die(path);
    return fd;
}

static inline void raw_watch(int ep, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) < 0)
        raw_die("epoll_ctl");
}

/* Writes all of it, in one call when the socket takes it. The vector is used up. */
static inline void raw_send(int fd, struct iovec *iov, int n)
{
    while (n > 0) {
        ssize_t sent = writev(fd, iov, n);

        if (sent < 0)
            raw_die("writev");
        for (; n > 0 && (size_t)sent >= iov->iov_len; iov++, n--)
            sent -= (ssize_t)iov->iov_len;
        if (n > 0) {
            iov->iov_base = (char *)iov->iov_base + sent;
            iov->iov_len -= (size_t)sent;
        }
    }
}

#endif
