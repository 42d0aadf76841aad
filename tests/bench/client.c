/* The load generator: sends prepared requests and measures the answers, the same for guestd and for its raw
 * counterparts.
 *
 *   client ADDRESS unary FILE N       N requests on one connection, one after the other; prints each time in
 * ns client ADDRESS stream FILE        one request; prints bytes of the answer's body and ns client ADDRESS
 * keys START KEY N   START opens a stream on one connection; then N times KEY on another, until a byte comes
 * on the stream; prints each time in ns
 *
 * ADDRESS is unix:PATH or tcp:PORT. A FILE holds a whole HTTP/1.1 request. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int dial(const char *address)
{
    int fd, on = 1;

    if (strncmp(address, "unix:", 5) == 0) {
        struct sockaddr_un un = {.sun_family = AF_UNIX};

        snprintf(un.sun_path, sizeof un.sun_path, "%s", address + 5);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof un) < 0)
            die(address);
        return fd;
    }
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(address + 4))};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&in, sizeof in) < 0)
        die(address);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static char *load(const char *path, size_t *len)
{
    int fd = open(path, O_RDONLY);
    char *data = malloc(1 << 20);
    ssize_t n = fd < 0 ? -1 : read(fd, data, 1 << 20);

    if (n < 0)
        die(path);
    close(fd);
    *len = (size_t)n;
    return data;
}

static void send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n < 0)
            die("send");
        data += n;
        len -= (size_t)n;
    }
}

/* Reads one answer: its head, then a body of known length, chunked, or none. Returns the bytes read of the
 * body's part of the wire. A chunked body ends in "0\r\n\r\n"; looking at the last bytes is enough for what
 * our servers send. */
static char buf[1 << 20];

static uint64_t read_answer(int fd)
{
    size_t have = 0;
    char *end = NULL;
    uint64_t body, want;
    const char *length;

    while (!end) {
        ssize_t n = read(fd, buf + have, sizeof buf - 1 - have);

        if (n <= 0)
            die("read the head");
        have += (size_t)n;
        buf[have] = 0;
        end = strstr(buf, "\r\n\r\n");
    }
    if (strncmp(buf, "HTTP/1.1 20", 11) != 0) {
        fprintf(stderr, "unexpected: %.200s\n", buf);
        exit(1);
    }
    body = have - (size_t)(end + 4 - buf);
    *end = 0;
    length = strcasestr(buf, "\r\ncontent-length:");
    if (!strcasestr(buf, "\r\ntransfer-encoding:")) {
        want = length ? strtoull(length + 17, NULL, 10) : 0;
        while (body < want) {
            ssize_t n = read(fd, buf, sizeof buf);

            if (n <= 0)
                die("read the body");
            body += (uint64_t)n;
        }
        return body;
    }
    char tail[8] = "";
    memcpy(tail, buf + have - (body < 5 ? body : 5), body < 5 ? body : 5);
    while (memcmp(tail, "0\r\n\r\n", 5) != 0) {
        ssize_t n = read(fd, buf, sizeof buf);

        if (n <= 0)
            die("read the stream");
        body += (uint64_t)n;
        if (n >= 5) {
            memcpy(tail, buf + n - 5, 5);
        } else {
            memmove(tail, tail + n, (size_t)(5 - n));
            memcpy(tail + 5 - n, buf, (size_t)n);
        }
    }
    return body;
}

static void unary(const char *address, const char *file, int n)
{
    size_t len;
    char *request = load(file, &len);
    int fd = dial(address);

    for (int i = 0; i < n; i++) {
        uint64_t start = now_ns();

        send_all(fd, request, len);
        read_answer(fd);
        printf("%llu\n", (unsigned long long)(now_ns() - start));
    }
}

static void stream(const char *address, const char *file)
{
    size_t len;
    char *request = load(file, &len);
    int fd = dial(address);
    uint64_t start = now_ns(), bytes;

    send_all(fd, request, len);
    bytes = read_answer(fd);
    printf("%llu %llu\n", (unsigned long long)bytes, (unsigned long long)(now_ns() - start));
}

static void keys(const char *address, const char *start_file, const char *key_file, int n)
{
    size_t start_len, key_len;
    char *start_request = load(start_file, &start_len), *key = load(key_file, &key_len);
    int out = dial(address), in = dial(address);

    send_all(out, start_request, start_len);
    usleep(300000); /* the program is up and has made its terminal raw */
    while (recv(out, buf, sizeof buf, MSG_DONTWAIT) > 0)
        ;
    for (int i = 0; i < n; i++) {
        uint64_t start = now_ns();

        send_all(in, key, key_len);
        if (read(out, buf, sizeof buf) <= 0)
            die("read the echo");
        printf("%llu\n", (unsigned long long)(now_ns() - start));
        read_answer(in);
    }
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[2], "unary") == 0)
        unary(argv[1], argv[3], atoi(argv[4]));
    else if (argc == 4 && strcmp(argv[2], "stream") == 0)
        stream(argv[1], argv[3]);
    else if (argc == 6 && strcmp(argv[2], "keys") == 0)
        keys(argv[1], argv[3], argv[4], atoi(argv[5]));
    else
        return 2;
    return 0;
}
