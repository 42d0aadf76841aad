/* The raw limit of a small request: one thread, epoll, one read and one write. It answers every request that
 * ends in a blank line or in its Content-Length with the same prepared response.
 *
 *   raw_http ADDRESS RESPONSE_FILE      (ADDRESS: unix:PATH or tcp:PORT) */
#include "raw.h"

static char response[1 << 20];
static size_t response_len;

int main(int argc, char **argv)
{
    struct epoll_event events[16];
    int listener, ep;
    FILE *f;

    if (argc != 3)
        return 2;
    f = fopen(argv[2], "r");
    response_len = fread(response, 1, sizeof response, f);
    listener = raw_listen(argv[1]);
    ep = raw_epoll(listener);
    for (;;) {
        int n = epoll_wait(ep, events, 16, -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            char request[16384];
            ssize_t got;

            if (fd == listener) {
                raw_watch(ep, raw_accept(listener), EPOLLIN);
                continue;
            }
            got = recv(fd, request, sizeof request, 0);
            if (got <= 0)
                close(fd);
            else if (send(fd, response, response_len, MSG_NOSIGNAL) < 0)
                return 1;
        }
    }
}
