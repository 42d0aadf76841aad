/* What the counterparts share. They check little: each serves the bench's own client, and its exit ends the
 * bench. */
#ifndef TESTS_BENCH_RAW_H
#define TESTS_BENCH_RAW_H

#include <fcntl.h>
#include <signal.h>
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

/* Chunks of one envelope each: the start event, of pid 1; the end event and the end of the stream. */
#define RAW_STARTED "b\r\n\0\0\0\0\006\012\004\012\002\010\001\r\n"
#define RAW_ENDED   "f\r\n\0\0\0\0\012\012\010\032\006\020\001\032\002ok\r\n7\r\n\002\0\0\0\002{}\r\n0\r\n\r\n"

/* An answer that says nothing. */
#define RAW_EMPTY "HTTP/1.1 200 OK\r\nContent-Type: application/proto\r\nContent-Length: 0\r\n\r\n"

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

/* A child on its way to its program still has a copy of what we close: without the first call the event would go
 * on to come, for a number that is another one's by then. */
static inline void raw_close(int ep, int fd)
{
    if (epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL) < 0)
        raw_die("epoll_ctl");
    close(fd);
}

/* Starts a program on these descriptors. */
static inline pid_t raw_spawn(char **command, int in, int out, int err)
{
    pid_t pid = vfork();

    if (pid == 0) {
        sigset_t none;

        sigemptyset(&none);
        setsid(); /* a caller may signal the tree; and a session is what autogroups share CPU time by */
        dup2(in, 0);
        dup2(out, 1);
        dup2(err, 2);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execv(command[0], command);
        _exit(127);
    }
    return pid;
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

/* Sends bytes as a chunk. */
static inline void raw_chunk(int fd, void *data, size_t len)
{
    char size[16];
    struct iovec iov[3] = {{size, 0}, {data, len}, RAW_TEXT("\r\n")};

    iov[0].iov_len = (size_t)snprintf(size, sizeof size, "%zx\r\n", len);
    raw_send(fd, iov, 3);
}

#endif
