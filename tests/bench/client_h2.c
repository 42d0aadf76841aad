/* The client over HTTP/2, in raw frames. A request is a file of frames, whose stream ids are set here. Frames of an
 * answer are of 16 KiB, the protocol's default; of its fields only the status is looked at. */
#include "client.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define FRAME_HEAD        9
#define FIRST_WINDOW      65535     /* the protocol's default; who is to stall gets no more */
#define WINDOW            (4 << 20) /* of a stream that is read; given back by halves */
#define CONNECTION_WINDOW (1 << 30)
#define STREAMS_MAX       64

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, GOAWAY = 7, WINDOW_UPDATE = 8 };
enum { ACK = 1, END_STREAM = 1 };

struct stream {
    size_t size; /* of the body so far */
    size_t owed; /* of that, not given back to the window */
    bool stalled, ended;
};

static struct {
    int fd;
    uint32_t last_id; /* of a stream */
    int reading;      /* streams that have not ended, stalled ones aside */
    size_t owed;
    uint8_t head[FRAME_HEAD]; /* of the frame under way */
    size_t head_len;
    size_t left; /* of its payload */
    struct stream streams[STREAMS_MAX];
} h2;

static struct request request;

static uint32_t number(const uint8_t *p, int bytes)
{
    uint32_t n = 0;

    while (bytes-- > 0)
        n = n << 8 | *p++;
    return n;
}

static void put_number(uint8_t *p, uint32_t n)
{
    for (int i = 3; i >= 0; i--, n >>= 8)
        p[i] = (uint8_t)n;
}

static struct stream *stream_of(uint32_t id)
{
    return &h2.streams[id / 2 % STREAMS_MAX];
}

static void give_window(uint32_t id, size_t bytes)
{
    uint8_t frame[FRAME_HEAD + 4] = {[2] = 4, [3] = WINDOW_UPDATE};

    put_number(frame + 5, id);
    put_number(frame + FRAME_HEAD, (uint32_t)bytes);
    send_bytes(h2.fd, frame, sizeof frame);
}

/* A connection whose streams begin with this window. */
static void h2_dial(const char *path, uint32_t window)
{
    uint8_t opening[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                        "\0\0\14\4\0\0\0\0\0"
                        "\0\2\0\0\0\0"  /* ENABLE_PUSH */
                        "\0\4\0\0\0\0"; /* INITIAL_WINDOW_SIZE */

    put_number(opening + sizeof opening - 5, window);
    h2.fd = dial(path);
    send_bytes(h2.fd, opening, sizeof opening - 1);
    give_window(0, CONNECTION_WINDOW - FIRST_WINDOW);
}

/* Sends the request on the next stream. */
static void h2_send(bool stalled)
{
    h2.last_id = h2.last_id ? h2.last_id + 2 : 1;
    for (uint8_t *p = (uint8_t *)request.data; p < (uint8_t *)request.data + request.len;
         p += FRAME_HEAD + number(p, 3))
        put_number(p + 5, h2.last_id);
    *stream_of(h2.last_id) = (struct stream){.stalled = stalled};
    h2.reading += !stalled;
    send_request(h2.fd, &request);
}

static void end(struct stream *s)
{
    s->ended = true;
    h2.reading -= !s->stalled;
}

/* A frame's payload, as far as it has come. */
static void feed_payload(const uint8_t *p, size_t n)
{
    uint32_t id = number(h2.head + 5, 4);
    struct stream *s = stream_of(id);

    /* A header begins with HPACK's number for status 200 or 204. */
    if (h2.head[3] == HEADERS && h2.left == number(h2.head, 3) && *p != 0x88 && *p != 0x89)
        die("status");
    if (h2.head[3] != DATA)
        return;
    s->size += n;
    s->owed += n;
    h2.owed += n;
    if (h2.owed >= CONNECTION_WINDOW / 2)
        give_window(0, h2.owed), h2.owed = 0;
    if (s->owed >= WINDOW / 2 && !s->stalled && !s->ended)
        give_window(id, s->owed), s->owed = 0;
}

static void end_frame(void)
{
    static const uint8_t ack[FRAME_HEAD] = {[3] = SETTINGS, [4] = ACK};
    uint8_t type = h2.head[3], flags = h2.head[4];

    if (type == RST_STREAM || type == GOAWAY)
        die("reset");
    if (type == SETTINGS && !(flags & ACK))
        send_bytes(h2.fd, ack, sizeof ack);
    if ((type == DATA || type == HEADERS) && (flags & END_STREAM))
        end(stream_of(number(h2.head + 5, 4)));
    h2.head_len = 0;
}

/* Reads what is there. */
static void h2_read(void)
{
    size_t n = read_some(h2.fd);
    const uint8_t *p = (const uint8_t *)client_buf;

    while (n > 0 || (h2.head_len == FRAME_HEAD && h2.left == 0)) {
        size_t part = h2.head_len < FRAME_HEAD ? FRAME_HEAD - h2.head_len : h2.left;

        part = part < n ? part : n;
        if (h2.head_len < FRAME_HEAD) {
            memcpy(h2.head + h2.head_len, p, part);
            h2.head_len += part;
            h2.left = number(h2.head, 3);
        } else {
            if (part > 0)
                feed_payload(p, part);
            h2.left -= part;
            if (h2.left == 0)
                end_frame();
        }
        p += part;
        n -= part;
    }
}

void h2_unary(const char *path, const char *file, int n)
{
    load_request(&request, file);
    h2_dial(path, WINDOW);
    while (n-- > 0) {
        long long start = now_ns();

        h2_send(false);
        while (h2.reading > 0)
            h2_read();
        printf("%lld %zu\n", now_ns() - start, stream_of(h2.last_id)->size);
    }
}

void h2_streams(const char *path, const char *file, int count, int stalled)
{
    long long start = now_ns();
    size_t least = SIZE_MAX;

    if (count < 1 || count + stalled > STREAMS_MAX)
        die("so many streams");
    load_request(&request, file);
    h2_dial(path, FIRST_WINDOW);
    for (int i = 0; i < count + stalled; i++) {
        h2_send(i < stalled);
        if (i >= stalled)
            give_window(h2.last_id, WINDOW - FIRST_WINDOW);
    }
    while (h2.reading > 0)
        h2_read();
    start = now_ns() - start;
    for (uint32_t id = 1; id <= h2.last_id; id += 2) {
        struct stream *s = stream_of(id);

        if (s->stalled && s->size != FIRST_WINDOW)
            die("what is to stall");
        if (!s->stalled && s->size < least)
            least = s->size;
        if (s->stalled) { /* its program ends too, beside nothing that is measured */
            s->stalled = false;
            h2.reading++;
            give_window(id, WINDOW);
        }
    }
    while (h2.reading > 0)
        h2_read();
    printf("%lld %zu\n", start, least);
}
