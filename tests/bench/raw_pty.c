/* The raw limit of a keystroke: one thread, epoll. The first request starts PROGRAM on a terminal, and its
 * connection gets what that prints; of every other one the last byte is typed, and then it is answered.
 *
 *   raw_pty SOCKET PROGRAM [ARG...] */
#include "raw.h"

#include <pty.h>

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Type: application/proto\r\nContent-Length: 0\r\n\r\n"

/* Starts the program; its terminal. */
static int begin(int client, char **command)
{
    struct iovec head = RAW_TEXT(RAW_STREAM_HEAD);
    int master;

    if (forkpty(&master, NULL, NULL, NULL) == 0) {
        execv(command[0], command);
        _exit(127);
    }
    raw_send(client, &head, 1);
    return master;
}

static void relay(int master, int client)
{
    char size[16], data[16384];
    ssize_t n = read(master, data, sizeof data);
    struct iovec iov[3] = {{size, 0}, {data, (size_t)n}, RAW_TEXT("\r\n")};

    if (n <= 0)
        raw_die("terminal");
    iov[0].iov_len = (size_t)snprintf(size, sizeof size, "%zx\r\n", (size_t)n);
    raw_send(client, iov, 3);
}

int main(int argc, char **argv)
{
    struct epoll_event events[16];
    int listener, ep, client = -1, master = -1;

    if (argc < 3)
        return 2;
    listener = raw_listen(argv[1]);
    ep = epoll_create1(EPOLL_CLOEXEC);
    raw_watch(ep, listener);
    for (;;) {
        int n = epoll_wait(ep, events, 16, -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            char request[16384];
            ssize_t got;

            if (fd == listener) {
                raw_watch(ep, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
            } else if (fd == master) {
                relay(master, client);
            } else if ((got = recv(fd, request, sizeof request, 0)) <= 0) {
                close(fd);
                if (fd != client)
                    continue;
                close(master);
                client = master = -1;
            } else if (client < 0) {
                client = fd;
                master = begin(client, argv + 2);
                raw_watch(ep, master);
            } else {
                if (write(master, request + got - 1, 1) != 1 || send(fd, ANSWER, sizeof ANSWER - 1, 0) < 0)
                    raw_die("keystroke");
            }
        }
    }
}
