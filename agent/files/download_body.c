#include "files/download_body.h"

#include <errno.h>
#include <unistd.h>

#include "core/fd.h"

/* What can be sent next. */
enum supply { SUPPLY_DATA, SUPPLY_END, SUPPLY_WAIT, SUPPLY_STARVED, SUPPLY_BROKEN };

static struct seg_pool *pool_of(const struct files *f)
{
    return f->http->net->pool;
}

static struct loop *loop_of(const struct files *f)
{
    return f->http->net->loop;
}

/* --- memory to read into --------------------------------------------------------------------- */

enum { ROOM_SEGS = DOWNLOAD_BLOCK / SEG_SIZE };

struct room {
    struct seg *segs[ROOM_SEGS];
    struct iovec iov[ROOM_SEGS];
    int count;
};

static void room_clear(struct room *r)
{
    for (int i = 0; i < r->count; i++)
        seg_unref(r->segs[i]);
    r->count = 0;
}

/* Segments for at most `want` bytes (> 0), fewer when the pool is short. Returns false when there is none. */
static bool room_take(struct room *r, struct seg_pool *pool, size_t want)
{
    r->count = 0;
    want = MIN(want, (size_t)DOWNLOAD_BLOCK);
    while (want > 0) {
        struct seg *s = want > SEG_LARGE / 2 ? seg_get_large(pool) : NULL;

        if (!s)
            s = seg_get(pool);
        if (!s)
            break;
        r->iov[r->count] = (struct iovec){s->data, MIN(want, s->cap)};
        want -= r->iov[r->count].iov_len;
        r->segs[r->count++] = s;
    }
    return r->count > 0;
}

/* The first n bytes of the room go to the chain, the rest of it back to the pool. Returns 0 or -1 without memory. */
static int room_give(struct room *r, size_t n, struct chain *out)
{
    int ret = 0;

    for (int i = 0; i < r->count; i++) {
        size_t len = MIN(n, (size_t)r->segs[i]->cap);

        r->segs[i]->used = (uint32_t)len;
        if (len == 0)
            seg_unref(r->segs[i]);
        else if (chain_give(out, r->segs[i], r->segs[i]->data, len) < 0)
            ret = -1;
        n -= len;
    }
    r->count = 0;
    return ret;
}

/* --- closing --------------------------------------------------------------------------------- */

struct close_job {
    struct job job;
    int fd;
};

static void close_run(struct job *j)
{
    fd_close(&CONTAINER_OF(j, struct close_job, job)->fd);
}

static void close_done(struct job *j)
{
    free(CONTAINER_OF(j, struct close_job, job));
}

/* Closing a file may ask its file system, which may not answer. */
static void close_file(struct files *f, int *fd, uint64_t lane)
{
    struct close_job *c = *fd >= 0 ? calloc(1, sizeof *c) : NULL;
    struct err e;

    if (!c) {
        fd_close(fd);
        return;
    }
    c->job.run = close_run;
    c->job.done = close_done;
    c->fd = fd_take(fd);
    if (fs_submit_again(&f->workers, &c->job, lane, &e) < 0) {
        fd_close(&c->fd);
        free(c);
    }
}

/* --- reading in a worker --------------------------------------------------------------------- */

struct read_job {
    struct job job;
    struct files *files;
    ticket body;
    struct fs_reader reader; /* has the descriptor */
    uint64_t offset;
    struct room room;
    struct fs_pipe pipe; /* instead of the room, if there is one */
    uint64_t most;       /* bytes to put there */
    ssize_t got;
    int errnum;
};

static void read_run(struct job *j)
{
    struct read_job *r = CONTAINER_OF(j, struct read_job, job);

    if (r->pipe.in >= 0)
        r->got = fs_pipe_fill(&r->pipe, &r->reader, r->offset, (size_t)r->most);
    else
        r->got = fs_reader_read(&r->reader, r->room.iov, r->room.count, r->offset);
    r->errnum = errno;
}

/* n bytes were read into the room (0: the file's end; or AGAIN, or -1). */
static void came(struct download_body *b, struct room *room, ssize_t n)
{
    if (n > 0) {
        b->offset += (uint64_t)n;
        b->left -= b->reader.kind == FS_READER_SIZED ? (uint64_t)n : 0;
        if (room_give(room, (size_t)n, &b->ready) < 0)
            b->broken = true;
        return;
    }
    room_clear(room);
    if (n == 0 && b->reader.kind != FS_READER_SIZED)
        b->left = 0;
    else if (n != FS_READER_AGAIN) /* an error, or it has become shorter */
        b->broken = true;
}

