#include "guest/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "core/fd.h"
#include "core/limits.h"

/* --- the text -------------------------------------------------------------------------------- */

struct edit {
    char *out;
    size_t len;
    const char *address, *name;
    bool there; /* an entry says it already */
};

static void put(struct edit *e, const char *s, size_t n)
{
    memcpy(e->out + e->len, s, n);
    e->len += n;
}

/* Takes the next word off the front of an entry; empty at its end. */
static struct bytes next_word(struct bytes *rest)
{
    struct bytes word;

    while (rest->len > 0 && strchr(" \t\r", *rest->ptr))
        *rest = (struct bytes){rest->ptr + 1, rest->len - 1};
    word = (struct bytes){rest->ptr, 0};
    while (word.len < rest->len && !strchr(" \t\r", rest->ptr[word.len]))
        word.len++;
    *rest = (struct bytes){rest->ptr + word.len, rest->len - word.len};
    return word;
}

static bool names(struct bytes entry, const char *name)
{
    struct bytes word;

    next_word(&entry); /* the address */
    while ((word = next_word(&entry)).len > 0)
        if (bytes_are(word, name))
            return true;
    return false;
}

/* The entry without the name, and nothing where no name is left. */
static void put_without(struct edit *e, struct bytes entry, struct bytes comment)
{
    struct bytes address = next_word(&entry), word;
    size_t names_left = 0, start = e->len;

    put(e, address.ptr, address.len);
    while ((word = next_word(&entry)).len > 0) {
        if (bytes_are(word, e->name))
            continue;
        put(e, names_left++ ? " " : "\t", 1);
        put(e, word.ptr, word.len);
    }
    if (names_left == 0)
        e->len = start;
    else if (comment.len > 0)
        put(e, " ", 1);
    put(e, comment.ptr, comment.len);
    if (e->len > start)
        put(e, "\n", 1);
}

/* A line without its end. */
static void put_line(struct edit *e, struct bytes line)
{
    const char *hash = line.len ? memchr(line.ptr, '#', line.len) : NULL;
    struct bytes entry = {line.ptr, hash ? (size_t)(hash - line.ptr) : line.len}, rest = entry;
    struct bytes comment = {entry.ptr + entry.len, line.len - entry.len};
    bool named = names(entry, e->name), ours = bytes_are(next_word(&rest), e->address);

    if (named && (!ours || e->there)) {
        put_without(e, entry, comment);
        return;
    }
    e->there |= named;
    put(e, line.ptr, line.len);
    put(e, "\n", 1);
}

char *hosts_edit(struct bytes text, const char *address, const char *name, size_t *len)
{
    struct edit e = {.address = address, .name = name};

    /* A line may grow by its end. */
    e.out = malloc(text.len + 1 + strlen(address) + strlen(name) + 4);
    if (!e.out)
        return NULL;
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t n = end ? (size_t)(end - text.ptr) : text.len;

        put_line(&e, (struct bytes){text.ptr, n});
        text = (struct bytes){text.ptr + n + (end != NULL), text.len - n - (end != NULL)};
    }
    if (!e.there) {
        put(&e, address, strlen(address));
        put(&e, "\t", 1);
        put(&e, name, strlen(name));
        put(&e, "\n", 1);
    }
    *len = e.len;
    return e.out;
}

/* --- the file -------------------------------------------------------------------------------- */

/* Over the old text, whose rest is cut off behind it: a reader sees one or the other, or some of both. */
static int overwrite(int fd, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = RETRY_EINTR(pwrite(fd, text + at, len - at, (off_t)at));

        if (n < 0)
            return -1;
        at += (size_t)n;
    }
    return ftruncate(fd, (off_t)len);
}

static int edit_file(int fd, const char *address, const char *name, struct err *e)
{
    CLEANUP_FREE char *old = malloc(HOSTS_FILE_MAX + 1), *new = NULL;
    size_t have = 0, len = 0;
    ssize_t n = 1;

    while (old && n > 0 && have <= HOSTS_FILE_MAX) {
        n = RETRY_EINTR(read(fd, old + have, HOSTS_FILE_MAX + 1 - have));
        have += n > 0 ? (size_t)n : 0;
    }
    if (n < 0)
        return err_set(e, STATUS_INTERNAL, errno, "read");
    if (have > HOSTS_FILE_MAX)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "it is larger than %zu bytes",
                       (size_t)HOSTS_FILE_MAX);
    new = old ? hosts_edit((struct bytes){old, have}, address, name, &len) : NULL;
    if (!new)
        return err_nomem(e, "edit");
    if (len == have && memcmp(old, new, len) == 0)
        return 0;
    return overwrite(fd, new, len) < 0 ? err_set(e, STATUS_INTERNAL, errno, "write") : 0;
}

int hosts_set(const char *path, const char *address, const char *name, struct err *e)
{
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    CLEANUP_FD int fd = RETRY_EINTR(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    int ret;

    if (fd < 0)
        return err_set(e, STATUS_INTERNAL, errno, "open %s", path);
    pthread_mutex_lock(&turn);
    ret = edit_file(fd, address, name, e);
    pthread_mutex_unlock(&turn);
    return ret < 0 ? err_wrap(e, "%s", path) : 0;
}
