/* Connections, requests and answers of the bench's client. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NUMBER     "@@@@@@@@"
#define LAST_CHUNK "0\r\n\r\n"

char client_buf[1 << 20];

long long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

void die(const char *what)
{
    fprintf(stderr, "client: %s: %s\n", what, errno ? strerror(errno) : "closed");
    exit(1);
}

int try_dial(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    if (fd < 0)
        die("socket");
    if (connect(fd, (struct sockaddr *)&un, sizeof un) == 0)
        return fd;
    close(fd);
    return -1;
}

int dial(const char *path)
{
    int fd = try_dial(path);

    if (fd < 0)
        die(path);
    return fd;
}

void load_request(struct request *r, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, r->data, sizeof r->data);

    if (n <= 0 || n == sizeof r->data)
        die(path);
    close(fd);
    r->len = (size_t)n;
    r->number = memmem(r->data, r->len, NUMBER, sizeof NUMBER - 1);
}

void send_bytes(int fd, const void *data, size_t n)
{
    if (send(fd, data, n, MSG_NOSIGNAL) != (ssize_t)n)
        die("send");
}

void send_request(int fd, const struct request *r)
{
    send_bytes(fd, r->data, r->len);
}

void send_numbered(int fd, struct request *r, unsigned i)
{
    char digits[sizeof NUMBER];

    if (r->number) {
        snprintf(digits, sizeof digits, "%08u", i % 100000000);
        memcpy(r->number, digits, sizeof digits - 1);
    }
    send_request(fd, r);
}

size_t read_some(int fd)
{
    ssize_t n;

    errno = 0;
    n = read(fd, client_buf, sizeof client_buf);
    if (n <= 0)
        die("read");
    return (size_t)n;
}

/* Takes over bytes of the head. Returns how many of them belong to it. */
static size_t feed_head(struct answer *a, const char *data, size_t n)
{
    size_t before = a->head_len, room = sizeof a->head - 1 - before, part = n < room ? n : room;
    char *end, *field;

    memcpy(a->head + before, data, part);
    a->head_len += part;
    a->head[a->head_len] = 0;
    end = strstr(a->head, "\r\n\r\n");
    if ((!end && part == room) || (end && strncmp(a->head, "HTTP/1.1 20", 11) != 0)) {
        fprintf(stderr, "client: unexpected: %s\n", a->head);
        exit(1);
    }
    if (!end)
        return n;
    *end = 0; /* the head is a string of its own from here on */
    a->in_body = true;
    a->chunked = strcasestr(a->head, "\r\ntransfer-encoding:");
    field = strcasestr(a->head, "\r\ncontent-length:");
    a->want = field ? strtoull(field + 17, NULL, 10) : 0;
    return (size_t)(end + 4 - a->head) - before;
}

/* What our servers send never looks like the last chunk anywhere else, so that its bytes at the end of what was
 * read are the end. */
static bool at_last_chunk(struct answer *a, const char *data, size_t n)
{
    if (n >= sizeof a->tail) {
        memcpy(a->tail, data + n - sizeof a->tail, sizeof a->tail);
    } else {
        memmove(a->tail, a->tail + n, sizeof a->tail - n);
        memcpy(a->tail + sizeof a->tail - n, data, n);
    }
    return memcmp(a->tail, LAST_CHUNK, sizeof a->tail) == 0;
}

bool answer_feed(struct answer *a, const char *data, size_t n)
{
    if (!a->in_body) {
        size_t used = feed_head(a, data, n);

        if (!a->in_body)
            return false;
        data += used;
        n -= used;
    }
    a->size += n;
    return a->chunked ? at_last_chunk(a, data, n) : a->size >= a->want;
}

size_t read_answer(int fd)
{
    struct answer a = {0};

    while (!answer_feed(&a, client_buf, read_some(fd)))
        ;
    return a.size;
}

void open_stream(struct connection *c, const char *path, const struct request *r)
{
    *c = (struct connection){.fd = dial(path)};
    send_request(c->fd, r);
    while (c->answer.size == 0)
        if (answer_feed(&c->answer, client_buf, read_some(c->fd)))
            die("the stream ended at once");
}