/* A pipe came back. */
static void came_in_pipe(struct download_body *b, const struct read_job *r)
{
    b->filled = r->pipe;
    b->offset += r->pipe.bytes;
    b->left -= r->pipe.bytes;
    if (r->got < 0 && r->errnum == EINVAL)
        b->no_pipe = true;
    else if (r->pipe.bytes == 0) /* an error, or it has become shorter */
        b->broken = true;
}

static void on_readable(struct ev_loop *ev, ev_io *w, int revents);

static void wait_readable(struct download_body *b)
{
    if (!b->readable.data)
        ev_io_init(&b->readable, on_readable, b->reader.fd, EV_READ);
    b->readable.data = b;
    loop_watch(loop_of(b->files), &b->readable, EV_READ);
}

static void read_done(struct job *j)
{
    struct read_job *r = CONTAINER_OF(j, struct read_job, job);
    struct download_body *b = ticket_find(&r->files->waiting, r->body);

    if (b) {
        b->reading = false;
        b->reader.fd = fd_take(&r->reader.fd);
        if (r->pipe.in >= 0)
            came_in_pipe(b, r);
        else
            came(b, &r->room, r->got);
        if (r->got == FS_READER_AGAIN)
            wait_readable(b);
        else
            http_kick(b->x);
    } else {
        room_clear(&r->room);
        fs_pipe_close(&r->pipe);
        if (r->reader.kind == FS_READER_WAITS) /* it may be known to epoll */
            loop_close_fd(loop_of(r->files), &r->reader.fd);
        else
            close_file(r->files, &r->reader.fd, r->job.lane);
    }
    free(r);
}

/* Bytes that may be read at once. */
static size_t portion(const struct download_body *b, size_t most)
{
    return (size_t)MIN((uint64_t)seg_pool_portion(pool_of(b->files), most), b->left);
}

/* A FIFO that nobody has written to looks as one that all have left: its first byte is waited for. */
static bool wait_for_writer(struct download_body *b)
{
    if (!b->reader.fifo || b->waited)
        return false;
    b->waited = true;
    wait_readable(b);
    return true;
}

static struct read_job *read_job_new(const struct download_body *b)
{
    struct read_job *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->job.run = read_run;
    r->job.done = read_done;
    r->files = b->files;
    r->body = b->ticket;
    r->reader = b->reader;
    r->pipe = FS_PIPE_NONE;
    r->offset = b->offset;
    return r;
}

/* Gives the job, and the descriptor with it, to a worker. Returns false when there is none; the job is gone then. */
static bool submit_read(struct download_body *b, struct read_job *r)
{
    struct err e;

    if (fs_submit_again(&b->files->workers, &r->job, b->lane, &e) < 0) {
        room_clear(&r->room);
        free(r);
        return false;
    }
    b->reader.fd = -1;
    b->reading = true;
    return true;
}

/* Has a worker read the next block. Returns false when there is no memory for it or no worker. */
static bool start_read(struct download_body *b)
{
    struct read_job *r = read_job_new(b);

    if (!r)
        return false;
    if (!room_take(&r->room, pool_of(b->files), portion(b, DOWNLOAD_BLOCK))) {
        free(r);
        return false;
    }
    b->ahead = submit_read(b, r);
    return b->ahead;
}

static void on_readable(struct ev_loop *ev, ev_io *w, int revents)
{
    struct download_body *b = w->data;

    (void)ev;
    loop_watch(loop_of(b->files), w, 0);
    if (revents & EV_ERROR)
        b->broken = true;
    http_kick(b->x);
}

/* --- pipes ----------------------------------------------------------------------------------- */

/* Whether bytes remain that go through a pipe. */
static bool pipe_wanted(const struct download_body *b)
{
    return !b->no_pipe && b->left > DOWNLOAD_BLOCK;
}

static bool open_pipes(struct download_body *b)
{
    if (fs_pipe_open(&b->sending) < 0)
        return false;
    if (fs_pipe_open(&b->filled) < 0) {
        fs_pipe_close(&b->sending);
        return false;
    }
    b->files->pipes++;
    b->piping = true;
    return true;
}

static void close_pipes(struct download_body *b)
{
    if (!b->piping)
        return;
    fs_pipe_close(&b->sending);
    fs_pipe_close(&b->filled);
    b->files->pipes--;
    b->piping = false;
}

