/* The raw limit of running a program: one thread, epoll. For each request: two pipes, vfork and exec,
 * "started" at once, everything the program writes relayed as it comes (64 KiB at a time, base64 when asked),
 * its exit, the end.
 *
 *   raw_exec ADDRESS [base64] PROGRAM [ARG...]
 *
 * It is what any implementation has to do; a child's stdin is /dev/null, as it is in what is measured against
 * it. */
#include "raw.h"

#define HEAD                                                                                                 \
    "HTTP/1.1 200 OK\r\nContent-Type: application/connect+proto\r\nTransfer-Encoding: chunked\r\n\r\n"
#define STARTED "b\r\n\0\0\0\0\6\n\4\n\2\b\1\r\n"
#define ENDED   "c\r\n\0\0\0\0\7\n\5\32\3\20\1\0\r\n0\r\n\r\n"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Twelve bits at a time, as a fast encoder does it. */
static size_t encode(const uint8_t *in, size_t n, char *out)
{
    static uint16_t pairs[4096];
    char *start = out;

    if (!pairs[0])
        for (unsigned i = 0; i < 4096; i++)
            pairs[i] = (uint16_t)(digits[i >> 6] | digits[i & 63] << 8);
    for (; n >= 3; n -= 3, in += 3, out += 4) {
        unsigned v = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];

        memcpy(out, &pairs[v >> 12], 2);
        memcpy(out + 2, &pairs[v & 4095], 2);
    }
    if (n)
        memcpy(out, "AA==", 4), out += 4;
    return (size_t)(out - start);
}

static void send_all(int fd, struct iovec *iov, int n)
{
    while (n > 0) {
        ssize_t sent = writev(fd, iov, n);

        if (sent < 0)
            exit(1);
        while (n > 0 && (size_t)sent >= iov->iov_len) {
            sent -= (ssize_t)iov->iov_len;
            iov++;
            n--;
        }
        if (n > 0) {
            iov->iov_base = (char *)iov->iov_base + sent;
            iov->iov_len -= (size_t)sent;
        }
    }
}

/* Relays what is in the pipe. Returns 0 at its end. */
static ssize_t relay(int from, int to, int base64)
{
    static uint8_t data[65536];
    static char text[88000];
    char head[16];
    ssize_t n = read(from, data, sizeof data);
    size_t len = n > 0 ? (size_t)n : 0;
    struct iovec iov[3];

    if (n <= 0)
        return n;
    if (base64)
        len = encode(data, len, text);
    iov[0] = (struct iovec){head, (size_t)snprintf(head, sizeof head, "%zx\r\n", len)};
    iov[1] = (struct iovec){base64 ? (void *)text : (void *)data, len};
    iov[2] = (struct iovec){(void *)(uintptr_t) "\r\n", 2};
    send_all(to, iov, 3);
    return n;
}

int main(int argc, char **argv)
{
    int base64 = argc > 2 && strcmp(argv[2], "base64") == 0, listener, ep, sfd,
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
    char **command = argv + 2 + base64;
    struct epoll_event events[16];
    sigset_t set, none;
    int client = -1, out = -1, err = -1, exited = 1;

    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sfd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    listener = raw_listen(argv[1]);
    ep = raw_epoll(listener);
    raw_watch(ep, sfd, EPOLLIN);
    for (;;) {
        int n = epoll_wait(ep, events, 16, -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            char request[16384];

            if (fd == listener) {
                raw_watch(ep, raw_accept(listener), EPOLLIN);
            } else if (fd == out || fd == err) {
                if (relay(fd, client, base64) <= 0) {
                    close(fd);
                    *(fd == out ? &out : &err) = -1;
                }
            } else if (fd == sfd) {
                struct signalfd_siginfo info;

                while (read(sfd, &info, sizeof info) > 0)
                    ;
                while (waitpid(-1, NULL, WNOHANG) > 0)
                    exited = 1;
            } else if (recv(fd, request, sizeof request, 0) <= 0) {
                close(fd);
                continue;
            } else {
                int o[2], e[2];
                struct iovec iov[2] = {{(void *)(uintptr_t)HEAD, sizeof HEAD - 1},
                                       {(void *)(uintptr_t)STARTED, sizeof STARTED - 1}};

                client = fd;
                if (pipe2(o, O_CLOEXEC) < 0 || pipe2(e, O_CLOEXEC) < 0)
                    return 1;
                exited = 0;
                if (vfork() == 0) {
                    dup2(null, 0);
                    dup2(o[1], 1);
                    dup2(e[1], 2);
                    sigprocmask(SIG_SETMASK, &none, NULL);
                    execv(command[0], command);
                    _exit(127);
                }
                close(o[1]);
                close(e[1]);
                out = o[0];
                err = e[0];
                raw_watch(ep, out, EPOLLIN);
                raw_watch(ep, err, EPOLLIN);
                send_all(client, iov, 2);
                continue;
            }
            if (exited && out < 0 && err < 0 && client >= 0) {
                struct iovec iov = {(void *)(uintptr_t)ENDED, sizeof ENDED - 1};

                send_all(client, &iov, 1);
                client = -1;
            }
        }
    }
}
