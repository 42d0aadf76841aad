#include "stacyvm/read.h"

#include "core/base64.h"
#include "core/fd.h"
#include "core/limits.h"
#include "guest/fs/reader.h"

#define TAIL "\"}}" /* of the answer */

struct call {
    struct job job;
    struct stacyvm *service;
    struct dialog *dialog; /* the loop's; NULL: the connection has gone */
    struct fs_caller caller;
    char *path;
    struct fs_reader reader;
    bool busy;        /* a worker has it */
    bool opened;      /* SENDING */
    bool never;       /* the file system cannot say what is in memory */
    uint64_t offset;  /* of the next byte */
    uint8_t *block;   /* what a worker has read; NULL: nothing was needed of one yet */
    size_t len, size; /* bytes there; room */
    bool failed;
    struct err error;
};

int read_put_base64(struct chain *out, struct seg_pool *pool, const uint8_t *data, size_t n)
{
    while (n > 0) {
        size_t room, part;
        char *to = (char *)chain_reserve(out, pool, 4, &room);

        if (!to && pool) {
            pool = NULL;
            continue;
        }
        if (!to)
            return -1;
        part = MIN(n, room / 4 * 3);
        base64_encode(data, part, to);
        chain_commit(out, BASE64_LEN(part));
        data += part;
        n -= part;
    }
    return 0;
}

/* --- in a worker ----------------------------------------------------------------------------- */

static int read_error(struct call *x, int errnum)
{
    return err_set(&x->error, STATUS_INTERNAL, errnum, "read: read %s", x->path);
}

/* Room for a block, or for twice what there is. */
static int grow(struct call *x)
{
    size_t size = x->size ? 2 * x->size : STACYVM_BLOCK;
    uint8_t *more = realloc(x->block, size);

    if (!more)
        return err_nomem(&x->error, "read");
    x->block = more;
    x->size = size;
    return 0;
}

/* All of a file whose size is not known before its end. */
static int read_to_end(struct call *x)
{
    ssize_t n = 1;

    while (n > 0) {
        struct iovec iov;

        if (x->len == x->size && grow(x) < 0)
            return -1;
        if (x->len > STACYVM_UNSIZED_MAX)
            return err_set(&x->error, STATUS_RESOURCE_EXHAUSTED, 0,
                           "read: %s: more than %u bytes without a size", x->path,
                           (unsigned)STACYVM_UNSIZED_MAX);
        iov = (struct iovec){x->block + x->len, x->size - x->len};
        n = fs_reader_read(&x->reader, &iov, 1, x->len);
        if (n < 0)
            return read_error(x, errno);
        x->len += (size_t)n;
    }
    x->reader.size = x->len;
    return 0;
}

/* The next block of a file with a size: all of it, or the rest of the file. */
static int read_block(struct call *x)
{
    size_t want = (size_t)MIN((uint64_t)STACYVM_BLOCK, x->reader.size - x->offset);
    struct iovec iov;
    ssize_t n;

    if (!x->block && grow(x) < 0)
        return -1;
    iov = (struct iovec){x->block, want};
    n = fs_reader_read(&x->reader, &iov, 1, x->offset);
    if (n != (ssize_t)want) /* it has become shorter */
        return read_error(x, n < 0 ? errno : EIO);
    x->len = want;
    return 0;
}

static int open_file(struct call *x)
{
    if (fs_reader_open(x->path, false, &x->reader, &x->error) < 0)
        return err_wrap(&x->error, "read");
    return x->reader.kind == FS_READER_TO_END ? read_to_end(x) : 0;
}

static void run(struct job *j)
{
    struct call *x = CONTAINER_OF(j, struct call, job);

    x->failed = (x->opened ? read_block(x) : open_file(x)) < 0;
    if (x->failed)
        fd_close(&x->reader.fd);
}

/* --- on the loop ----------------------------------------------------------------------------- */

static void destroy(struct call *x)
{
    fs_caller_clear(&x->caller);
    fd_close(&x->reader.fd); /* opened for reading: nothing waits for it */
    free(x->block);
    free(x->path);
    free(x);
}

static void drop(struct dialog *d)
{
    struct call *x = d->call;

    if (x)
        x->dialog = NULL;
    if (x && !x->busy)
        destroy(x);
}

