#include "ctl/transfer.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/fd.h"
#include "ctl/client/rest.h"
#include "ctl/temp.h"

#define BLOCK     ((size_t)128 << 10) /* bytes of one read of a file, and of those that wait to be sent */
#define TURN_MAX  ((size_t)1 << 20)   /* bytes of one turn, then another file's */
#define WHOLE_MAX ((size_t)64 << 10)  /* a file up to so large goes with its request in one piece */

/* --- one after the other --------------------------------------------------------------------- */

void transfer_init(struct transfer *t, const struct ctl *ctl)
{
    *t = (struct transfer){.ctl = ctl, .fd = -1, .temp = -1};
}

/* The file here is done with, whole or not: what is not under its name yet goes. */
static void let_go(struct transfer *t)
{
    if (!t->borrowed)
        fd_close(&t->fd);
    t->fd = -1;
    if (t->temp >= 0)
        temp_remove(t->temp);
    t->temp = -1;
    free(TAKE(t->name));
    free(TAKE(t->final));
    t->state = TRANSFER_IDLE;
}

void transfer_close(struct transfer *t)
{
    let_go(t);
    wire_cancel(&t->client.wire);
    client_close(&t->client);
}

/* Gives the file up. Returns -1. */
static int fail(struct transfer *t)
{
    wire_cancel(&t->client.wire);
    let_go(t);
    return -1;
}

/* An error of a file here: the transfer goes no further, others do. */
static int fail_here(struct transfer *t, int errnum, const char *what, struct answer_error *e)
{
    e->from_agent = true; /* and the connection is not to blame */
    err_set(&e->err, STATUS_UNKNOWN, errnum, "%s", what);
    return fail(t);
}

/* A connection and the fields of a request on it. Returns 0, or -1 with *e. */
static int prepare(struct transfer *t, const struct transfer_file *f, const char *name,
                   struct http_fields *fields, struct answer_error *e)
{
    e->from_agent = false;
    t->moved = t->offset = f->offset;
    t->begun = t->borrowed = false;
    t->name = strdup(name);
    if (!t->name)
        return err_nomem(&e->err, "copy a file");
    if (client_reuse(&t->client, t->ctl, &e->err) < 0)
        return -1;
    return client_put_fields(&t->client, NULL, fields, &e->err);
}

/* "/files" and the query that both ways have. */
static int put_path(struct buffer *path, const struct transfer_file *f)
{
    int ret = buffer_add(path, "/files", 6);

    if (ret == 0)
        ret = rest_query(path, "path", bytes_of(f->there));
    return ret == 0 && f->user ? rest_query(path, "username", bytes_of(f->user)) : ret;
}

/* --- to the guest ---------------------------------------------------------------------------- */

/* "12.5" of the time, also before 1970: there the fraction of a timespec counts upwards. */
static void time_text(struct timespec t, char out[48])
{
    bool negative = t.tv_sec < 0;

    if (negative && t.tv_nsec > 0)
        t = (struct timespec){t.tv_sec + 1, 1000000000 - t.tv_nsec};
    snprintf(out, 48, "%s%lld.%09ld", negative ? "-" : "", (long long)(negative ? -t.tv_sec : t.tv_sec),
             t.tv_nsec);
}

/* What the query of an upload says of the file. Nothing is synced: who copies a tree would wait for each file, as with cp. */
static int put_upload(struct buffer *path, const struct transfer_file *f, const struct stat *st)
{
    char text[48];
    int ret = put_path(path, f);

    snprintf(text, sizeof text, "%llu", (unsigned long long)f->offset);
    if (ret == 0)
        ret = rest_query(path, "fsync", BYTES_LIT("none"));
    if (ret == 0 && f->offset > 0)
        ret = rest_query(path, "offset", bytes_of(text));
    else if (ret == 0 && !f->partial)
        ret = rest_query(path, "atomic", BYTES_LIT("1"));
    if (ret < 0 || !f->here) /* standard input has neither */
        return ret;
    snprintf(text, sizeof text, "%04o", (unsigned)st->st_mode & 07777);
    ret = rest_query(path, "mode", bytes_of(text));
    time_text(st->st_mtim, text);
    return ret == 0 ? rest_query(path, "mtime", bytes_of(text)) : ret;
}

/* Sends a small file with its request. Returns 0, or -1 with *e. */
static int send_whole(struct transfer *t, const struct buffer *path, struct http_fields *fields,
                      struct answer_error *e)
{
    static char block[WHOLE_MAX];
    size_t n = 0, max = t->left > 0 ? (size_t)t->left : sizeof block; /* of proc(5)'s files the size is 0 */