/* Whether pipes are worth it, and may be had. */
static bool may_pipe(const struct download_body *b)
{
    return b->x->takes_pipe && !b->gzip && b->plan.count < 2 && b->reader.kind == FS_READER_SIZED &&
           !b->reading && b->ready.bytes == 0 && pipe_wanted(b) && b->left > DOWNLOAD_PIPE &&
           b->files->pipes < DOWNLOAD_PIPES_MAX;
}

/* Whether the next bytes come in a pipe. */
static bool piping(struct download_body *b)
{
    if (!b->piping)
        return may_pipe(b) && open_pipes(b);
    if (b->reading || b->sending.bytes > 0 || b->filled.bytes > 0 || pipe_wanted(b))
        return true;
    close_pipes(b);
    return false;
}

/* Has a worker fill the pipe that is not being sent. Returns false when there is none. */
static bool start_fill(struct download_body *b)
{
    struct read_job *r = read_job_new(b);

    if (!r)
        return false;
    r->pipe = b->filled;
    r->most = MIN(b->left - DOWNLOAD_BLOCK, (uint64_t)DOWNLOAD_PIPE);
    if (!submit_read(b, r))
        return false;
    b->filled = FS_PIPE_NONE;
    return true;
}

/* Hands the wire what lies in a pipe, and has the other one filled meanwhile. */
static enum supply send_pipe(struct download_body *b)
{
    struct fs_pipe empty = b->sending;
    bool starved;

    if (b->broken)
        return SUPPLY_BROKEN;
    if (empty.bytes == 0 && !b->reading) {
        b->sending = b->filled;
        b->filled = empty;
    }
    starved = !b->reading && b->filled.bytes == 0 && pipe_wanted(b) && !start_fill(b);
    if (b->sending.bytes == 0)
        return starved ? SUPPLY_STARVED : SUPPLY_WAIT;
    b->x->pipe = (struct conn_pipe){b->sending.out, MIN(b->sending.bytes, (size_t)TURN_BYTES)};
    b->sending.bytes -= b->x->pipe.bytes;
    return SUPPLY_DATA;
}

/* --- reading at once ------------------------------------------------------------------------- */

/* Reads what is in memory, at most `max` bytes. Returns false when a worker has to. */
static bool read_now(struct download_body *b, size_t max, enum supply *result)
{
    struct room room;
    ssize_t n;

    if (b->never || b->reader.kind != FS_READER_SIZED)
        return false;
    if (!room_take(&room, pool_of(b->files), portion(b, max))) {
        *result = SUPPLY_STARVED;
        return true;
    }
    n = fs_reader_try(&b->reader, room.iov, room.count, b->offset, &b->never);
    came(b, &room, n);
    b->ahead = n == FS_READER_AGAIN;
    *result = b->broken ? SUPPLY_BROKEN : SUPPLY_DATA;
    return n != FS_READER_AGAIN;
}

/* --- parts ----------------------------------------------------------------------------------- */

static int append_head(const struct download_plan *p, unsigned i, struct chain *out)
{
    char text[RANGE_HEAD];

    if (p->count < 2)
        return 0;
    if (i == p->count)
        return chain_copy(out, text, range_multipart_end(p->boundary, text));
    return chain_copy(out, text, range_part_head(p->boundary, i == 0, p->type, &p->parts[i], p->size, text));
}

int download_body_whole(const struct download_plan *p, const char *bytes, struct chain *out)
{
    if (p->count == 0)
        return chain_copy(out, bytes, p->size);
    for (unsigned i = 0; i < p->count; i++)
        if (append_head(p, i, out) < 0 || chain_copy(out, bytes + p->parts[i].start, p->parts[i].size) < 0)
            return -1;
    return append_head(p, p->count, out);
}

/* The present part is through: on to the next. */
static enum supply next_part(struct download_body *b)
{
    const struct download_plan *p = &b->plan;

    if (b->part == p->count)
        return SUPPLY_END;
    if (append_head(p, b->part + 1, &b->ready) < 0)
        return SUPPLY_STARVED;
    b->part++;
    if (b->part < p->count) {
        b->offset = p->parts[b->part].start;
        b->left = p->parts[b->part].size;
    }
    return SUPPLY_DATA;
}

/* --- sending --------------------------------------------------------------------------------- */

/* Sees to it that there is something in `ready`: up to about `max` bytes. */
static enum supply supply(struct download_body *b, size_t max)
{
    while (b->ready.bytes == 0) {
        enum supply result = SUPPLY_DATA;

        if (b->broken)
            return SUPPLY_BROKEN;
        if (b->reading || ev_is_active(&b->readable))
            return SUPPLY_WAIT;
        if (b->left == 0)
            result = next_part(b);
        else if (!read_now(b, max, &result))
            return wait_for_writer(b) || start_read(b) ? SUPPLY_WAIT : SUPPLY_STARVED;
        if (result != SUPPLY_DATA)
            return result;
    }
    return SUPPLY_DATA;
}

