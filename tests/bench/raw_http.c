/* The raw limit of a small request: one thread, epoll, one read and one write. Whatever it is asked, it answers
 * with the same bytes. It is also the raw limit of a start; and of Stat, with PATH, which it looks at for each
 * request.
 *
 *   raw_http SOCKET RESPONSE_FILE [PATH] */
#include "raw.h"

#include <sys/stat.h>
#include <sys/xattr.h>

static void look(const char *path)
{
    char attributes[1024];
    struct stat st;

    if (lstat(path, &st) < 0 || llistxattr(path, attributes, sizeof attributes) < 0)
        raw_die(path);
}

int main(int argc, char **argv)
{
    static char response[1 << 16];
    struct epoll_event events[16];
    int file, listener, ep;
    ssize_t len;

    if (argc != 3 && argc != 4)
        return 2;
    file = open(argv[2], O_RDONLY | O_CLOEXEC);
    len = read(file, response, sizeof response);
    if (len <= 0)
        raw_die(argv[2]);
    close(file);
    listener = raw_listen(argv[1]);
    ep = epoll_create1(EPOLL_CLOEXEC);
    raw_watch(ep, listener);
    for (;;) {
        int n = epoll_wait(ep, events, 16, -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            char request[16384];

            if (fd == listener) {
                raw_watch(ep, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
            } else if (recv(fd, request, sizeof request, 0) <= 0) {
                close(fd);
            } else {
                if (argc == 4)
                    look(argv[3]);
                if (send(fd, response, (size_t)len, MSG_NOSIGNAL) != len)
                    raw_die("send");
            }
        }
    }
}