    while (n < max) {
        ssize_t got = RETRY_EINTR(read(t->fd, block + n, max - n));

        if (got < 0)
            return fail_here(t, errno, "read", e);
        if (got == 0)
            break;
        n += (size_t)got;
    }
    fd_close(&t->fd);
    t->left = 0;
    t->moved += n;
    t->state = TRANSFER_ANSWERED;
    return rest_upload(&t->client.wire, path, fields, (struct bytes){block, n}, &e->err);
}

static int begin_up(struct transfer *t, const struct transfer_file *f, struct http_fields *fields,
                    struct buffer *path, struct answer_error *e)
{
    struct stat st;

    t->borrowed = !f->here;
    t->fd = f->here ? open(f->here, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : STDIN_FILENO;
    if (t->fd < 0 || fstat(t->fd, &st) < 0)
        return fail_here(t, errno, "open", e);
    t->regular = S_ISREG(st.st_mode);
    if (f->here && !t->regular)
        return fail_here(t, 0, "neither a file, a directory nor a link", e);
    if (f->offset > 0 && lseek(t->fd, (off_t)f->offset, SEEK_SET) < 0)
        return fail_here(t, errno, "seek", e);
    t->left = f->here ? (uint64_t)st.st_size - MIN(f->offset, (uint64_t)st.st_size) : UINT64_MAX;
    if (put_upload(path, f, &st) < 0)
        return err_nomem(&e->err, "copy a file");
    if (t->left <= WHOLE_MAX)
        return send_whole(t, path, fields, e);
    t->state = TRANSFER_SENDING;
    return rest_upload_begin(&t->client.wire, path, fields, t->left, &e->err);
}

int transfer_up(struct transfer *t, const struct transfer_file *f, struct answer_error *e)
{
    struct http_fields fields = {0};
    struct buffer path = {0};
    int ret = prepare(t, f, f->here ? f->here : "-", &fields, e);

    if (ret == 0)
        ret = begin_up(t, f, &fields, &path, e);
    http_fields_clear(&fields);
    buffer_clear(&path);
    return ret < 0 ? fail(t) : 0;
}

/* Whether a read would not block. */
static bool can_read(const struct transfer *t)
{
    struct pollfd p = {.fd = t->fd, .events = POLLIN};

    return t->regular || poll(&p, 1, 0) > 0;
}

/* Sends what can be of the file. Returns 0, or -1 with *e. */
static int feed(struct transfer *t, struct answer_error *e)
{
    static uint8_t block[BLOCK];
    struct wire *w = &t->client.wire;

    for (size_t sent = 0;
         t->left > 0 && sent < TURN_MAX && wire_unsent(w) < BLOCK && !w->complete && can_read(t);) {
        ssize_t n = RETRY_EINTR(read(t->fd, block, (size_t)MIN(t->left, (uint64_t)sizeof block)));

        if (n < 0)
            return fail_here(t, errno, "read", e);
        if (n == 0 && t->left != UINT64_MAX)
            return fail_here(t, 0, "it became shorter while it was read", e);
        t->left = n == 0 ? 0 : t->left - (t->left == UINT64_MAX ? 0 : (uint64_t)n);
        t->moved += (uint64_t)n;
        sent += (size_t)n;
        if (wire_send(w, block, (size_t)n, &e->err) < 0)
            return fail(t);
    }
    if (t->left > 0)
        return 0;
    t->state = TRANSFER_ANSWERED;
    return wire_end(w, &e->err) < 0 ? fail(t) : 0;
}

/* --- from the guest -------------------------------------------------------------------------- */

/* Opens what the content goes to. A file that is there and no regular one (/dev/null) is written as it is. */
static int open_here(struct transfer *t, const struct transfer_file *f)
{
    struct stat st;

    t->borrowed = !f->here;
    if (!f->here)
        return t->fd = STDOUT_FILENO;
    if (f->partial)
        return t->fd =
                   open(f->here, O_WRONLY | O_CREAT | (f->offset > 0 ? 0 : O_TRUNC) | O_NOFOLLOW | O_CLOEXEC,
                        0600);
    if (lstat(f->here, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) {
        t->has_meta = false;
        return t->fd = open(f->here, O_WRONLY | O_CLOEXEC);
    }
    t->final = strdup(f->here);
    return t->fd = t->final ? temp_make(f->here, &t->temp) : -1;
}

int transfer_down(struct transfer *t, const struct transfer_file *f, struct answer_error *e)
{
    struct http_fields fields = {0};
    struct buffer path = {0};
    int ret = prepare(t, f, f->there, &fields, e);

    t->has_meta = f->has_meta;
    t->mode = f->mode;
    t->modified = f->modified;
    if (ret == 0 && open_here(t, f) < 0)
        ret = fail_here(t, errno, f->here, e);
    if (ret == 0)
        ret = put_path(&path, f) < 0 ? err_nomem(&e->err, "copy a file")
                                     : rest_download(&t->client.wire, &path, &fields, f->offset,
                                                     bytes_of(f->validator), &e->err);
    http_fields_clear(&fields);
    buffer_clear(&path);
    if (ret < 0)
        return fail(t);
    t->state = TRANSFER_RECEIVING;
    return 0;
}

/* The answer has begun: its content is the file's, from the beginning or from where we left off. Returns 0, or -1 with *e. */
static int judge(struct transfer *t, struct answer_error *e)
{
    const struct wire *w = &t->client.wire;
    off_t from = w->status == 206 ? (off_t)t->offset : 0;

    t->begun = true;
    if (w->status == 206 && rest_range_start(w) != from)
        return fail_here(t, 0, "the answer is another part of the file", e);
    t->moved = (uint64_t)from;
    if (t->offset > 0 && (ftruncate(t->fd, from) < 0 || lseek(t->fd, from, SEEK_SET) < 0))
        return fail_here(t, errno, "write", e);
    return 0;
}

/* Writes what has come. Returns 0, or -1 with *e. */
static int store(struct transfer *t, struct answer_error *e)
{
    struct wire *w = &t->client.wire;

    while (buffer_len(&w->in) > 0) {
        struct bytes in = buffer_bytes(&w->in);
        ssize_t n = RETRY_EINTR(write(t->fd, in.ptr, in.len));

        if (n < 0)
            return fail_here(t, errno, "write", e);
        buffer_take(&w->in, (size_t)n);
        t->moved += (uint64_t)n;
    }
    return 0;
}

/* All has come: the file gets its bits, its time and its name. Returns 1, or -1 with *e. */
static int finish(struct transfer *t, struct answer_error *e)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, t->modified};

