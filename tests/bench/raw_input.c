/* The raw limit of input: one thread, epoll. The first request starts PROGRAM. On the next connection come
 * PRELUDE bytes, then frames: SKIP bytes, PAYLOAD bytes that the program gets, and REST bytes; with `base64` the
 * payload is that of a JSON string. With `calls` each frame is a request and answered; with `stream` the last
 * chunk is.
 *
 *   raw_input SOCKET calls|stream plain|base64 PRELUDE SKIP PAYLOAD REST PROGRAM [ARG...] */
#include "raw.h"

#include <stdbool.h>
#include <sys/wait.h>

#define LAST_CHUNK "0\r\n\r\n"

static int ep, null_fd;
static bool base64, each; /* each frame is answered */
static size_t prelude, skip, payload, rest;

static struct {
    int client;        /* the connection that started it, -1: nothing runs */
    int input, output; /* of the program; only its end comes out */
    int feeder;        /* the connection that feeds it, -1: none yet */
    size_t have;       /* bytes of the prelude or of a frame */
    bool fed;          /* the prelude is over */
} run = {.client = -1, .output = -1, .feeder = -1};

static uint8_t frame[1 << 17];

/* Four digits at a step, each by a table that holds its bits where they belong. Returns the size. */
static size_t decode(const uint8_t *in, size_t n, uint8_t *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static uint32_t table[4][256];
    size_t padding = (in[n - 1] == '=') + (in[n - 2] == '='), size = n / 4 * 3 - padding;

    if (!table[3]['B'])
        for (unsigned i = 0; i < 64; i++)
            for (unsigned k = 0; k < 4; k++)
                table[k][(uint8_t)digits[i]] = __builtin_bswap32(i << (26 - 6 * k));
    for (; n >= 4; n -= 4, in += 4, out += 3) {
        uint32_t v = table[0][in[0]] | table[1][in[1]] | table[2][in[2]] | table[3][in[3]];

        memcpy(out, &v, 4);
    }
    return size;
}

static void begin(int client, char **command)
{
    struct iovec iov[2] = {RAW_TEXT(RAW_STREAM_HEAD), RAW_TEXT(RAW_STARTED)};
    int in[2], out[2];

    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        raw_die("pipe");
    raw_spawn(command, in[0], out[1], null_fd);
    close(in[0]);
    close(out[1]);
    run.client = client;
    run.input = in[1];
    run.output = out[0];
    raw_watch(ep, run.output);
    raw_send(client, iov, 2);
}

static void end(void)
{
    struct iovec iov = RAW_TEXT(RAW_ENDED);

    close(run.input);
    close(run.output);
    wait(NULL);
    raw_send(run.client, &iov, 1);
    run.client = run.output = -1;
}

static void answer(void)
{
    run.have = 0;
    if (send(run.feeder, RAW_EMPTY, sizeof RAW_EMPTY - 1, 0) < 0)
        raw_die("send");
}

static void write_frame(void)
{
    static uint8_t decoded[sizeof frame];
    uint8_t *data = frame + skip;
    size_t len = payload;

    if (base64) {
        len = decode(data, payload, decoded);
        data = decoded;
    }
    if (write(run.input, data, len) != (ssize_t)len)
        raw_die("input");
    run.have = 0;
}

/* Reads what belongs to the prelude or the frame. Returns false at the end of the connection. */
static bool feed(void)
{
    size_t want = run.fed ? skip + payload + rest : prelude;
    ssize_t n = recv(run.feeder, frame + run.have, want - run.have, 0);

    if (n <= 0)
        return false;
    run.have += (size_t)n;
    if (run.fed && run.have == sizeof LAST_CHUNK - 1 && memcmp(frame, LAST_CHUNK, run.have) == 0) {
        answer();
    } else if (run.have == want && !run.fed) {
        run.fed = true;
        run.have = 0;
    } else if (run.have == want) {
        write_frame();
        if (each)
            answer();
    }
    return true;
}

int main(int argc, char **argv)
{
    struct epoll_event events[16];
    int listener;

    if (argc < 9)
        return 2;
    each = strcmp(argv[2], "calls") == 0;
    base64 = strcmp(argv[3], "base64") == 0;
    prelude = strtoull(argv[4], NULL, 10);
    skip = strtoull(argv[5], NULL, 10);
    payload = strtoull(argv[6], NULL, 10);
    rest = strtoull(argv[7], NULL, 10);
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    listener = raw_listen(argv[1]);
    ep = epoll_create1(EPOLL_CLOEXEC);
    raw_watch(ep, listener);
    for (;;) {
        int n = epoll_wait(ep, events, 16, -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            char request[16384];

            if (fd == listener) {
                int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

                raw_watch(ep, client);
                if (run.client >= 0) {
                    run.feeder = client;
                    run.have = 0;
                    run.fed = prelude == 0;
                }
            } else if (fd == run.output) {
                end();
            } else if (fd == run.feeder) {
                if (!feed()) {
                    close(fd);
                    run.feeder = -1;
                }
            } else if (recv(fd, request, sizeof request, 0) <= 0) {
                close(fd);
            } else {
                begin(fd, argv + 8);
            }
        }
    }
}
