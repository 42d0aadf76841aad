/* The raw limit of running a program: one thread, epoll. For each request two pipes, vfork and exec, a start
 * event, everything that the program writes relayed as it comes (64 KiB at a time), its exit, an end event.
 * Standard input is /dev/null, as it is in what is measured against it.
 *
 *   raw_exec SOCKET plain|base64 PROGRAM [ARG...] */
#include "raw.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

/* Chunks of one envelope each: the start event, of pid 1; the end event and the end of the stream. */
#define STARTED "b\r\n\0\0\0\0\006\012\004\012\002\010\001\r\n"
#define ENDED   "f\r\n\0\0\0\0\012\012\010\032\006\020\001\032\002ok\r\n7\r\n\002\0\0\0\002{}\r\n0\r\n\r\n"

static int ep, null_fd;

static struct {
    int client;   /* the connection that asked, or -1: nothing runs */
    int pipes[2]; /* its stdout and stderr, -1 at their ends */
    pid_t pid;    /* 0: reaped */
} run = {.client = -1, .pipes = {-1, -1}};

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
static void relay(int *from, bool base64)
{
    static uint8_t data[65536];
    static char text[sizeof data / 3 * 4 + 4];
    char size[16];
    ssize_t n = read(*from, data, sizeof data);

    if (n > 0) {
        size_t len = base64 ? encode(data, (size_t)n, text) : (size_t)n;
        struct iovec iov[3] = {{size, 0}, {base64 ? (void *)text : (void *)data, len}, RAW_TEXT("\r\n")};

        iov[0].iov_len = (size_t)snprintf(size, sizeof size, "%zx\r\n", len);
        raw_send(run.client, iov, 3);
    } else {
        close(*from);
        *from = -1;
    }
}

static pid_t spawn(char **command, int out, int err)
{
    pid_t pid = vfork();

    if (pid == 0) {
        sigset_t none;

        sigemptyset(&none);
        setsid(); /* a caller may signal the tree; and a session is what autogroups share CPU time by */
        dup2(null_fd, 0);
        dup2(out, 1);
        dup2(err, 2);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execv(command[0], command);
        _exit(127);
    }
    return pid;
}

static void begin(int client, char **command)
{
    struct iovec iov[2] = {RAW_TEXT(RAW_STREAM_HEAD), RAW_TEXT(STARTED)};
    int out[2], err[2];

    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
        raw_die("pipe");
    run.client = client;
    run.pipes[0] = out[0];
    run.pipes[1] = err[0];
    run.pid = spawn(command, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    raw_watch(ep, out[0]);
    raw_watch(ep, err[0]);
    raw_send(client, iov, 2);
}

static void reap(int signals)
{
    struct signalfd_siginfo info;

    if (read(signals, &info, sizeof info) > 0 && waitpid(run.pid, NULL, WNOHANG) == run.pid)
        run.pid = 0;
}

static void end(void)
{
    struct iovec iov = RAW_TEXT(ENDED);

    raw_send(run.client, &iov, 1);
    run.client = -1;
}

int main(int argc, char **argv)
{
    struct epoll_event events[16];
    int listener, signals;
    bool base64;
    sigset_t set;

    if (argc < 4)
        return 2;
    base64 = strcmp(argv[2], "base64") == 0;
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signals = signalfd(-1, &set, SFD_CLOEXEC);
    listener = raw_listen(argv[1]);
    ep = epoll_create1(EPOLL_CLOEXEC);
    raw_watch(ep, listener);
    raw_watch(ep, signals);
    for (;;) {
        int n = epoll_wait(ep, events, 16, -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            char request[16384];

            if (fd == listener)
                raw_watch(ep, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
            else if (fd == run.pipes[0])
                relay(&run.pipes[0], base64);
            else if (fd == run.pipes[1])
                relay(&run.pipes[1], base64);
            else if (fd == signals)
                reap(signals);
            else if (recv(fd, request, sizeof request, 0) <= 0)
                close(fd);
            else
                begin(fd, argv + 3);
            if (run.client >= 0 && run.pid == 0 && run.pipes[0] < 0 && run.pipes[1] < 0)
                end();
        }
    }
}
