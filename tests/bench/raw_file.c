/* The raw limit of files: one thread, epoll, and a request is served to its end with blocking calls. The file is
 * the one that the request names behind `path=`, without escapes.
 *
 *   raw_file SOCKET put BLOCK ANSWER_FILE    writes the body, BLOCK bytes at a time
 *   raw_file SOCKET get BLOCK HEAD_FILE      reads the file likewise; BLOCK 0: sendfile(2) */
#include "raw.h"

#include <stdbool.h>
#include <sys/sendfile.h>

enum { REQUEST_MAX = 16384, BLOCK_MAX = 1 << 20 };

static char buf[REQUEST_MAX + BLOCK_MAX];
static char text[REQUEST_MAX]; /* what is answered, or how an answer begins */
static size_t text_len, block;

static void send_all(int fd, void *data, size_t n)
{
    struct iovec iov = {data, n};

    raw_send(fd, &iov, 1);
}

static void write_all(int file, const char *data, size_t n)
{
    if (write(file, data, n) != (ssize_t)n)
        raw_die("write");
}

/* Opens the file that the request in `buf` names. */
static int open_named(int flags)
{
    char *path = strstr(buf, "path="), *end = path ? strchr(path, ' ') : NULL;
    int file;

    if (!end)
        raw_die("a request without a path");
    *end = 0;
    file = open(path + 5, flags | O_CLOEXEC, 0666);
    *end = ' ';
    if (file < 0)
        raw_die("open");
    return file;
}

/* `n` bytes of the request have come: its whole head, and the beginning of its body. */
static void put(int fd, size_t n)
{
    char *end = strstr(buf, "\r\n\r\n"), *length = strstr(buf, "Content-Length: ");
    size_t left, have;
    int file = open_named(O_WRONLY | O_CREAT | O_TRUNC);

    if (!end || !length)
        raw_die("a request without a length");
    left = strtoull(length + 16, NULL, 10);
    have = n - (size_t)(end + 4 - buf);
    write_all(file, end + 4, have);
    for (left -= have; left > 0; left -= have) {
        ssize_t more = recv(fd, buf, left < block ? left : block, 0);

        if (more <= 0)
            raw_die("recv");
        have = (size_t)more;
        write_all(file, buf, have);
    }
    close(file);
    send_all(fd, text, text_len);
}

static void get_by_sendfile(int fd, int file)
{
    ssize_t n;

    if (send(fd, text, text_len, MSG_MORE) != (ssize_t)text_len)
        raw_die("send");
    do
        n = sendfile(fd, file, NULL, BLOCK_MAX);
    while (n > 0);
    if (n < 0)
        raw_die("sendfile");
}

/* The head leaves with the first block. */
static void get_by_read(int fd, int file)
{
    size_t head = text_len;
    ssize_t n;

    memcpy(buf, text, text_len);
    do {
        n = read(file, buf + head, block);
        if (n < 0)
            raw_die("read");
        send_all(fd, buf, head + (size_t)n);
        head = 0;
    } while (n == (ssize_t)block);
}

static void get(int fd)
{
    int file = open_named(O_RDONLY);

    if (block)
        get_by_read(fd, file);
    else
        get_by_sendfile(fd, file);
    close(file);
}

static void load(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(file, text, sizeof text);

    if (n <= 0)
        raw_die(path);
    close(file);
    text_len = (size_t)n;
}

/* Serves one request. Returns false at the end of the connection. */
static bool serve(int fd, bool upload)
{
    ssize_t n = recv(fd, buf, REQUEST_MAX - 1, 0);

    if (n <= 0)
        return false;
    buf[n] = 0;
    if (upload)
        put(fd, (size_t)n);
    else
        get(fd);
    return true;
}

int main(int argc, char **argv)
{
    struct epoll_event events[16];
    bool upload;
    int listener, ep;

    if (argc != 5)
        return 2;
    upload = strcmp(argv[2], "put") == 0;
    block = strtoull(argv[3], NULL, 10);
    load(argv[4]);
    listener = raw_listen(argv[1]);
    ep = epoll_create1(EPOLL_CLOEXEC);
    raw_watch(ep, listener);
    for (;;) {
        int n = epoll_wait(ep, events, 16, -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;

            if (fd == listener)
                raw_watch(ep, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
            else if (!serve(fd, upload))
                close(fd);
        }
    }
}