/* With workers needed, one reads the next block while the last is sent. */
static void read_ahead(struct download_body *b)
{
    if (b->ahead && !b->reading && !b->broken && b->left > 0 && b->ready.bytes < FRAME_MAX &&
        b->reader.kind == FS_READER_SIZED)
        start_read(b); /* without memory now: when it is wanted */
}

/* Up to `max` bytes as they are. */
static enum supply send_plain(struct download_body *b, struct chain *out, size_t max)
{
    enum supply s = SUPPLY_DATA;

    while (out->bytes < max && (s = supply(b, max - out->bytes)) == SUPPLY_DATA) {
        if (chain_move(out, &b->ready, MIN(b->ready.bytes, max - out->bytes)) < 0)
            return SUPPLY_STARVED;
        read_ahead(b);
    }
    return s;
}

/* Up to `max` bytes compressed, of as many at the most: what compresses well takes its time, too. */
static enum supply send_gzip(struct download_body *b, struct chain *out, size_t max)
{
    enum supply s = b->packing.bytes > 0 ? SUPPLY_DATA : supply(b, max);

    if (s != SUPPLY_DATA && s != SUPPLY_END)
        return s;
    if (b->packing.bytes == 0 && chain_move(&b->packing, &b->ready, MIN(b->ready.bytes, max)) < 0)
        return SUPPLY_STARVED;
    read_ahead(b);
    switch (gzip_deflate(b->gzip, &b->packing, s == SUPPLY_END, pool_of(b->files), out, max)) {
    case GZIP_END:
        return SUPPLY_END;
    case GZIP_NO_MEMORY:
        return SUPPLY_STARVED;
    default:
        return SUPPLY_DATA;
    }
}

enum http_produced download_body_produce(struct download_body *b, struct chain *out, size_t max)
{
    enum supply s;

    max = MIN(max, seg_pool_portion(pool_of(b->files), FRAME_MAX));
    s = b->gzip ? send_gzip(b, out, max) : piping(b) ? send_pipe(b) : send_plain(b, out, max);
    switch (s) {
    case SUPPLY_END:
        return HTTP_END;
    case SUPPLY_BROKEN:
        if (out->bytes == 0)
            http_abort(b->x);
        break;
    case SUPPLY_STARVED:
        if (out->bytes == 0)
            http_starve(b->x);
        break;
    case SUPPLY_DATA:
        if (b->x->pipe.bytes == 0 && out->bytes == 0) /* swallowed by the compression */
            http_kick(b->x);
        break;
    case SUPPLY_WAIT:
        break;
    }
    return b->x->pipe.bytes > 0 || out->bytes > 0 ? HTTP_MORE : HTTP_WAIT;
}

/* --- the object ------------------------------------------------------------------------------ */

int download_body_init(struct download_body *b, struct files *f, struct http_exchange *x)
{
    *b = (struct download_body){
        .files = f, .x = x, .reader.fd = -1, .sending = FS_PIPE_NONE, .filled = FS_PIPE_NONE};
    ev_init(&b->readable, on_readable);
    b->ticket = ticket_new(&f->waiting, b);
    return b->ticket ? 0 : -1;
}

void download_body_begin(struct download_body *b, struct fs_reader *reader, const struct download_plan *plan,
                         struct gzip_stream *gzip, struct chain *first)
{
    b->reader = *reader;
    reader->fd = -1;
    b->plan = *plan;
    b->gzip = gzip;
    b->ready = *first;
    *first = (struct chain){0};
    if (plan->count == 0) {
        b->left = b->reader.kind == FS_READER_SIZED ? plan->size : UINT64_MAX;
        return;
    }
    b->offset = plan->parts[0].start;
    b->left = plan->parts[0].size;
    if (append_head(plan, 0, &b->ready) < 0)
        b->broken = true;
}

void download_body_destroy(struct download_body *b)
{
    ticket_drop(&b->files->waiting, b->ticket);
    ev_io_stop(loop_of(b->files)->ev, &b->readable);
    if (b->reader.kind == FS_READER_WAITS)
        loop_close_fd(loop_of(b->files), &b->reader.fd);
    else
        close_file(b->files, &b->reader.fd, b->lane);
    close_pipes(b);
    chain_clear(&b->ready);
    chain_clear(&b->packing);
    gzip_free(b->gzip);
    free(b->plan.parts);
}
