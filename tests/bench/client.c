/* The bench's client: sends prepared requests and measures the answers, the same way to guestd and to its
 * counterparts.
 *
 *   client unary SOCKET REQUEST N
 *       N requests on one connection, one after the other, each until its whole answer is there; the second
 *       column is the body's size
 *   client keys SOCKET START KEY N
 *       START opens a stream; then N times KEY on another connection, until a byte comes on the stream
 *   client start SOCKET REQUEST N CPU PROGRAM [ARG...]
 *       N times: the program runs on that CPU until it answered the request once; the second column is the CPU
 *       time that it took
 *
 * It prints each time in ns. A REQUEST is a file that holds a whole HTTP/1.1 request. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LAST_CHUNK "0\r\n\r\n"

struct request {
    char data[8192];
    size_t len;
};

static char buf[1 << 20];

static long long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

_Noreturn static void die(const char *what)
{
    fprintf(stderr, "client: %s: %s\n", what, errno ? strerror(errno) : "closed");
    exit(1);
}

/* Connects a new socket. Returns -1 when nobody listens there yet. */
static int try_dial(const char *path)
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

static int dial(const char *path)
{
    int fd = try_dial(path);

    if (fd < 0)
        die(path);
    return fd;
}

static struct request load(const char *path)
{
    struct request r;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, r.data, sizeof r.data);

    if (n <= 0)
        die(path);
    close(fd);
    r.len = (size_t)n;
    return r;
}

static void send_request(int fd, const struct request *r)
{
    if (send(fd, r->data, r->len, MSG_NOSIGNAL) != (ssize_t)r->len)
        die("send");
}

static size_t read_some(int fd, char *into, size_t max)
{
    ssize_t n;

    errno = 0;
    n = read(fd, into, max);
    if (n <= 0)
        die("read");
    return (size_t)n;
}

/* Reads up to the head's end. Returns how much of the body came with it; it begins at *body. */
static size_t read_head(int fd, char **body)
{
    size_t have = 0;
    char *end = NULL;

    while (!end) {
        have += read_some(fd, buf + have, sizeof buf - 1 - have);
        buf[have] = 0;
        end = strstr(buf, "\r\n\r\n");
    }
    if (strncmp(buf, "HTTP/1.1 20", 11) != 0) {
        fprintf(stderr, "client: unexpected: %.400s\n", buf);
        exit(1);
    }
    *end = 0; /* the head is a string of its own from here on */
    *body = end + 4;
    return have - (size_t)(*body - buf);
}

/* Reads to the last chunk. What our servers send never looks like it anywhere else, so that its bytes at the
 * end of what was read are the end. Returns the body's size, framing included. */
static size_t read_chunks(int fd, const char *first, size_t n)
{
    char tail[5] = "";
    size_t all = n;

    for (;;) {
        if (n >= sizeof tail) {
            memcpy(tail, first + n - sizeof tail, sizeof tail);
        } else {
            memmove(tail, tail + n, sizeof tail - n);
            memcpy(tail + sizeof tail - n, first, n);
        }
        if (memcmp(tail, LAST_CHUNK, sizeof tail) == 0)
            return all;
        n = read_some(fd, buf, sizeof buf);
        all += n;
        first = buf;
    }
}

/* Reads one answer. Returns its body's size. */
static size_t read_answer(int fd)
{
    char *body, *field;
    size_t n = read_head(fd, &body), want;

    if (strcasestr(buf, "\r\ntransfer-encoding:"))
        return read_chunks(fd, body, n);
    field = strcasestr(buf, "\r\ncontent-length:");
    want = field ? strtoull(field + 17, NULL, 10) : 0;
    while (n < want)
        n += read_some(fd, buf, sizeof buf);
    return n;
}

static void unary(const char *path, const char *file, int n)
{
    struct request r = load(file);
    int fd = dial(path);

    while (n-- > 0) {
        long long start = now_ns();
        size_t size;

        send_request(fd, &r);
        size = read_answer(fd);
        printf("%lld %zu\n", now_ns() - start, size);
    }
}

/* Waits for the program's word that its terminal is raw. */
static void read_ready(int fd)
{
    char *body;
    size_t n = read_head(fd, &body);

    while (!memmem(body, n, "ready", 5)) {
        n = read_some(fd, buf, sizeof buf);
        body = buf;
    }
}

static void keys(const char *path, const char *start_file, const char *key_file, int n)
{
    struct request opening = load(start_file), key = load(key_file);
    int out = dial(path), in;

    send_request(out, &opening);
    read_ready(out);
    in = dial(path);
    while (n-- > 0) {
        long long start = now_ns();

        send_request(in, &key);
        read_some(out, buf, sizeof buf);
        printf("%lld\n", now_ns() - start);
        read_answer(in);
    }
}

/* vfork: the child must leave this CPU at once, on which its parent goes on to poll. */
static pid_t start_on(int cpu, char **command)
{
    pid_t pid = vfork();

    if (pid == 0) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set) == 0)
            execv(command[0], command);
        _exit(127);
    }
    return pid;
}

static void start(const char *path, const char *file, int n, int cpu, char **command)
{
    struct request r = load(file);

    while (n-- > 0) {
        struct rusage used;
        long long begin;
        pid_t pid;
        int fd;

        unlink(path);
        begin = now_ns();
        pid = start_on(cpu, command);
        while ((fd = try_dial(path)) < 0)
            if (waitpid(pid, NULL, WNOHANG) == pid)
                die("it ended before it listened");
        send_request(fd, &r);
        read_answer(fd);
        begin = now_ns() - begin;
        close(fd);
        kill(pid, SIGKILL);
        wait4(pid, NULL, 0, &used);
        printf("%lld %lld\n", begin,
               (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000LL +
                   (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000LL);
    }
}

int main(int argc, char **argv)
{
    const char *mode = argc > 3 ? argv[1] : "";

    if (argc == 5 && strcmp(mode, "unary") == 0)
        unary(argv[2], argv[3], atoi(argv[4]));
    else if (argc == 6 && strcmp(mode, "keys") == 0)
        keys(argv[2], argv[3], argv[4], atoi(argv[5]));
    else if (argc >= 7 && strcmp(mode, "start") == 0)
        start(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]), argv + 6);
    else
        return 2;
    return 0;
}
