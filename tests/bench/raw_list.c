/* The raw limit of ListDir: getdents, sort, stat and llistxattr of each entry, format, send. One thread, epoll.
 * It knows regular files only, which are not empty and whose times need nine digits, and one owner.
 *
 *   raw_list SOCKET proto|json DIRECTORY OWNER */
#include "raw.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#define ENTRIES_MAX 16384
#define PERMISSIONS "-rw-r--r--"

struct entry {
    const char *name, *path;
    size_t name_len, path_len;
    struct stat st;
};

static const char *directory, *owner;
static size_t directory_len, owner_len;
static char names[1 << 20], answer[1 << 23], head[256], *out;

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t read_names(int dir, char **list)
{
    static char buf[1 << 15];
    char *at = names;
    size_t count = 0;
    ssize_t n;

    while ((n = getdents64(dir, buf, sizeof buf)) > 0) {
        const struct dirent64 *d;

        for (char *p = buf; p < buf + n; p += d->d_reclen) {
            d = (const struct dirent64 *)(const void *)p;
            if (d->d_type != DT_REG) /* . and .. */
                continue;
            if (count == ENTRIES_MAX || at + sizeof d->d_name > names + sizeof names)
                raw_die("so many names");
            list[count++] = at;
            at = stpcpy(at, d->d_name) + 1;
        }
    }
    return count;
}

static void put(const void *data, size_t n)
{
    memcpy(out, data, n);
    out += n;
}

/* --- protobuf -------------------------------------------------------------------------------- */

static void put_varint(uint64_t v)
{
    for (; v >= 128; v >>= 7)
        *out++ = (char)(v | 128);
    *out++ = (char)v;
}

static void put_number(char tag, uint64_t v)
{
    *out++ = tag;
    put_varint(v);
}

static void put_text(char tag, const char *s, size_t n)
{
    put_number(tag, n);
    put(s, n);
}

static void put_time(const struct timespec *t)
{
    char *length;

    *out++ = 0x4a;
    length = out++;
    put_number(0x08, (uint64_t)t->tv_sec);
    put_number(0x10, (uint64_t)t->tv_nsec);
    *length = (char)(out - length - 1);
}

static void put_proto(const struct entry *e)
{
    static char body[PATH_MAX + 1024];
    char *at = out;
    size_t len;

    out = body;
    put_text(0x0a, e->name, e->name_len);
    put_number(0x10, 1);
    put_text(0x1a, e->path, e->path_len);
    put_number(0x20, (uint64_t)e->st.st_size);
    put_number(0x28, e->st.st_mode & 0777);
    put_text(0x32, PERMISSIONS, sizeof PERMISSIONS - 1);
    put_text(0x3a, owner, owner_len);
    put_text(0x42, owner, owner_len);
    put_time(&e->st.st_mtim);
    len = (size_t)(out - body);
    out = at;
    put_text(0x0a, body, len);
}

/* --- JSON ------------------------------------------------------------------------------------ */

#define PUT(literal) put(literal, sizeof(literal) - 1)

static void put_decimal(uint64_t v, int digits)
{
    char text[20], *p = text + sizeof text;

    do {
        *--p = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0 || text + sizeof text - p < digits);
    put(p, (size_t)(text + sizeof text - p));
}

static void put_timestamp(const struct timespec *t)
{
    struct tm tm;

    gmtime_r(&t->tv_sec, &tm);
    put_decimal((uint64_t)tm.tm_year + 1900, 4);
    PUT("-");
    put_decimal((uint64_t)tm.tm_mon + 1, 2);
    PUT("-");
    put_decimal((uint64_t)tm.tm_mday, 2);
    PUT("T");
    put_decimal((uint64_t)tm.tm_hour, 2);
    PUT(":");
    put_decimal((uint64_t)tm.tm_min, 2);
    PUT(":");
    put_decimal((uint64_t)tm.tm_sec, 2);
    PUT(".");
    put_decimal((uint64_t)t->tv_nsec, 9);
    PUT("Z");
}