    if (t->has_meta && !t->borrowed && (fchmod(t->fd, t->mode & 0777) < 0 || futimens(t->fd, times) < 0))
        return fail_here(t, errno, "set mode and time", e);
    if (t->final && rename(temp_name(t->temp), t->final) < 0)
        return fail_here(t, errno, t->final, e);
    if (t->final)
        temp_forget(t->temp);
    t->temp = -1;
    let_go(t);
    return 1;
}

static int receive(struct transfer *t, struct answer_error *e)
{
    const struct wire *w = &t->client.wire;

    if (w->status != 200 && w->status != 206)
        return w->complete ? (rest_error(w, e), fail(t)) : 0;
    if (!t->begun && judge(t, e) < 0)
        return -1;
    if (store(t, e) < 0)
        return -1;
    return w->complete ? finish(t, e) : 0;
}

/* --- both ------------------------------------------------------------------------------------ */

struct pollfd transfer_poll(const struct transfer *t, struct pollfd *input)
{
    struct pollfd p = client_poll(&t->client);
    bool hungry = t->state == TRANSFER_SENDING && wire_unsent(&t->client.wire) < BLOCK;

    *input = (struct pollfd){.fd = hungry && !t->regular ? t->fd : -1, .events = POLLIN};
    if (hungry && t->regular)
        p.events |= POLLOUT;
    if (t->state == TRANSFER_IDLE)
        p.fd = -1;
    return p;
}

/* The answer to an upload is complete. Returns 1, or -1 with *e. */
static int uploaded(struct transfer *t, struct answer_error *e)
{
    if (t->client.wire.status >= 300 || t->client.wire.status < 200) {
        rest_error(&t->client.wire, e);
        return fail(t);
    }
    let_go(t);
    return 1;
}

int transfer_turn(struct transfer *t, struct answer_error *e)
{
    int ret;

    e->from_agent = false;
    if (t->state == TRANSFER_SENDING && feed(t, e) < 0)
        return -1;
    ret = wire_step(&t->client.wire, &e->err);
    if (t->state == TRANSFER_RECEIVING && t->client.wire.status != 0 && (ret >= 0 || t->client.wire.complete))
        return receive(t, e);
    if (ret < 0)
        return fail(t);
    return ret == 1 ? uploaded(t, e) : 0;
}
