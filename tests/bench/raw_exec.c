/* The raw limit of running programs: one thread, epoll. For each request two pipes, vfork and exec, a start
 * event, everything that the program writes relayed as it comes (64 KiB at a time), its exit, an end event;
 * one at a time on each connection. Standard input is /dev/null, as it is in what is measured against it.
 *
 *   raw_exec SOCKET plain|base64 PROGRAM [ARG...] */
#include "raw.h"

#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

static int ep, null_fd;

#define FDS_MAX 256

static struct run {
    int client;   /* the connection that asked */
    int pipes[2]; /* its stdout and stderr, -1 at their ends */
    pid_t pid;    /* 0: reaped */
} runs[FDS_MAX];  /* by connection */

static struct run *owner[FDS_MAX]; /* of a pipe */

/* Twelve bits at a look-up, twelve bytes at a step. */
static size_t encode(const uint8_t *in, size_t n, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static uint16_t pairs[4096];
    char *start = out;

    if (!pairs[0])
        for (unsigned i = 0; i < 4096; i++)
            pairs[i] = (uint16_t)(digits[i >> 6] | digits[i & 63] << 8);
    for (; n >= 14; n -= 12, in += 12, out += 16) {
        uint64_t a, b;
        uint16_t eight[8];

        memcpy(&a, in, 8);
        memcpy(&b, in + 6, 8);
        a = __builtin_bswap64(a);
        b = __builtin_bswap64(b);
        eight[0] = pairs[a >> 52];
        eight[1] = pairs[a >> 40 & 4095];
        eight[2] = pairs[a >> 28 & 4095];
        eight[3] = pairs[a >> 16 & 4095];
        eight[4] = pairs[b >> 52];
        eight[5] = pairs[b >> 40 & 4095];
        eight[6] = pairs[b >> 28 & 4095];
        eight[7] = pairs[b >> 16 & 4095];
        memcpy(out, eight, sizeof eight);
    }
    for (; n > 0; n -= n < 3 ? n : 3, in += 3, out += 4) {
        unsigned v = (unsigned)in[0] << 16 | (n > 1 ? (unsigned)in[1] << 8 : 0) | (n > 2 ? in[2] : 0);

        memcpy(out, &pairs[v >> 12], 2);
        memcpy(out + 2, &pairs[v & 4095], 2);
        if (n < 3)
            memset(out + 1 + n, '=', 3 - n);
    }
    return (size_t)(out - start);
}

/* Relays what is in the pipe; closes it at its end. */
static void relay(struct run *run, int from, bool base64)
{
    static uint8_t data[65536];
    static char text[sizeof data / 3 * 4 + 4];
    ssize_t n = read(from, data, sizeof data);

    if (n <= 0) {
        owner[from] = NULL;
        raw_close(ep, from);
        run->pipes[from == run->pipes[1]] = -1;
    } else if (base64) {
        raw_chunk(run->client, text, encode(data, (size_t)n, text));
    } else {
        raw_chunk(run->client, data, (size_t)n);
    }
}

static void begin(int client, char **command)
{
    struct iovec iov[2] = {RAW_TEXT(RAW_STREAM_HEAD), RAW_TEXT(RAW_STARTED)};
    struct run *run = &runs[client];
    int out[2], err[2];

    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 || err[1] >= FDS_MAX)
        raw_die("pipe");
    *run = (struct run){client, {out[0], err[0]}, raw_spawn(command, null_fd, out[1], err[1])};
    owner[out[0]] = owner[err[0]] = run;
    close(out[1]);
    close(err[1]);
    raw_watch(ep, out[0]);
    raw_watch(ep, err[0]);
    raw_send(client, iov, 2);
}

static void end_if_over(struct run *run)
{
    struct iovec iov = RAW_TEXT(RAW_ENDED);

    if (run->pid == 0 && run->pipes[0] < 0 && run->pipes[1] < 0)
        raw_send(run->client, &iov, 1);
}

/* One signal may stand for several ends. */
static void reap(int signals)
{
    struct signalfd_siginfo info;
    pid_t pid;

    if (read(signals, &info, sizeof info) < 0)
        raw_die("signalfd");
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        for (struct run *run = runs; run < runs + FDS_MAX; run++)
            if (run->pid == pid) {
                run->pid = 0;
                end_if_over(run);
            }
}

static int watch_children(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
    struct epoll_event events[16];
    int listener, signals;
    bool base64;

    if (argc < 4)
        return 2;
    base64 = strcmp(argv[2], "base64") == 0;
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    signals = watch_children();
    listener = raw_listen(argv[1]);
    ep = epoll_create1(EPOLL_CLOEXEC);
    raw_watch(ep, listener);
    raw_watch(ep, signals);
    for (;;) {
        int n = epoll_wait(ep, events, 16, -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            struct run *run = owner[fd];
            char request[16384];

            if (fd == listener) {
                raw_watch(ep, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
            } else if (fd == signals) {
                reap(signals);
            } else if (run) {
                relay(run, fd, base64);
                end_if_over(run);
            } else if (recv(fd, request, sizeof request, 0) <= 0) {
                raw_close(ep, fd);
            } else {
                begin(fd, argv + 3);
            }
        }
    }
}
