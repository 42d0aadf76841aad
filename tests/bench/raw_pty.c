/* The raw limit of a keystroke: one thread, epoll. The first request starts PROGRAM on a terminal and its
 * connection gets what it prints; every later one writes a byte to the terminal and is answered.
 *
 *   raw_pty ADDRESS PROGRAM [ARG...] */
#include "raw.h"

#include <pty.h>

#define HEAD                                                                                                 \
    "HTTP/1.1 200 OK\r\nContent-Type: application/connect+proto\r\nTransfer-Encoding: chunked\r\n\r\n"
#define ANSWERED "HTTP/1.1 200 OK\r\nContent-Type: application/proto\r\nContent-Length: 0\r\n\r\n"

int main(int argc, char **argv)
{
    struct epoll_event events[16];
    int listener = raw_listen(argv[1]), ep = raw_epoll(listener), stream = -1, master = -1;

    (void)argc;
    for (;;) {
        int n = epoll_wait(ep, events, 16, -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            char data[16384];
            ssize_t got;

            if (fd == listener) {
                raw_watch(ep, raw_accept(listener), EPOLLIN);
            } else if (fd == master) {
                char head[16];
                struct iovec iov[3] = {{head, 0}, {data, 0}, {(void *)(uintptr_t) "\r\n", 2}};

                got = read(master, data, sizeof data);
                if (got <= 0)
                    return 0;
                iov[0].iov_len = (size_t)snprintf(head, sizeof head, "%zx\r\n", (size_t)got);
                iov[1].iov_len = (size_t)got;
                if (writev(stream, iov, 3) < 0)
                    return 1;
            } else if ((got = recv(fd, data, sizeof data, 0)) <= 0) {
                close(fd);
                if (fd == stream)
                    return 0;
            } else if (stream < 0) {
                stream = fd;
                if (forkpty(&master, NULL, NULL, NULL) == 0) {
                    execv(argv[2], argv + 2);
                    _exit(127);
                }
                raw_watch(ep, master, EPOLLIN);
                if (send(stream, HEAD, sizeof HEAD - 1, 0) < 0)
                    return 1;
            } else {
                if (write(master, data + got - 1, 1) < 0 || send(fd, ANSWERED, sizeof ANSWERED - 1, 0) < 0)
                    return 1;
            }
        }
    }
}
