/* The raw limit of output with several subscribers: one thread, epoll. So many requests subscribe, the first of
 * them starts PROGRAM; the next one is typed into it as one byte, and then what it writes is relayed to all as it
 * comes (64 KiB at a time).
 *
 *   raw_fan SOCKET SUBSCRIBERS PROGRAM [ARG...] */
#include "raw.h"

#include <sys/wait.h>

#define SUBSCRIBERS_MAX 64

static int ep;
static int subscribers[SUBSCRIBERS_MAX], count;
static int input, output = -1; /* of the program */

static void begin(char **command)
{
    int in[2], out[2];

    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        raw_die("pipe");
    raw_spawn(command, in[0], out[1], out[1]);
    close(in[0]);
    close(out[1]);
    input = in[1];
    output = out[0];
    raw_watch(ep, output);
}

static void subscribe(int client)
{
    struct iovec iov[2] = {RAW_TEXT(RAW_STREAM_HEAD), RAW_TEXT(RAW_STARTED)};

    subscribers[count++] = client;
    raw_send(client, iov, 2);
}

static void go(int client)
{
    if (write(input, "", 1) != 1 || send(client, RAW_EMPTY, sizeof RAW_EMPTY - 1, MSG_NOSIGNAL) < 0)
        raw_die("go");
}

static void end(void)
{
    close(input);
    close(output);
    output = -1;
    wait(NULL);
    for (int i = 0; i < count; i++) {
        struct iovec iov = RAW_TEXT(RAW_ENDED);

        raw_send(subscribers[i], &iov, 1);
    }
    count = 0;
}

static void relay(void)
{
    static uint8_t data[65536];
    ssize_t n = read(output, data, sizeof data);

    for (int i = 0; n > 0 && i < count; i++)
        raw_chunk(subscribers[i], data, (size_t)n);
    if (n <= 0)
        end();
}

int main(int argc, char **argv)
{
    struct epoll_event events[16];
    int listener, wanted = argc > 3 ? atoi(argv[2]) : 0;

    if (wanted < 1 || wanted > SUBSCRIBERS_MAX)
        return 2;
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
            } else if (fd == output) {
                relay();
            } else if (recv(fd, request, sizeof request, 0) <= 0) {
                close(fd);
            } else if (count == wanted) {
                go(fd);
            } else {
                if (count == 0)
                    begin(argv + 3);
                subscribe(fd);
            }
        }
    }
}