/* The frame's length, and the answer as far as the content. Returns 0, or -1: the call is over. */
static int begin_answer(struct call *x)
{
    struct dialog *d = x->dialog;
    struct chain head = {0};
    uint64_t total;
    struct writer w;
    struct err e;

    writer_init(&w, &head, NULL, STACYVM_FRAME_MAX);
    dialog_open(d, &w);
    writer_str(&w, ",\"result\":{\"content\":\"");
    if (writer_done(&w) < 0) {
        chain_clear(&head);
        dialog_fail(d);
        return -1;
    }
    total = head.bytes + BASE64_LEN(x->reader.size) + strlen(TAIL);
    if (total > STACYVM_FRAME_MAX) {
        chain_clear(&head);
        err_set(&e, STATUS_OUT_OF_RANGE, 0, "read: %s: %llu bytes are more than a frame takes", x->path,
                (unsigned long long)x->reader.size);
        dialog_error(d, e.text);
        return -1;
    }
    return dialog_head(d, (uint32_t)total, &head);
}

/* Appends the piece, and the answer's end behind the last one. */
static void send_piece(struct call *x, const uint8_t *data, size_t n)
{
    struct dialog *d = x->dialog;

    x->offset += n;
    if (read_put_base64(&d->conn->out, d->service->pool, data, n) < 0) {
        dialog_fail(d);
        return;
    }
    if (x->offset < x->reader.size)
        return;
    if (chain_copy(&d->conn->out, TAIL, strlen(TAIL)) < 0)
        dialog_fail(d);
    dialog_done(d);
}

static void ask_worker(struct call *x)
{
    struct err e;

    if (fs_submit(x->service->workers, &x->job, &x->caller, x->path, &e) == 0) {
        x->busy = true;
        return;
    }
    if (x->opened)
        dialog_fail(x->dialog); /* the answer has begun */
    else
        dialog_error(x->dialog, e.text);
}

/* Sends what the kernel has in memory, or has a worker read. */
static void produce(struct dialog *d)
{
    static uint8_t scratch[STACYVM_BLOCK];
    struct call *x = d->call;
    size_t want;
    ssize_t n = FS_READER_AGAIN;

    if (x->busy || !x->opened)
        return;
    if (x->len > 0) {
        want = x->len;
        x->len = 0;
        send_piece(x, x->block, want);
        return;
    }
    want = (size_t)MIN((uint64_t)STACYVM_BLOCK, x->reader.size - x->offset);
    if (!x->never && want > 0)
        n = fs_reader_try(&x->reader, &(struct iovec){scratch, want}, 1, x->offset, &x->never);
    if (n > 0 && n < (ssize_t)want)
        n -= n % 3; /* no padding in the middle */
    if (n > 0 || want == 0)
        send_piece(x, scratch, n > 0 ? (size_t)n : 0);
    else
        ask_worker(x);
}

static void done(struct job *j)
{
    struct call *x = CONTAINER_OF(j, struct call, job);
    struct dialog *d = x->dialog;

    x->busy = false;
    if (!d) {
        destroy(x);
    } else if (x->failed && x->opened) {
        dialog_fail(d); /* what was sent must not look whole */
    } else if (x->failed) {
        dialog_error(d, x->error.text);
    } else if (x->opened || begin_answer(x) == 0) {
        x->opened = true;
        conn_kick(d->conn);
    }
}

static void begin(struct dialog *d)
{
    struct call *x = calloc(1, sizeof *x);

    if (x)
        *x = (struct call){.job = {.run = run, .done = done},
                           .service = d->service,
                           .dialog = d,
                           .path = dialog_path(d->request.texts[FIELD_PATH]),
                           .reader = {.fd = -1}};
    d->call = x;
    if (!x || !x->path || fs_caller_init(&x->caller, NULL, d->service->settings->env, false) < 0)
        dialog_error(d, "read: out of memory");
    else if (!*d->request.texts[FIELD_PATH])
        dialog_error(d, "read: open: no such file or directory");
    else
        ask_worker(x);
}

const struct method stacyvm_read_file = {"read_file", 1 << FIELD_PATH, begin, produce, drop, NULL};
