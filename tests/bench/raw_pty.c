/* The raw limit of a terminal: one thread, epoll. The first request starts PROGRAM on one, and its connection
 * gets what that prints; of every other one the last byte is typed, and then it is answered.
 *
 *   raw_pty SOCKET PROGRAM [ARG...] */
#include "raw.h"

#include <pty.h>
#include <sys/wait.h>

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

/* Relays what is printed. At the program's end it closes the terminal and returns -1. */
static int relay(int master, int client)
{
    static char data[65536];
    struct iovec ended = RAW_TEXT(RAW_ENDED);
    ssize_t n = read(master, data, sizeof data);

    if (n > 0) {
        raw_chunk(client, data, (size_t)n);
        return master;
    }
    close(master);
    wait(NULL);
    raw_send(client, &ended, 1);
    return -1;
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
                master = relay(master, client);
            } else if ((got = recv(fd, request, sizeof request, 0)) <= 0) {
                close(fd);
                if (fd != client)
                    continue;
                if (master >= 0)
                    close(master);
                client = master = -1;
            } else if (client < 0) {
                client = fd;
                master = begin(client, argv + 2);
                raw_watch(ep, master);
            } else {
                if (write(master, request + got - 1, 1) != 1 ||
                    send(fd, RAW_EMPTY, sizeof RAW_EMPTY - 1, 0) < 0)
                    raw_die("keystroke");
            }
        }
    }
}