/* A string may hold what has to be escaped: it is looked at byte by byte. */
static void put_string(const char *s, size_t n)
{
    *out++ = '"';
    for (; n > 0; n--, s++) {
        if ((unsigned char)*s < 0x20 || *s == '"' || *s == '\\')
            raw_die("a name that JSON escapes");
        *out++ = *s;
    }
    *out++ = '"';
}

static void put_json(const struct entry *e)
{
    PUT("{\"name\":");
    put_string(e->name, e->name_len);
    PUT(",\"type\":\"FILE_TYPE_FILE\",\"path\":");
    put_string(e->path, e->path_len);
    PUT(",\"size\":\"");
    put_decimal((uint64_t)e->st.st_size, 1);
    PUT("\",\"mode\":");
    put_decimal(e->st.st_mode & 0777, 1);
    PUT(",\"permissions\":\"" PERMISSIONS "\",\"owner\":");
    put_string(owner, owner_len);
    PUT(",\"group\":");
    put_string(owner, owner_len);
    PUT(",\"modifiedTime\":\"");
    put_timestamp(&e->st.st_mtim);
    PUT("\"}");
}

/* --- the listing ----------------------------------------------------------------------------- */

static void describe(int dir, const char *name, bool json)
{
    static char path[PATH_MAX], attributes[1024];
    struct entry e = {.name = name, .path = path, .name_len = strlen(name)};

    memcpy(path, directory, directory_len);
    path[directory_len] = '/';
    memcpy(path + directory_len + 1, name, e.name_len + 1);
    e.path_len = directory_len + 1 + e.name_len;
    if (fstatat(dir, name, &e.st, AT_SYMLINK_NOFOLLOW) < 0 ||
        llistxattr(path, attributes, sizeof attributes) < 0)
        raw_die(path);
    if ((e.st.st_mode & 07777) != 0644)
        raw_die("another mode");
    if (json)
        put_json(&e);
    else
        put_proto(&e);
}

/* The body, up to `out`. */
static void list(bool json)
{
    static char *sorted[ENTRIES_MAX];
    int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    size_t count = read_names(dir, sorted);

    qsort(sorted, count, sizeof *sorted, by_bytes);
    out = answer;
    if (json)
        PUT("{\"entries\":[");
    for (size_t i = 0; i < count; i++) {
        if ((size_t)(answer + sizeof answer - out) < 2 * PATH_MAX)
            raw_die("so long an answer");
        if (json && i > 0)
            PUT(",");
        describe(dir, sorted[i], json);
    }
    if (json)
        PUT("]}");
    close(dir);
}

static void serve(int fd, bool json)
{
    struct iovec iov[2] = {{head, 0}, {answer, 0}};

    list(json);
    iov[1].iov_len = (size_t)(out - answer);
    iov[0].iov_len = (size_t)snprintf(head, sizeof head,
                                      "HTTP/1.1 200 OK\r\nContent-Type: application/%s\r\nContent-Length: "
                                      "%zu\r\n\r\n",
                                      json ? "json" : "proto", iov[1].iov_len);
    raw_send(fd, iov, 2);
}

int main(int argc, char **argv)
{
    struct epoll_event events[16];
    int listener, ep;

    if (argc != 5)
        return 2;
    directory = argv[3];
    directory_len = strlen(directory);
    owner = argv[4];
    owner_len = strlen(owner);
    listener = raw_listen(argv[1]);
    ep = epoll_create1(EPOLL_CLOEXEC);
    raw_watch(ep, listener);
    for (;;) {
        int n = epoll_wait(ep, events, 16, -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            char request[16384];

            if (fd == listener)
                raw_watch(ep, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
            else if (recv(fd, request, sizeof request, 0) <= 0)
                close(fd);
            else
                serve(fd, strcmp(argv[2], "json") == 0);
        }
    }
}
