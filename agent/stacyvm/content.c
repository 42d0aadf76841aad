#include "stacyvm/content.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "core/base64.h"
#include "core/fd.h"
#include "core/limits.h"
#include "guest/fs/dirs.h"

#define SPOOL_DIR "/tmp"

enum step { STEP_WRITE, STEP_FINISH, STEP_ABANDON };

struct content {
    struct job job;
    struct fs_workers *workers;
    struct fs_caller caller;
    const struct content_events *events;
    void *owner;   /* NULL: dropped */
    bool busy;     /* a worker has it */
    bool finished; /* content_finish was called */

    /* the loop's */
    uint8_t *filling; /* STACYVM_BLOCK, and what base64_decode writes behind it; NULL: none yet */
    size_t filled;
    char left[4]; /* characters that are no whole group yet */
    size_t left_count;
    bool padded;  /* nothing may follow */
    bool bad;     /* it is no base64 */
    char *target; /* the path, until the worker has it */
    bool path_known;

    /* the worker's while busy */
    enum step step;
    uint8_t *block;
    size_t block_len;
    char *path; /* NULL: not known yet */
    bool has_mode;
    mode_t mode;
    struct fs_write write;
    int spool; /* what came before the path; -1: none */
    bool failed;
    struct err error;
};

/* --- in a worker ----------------------------------------------------------------------------- */

/* The files are as a root without wishes makes them: an old one keeps its owner. */
static const struct user nobody_else = {.uid = (uid_t)-1, .gid = (gid_t)-1};

static int open_file(struct content *c)
{
    struct fs_write_options o = {.special = true};

    if (c->write.path)
        return 0;
    if (fs_make_parents(c->path, nobody_else.uid, nobody_else.gid, &c->error) < 0)
        return err_wrap(&c->error, "mkdir");
    return fs_write_open(&c->write, c->path, &nobody_else, &o, &c->error) < 0 ? err_wrap(&c->error, "write")
                                                                              : 0;
}

/* A file without a name, on a disk where there is one. */
static int open_spool(struct content *c)
{
    if (c->spool < 0)
        c->spool = open(SPOOL_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (c->spool < 0)
        c->spool = memfd_create("content", MFD_CLOEXEC);
    return c->spool < 0 ? err_set(&c->error, STATUS_RESOURCE_EXHAUSTED, errno, "write: keep the content") : 0;
}

static int spool_block(struct content *c)
{
    size_t done = 0;

    if (open_spool(c) < 0)
        return -1;
    while (done < c->block_len) {
        ssize_t n = RETRY_EINTR(write(c->spool, c->block + done, c->block_len - done));

        if (n < 0)
            return err_set(&c->error, STATUS_RESOURCE_EXHAUSTED, errno, "write: keep the content");
        done += (size_t)n;
    }
    return 0;
}

static int append(struct content *c, uint8_t *data, size_t len)
{
    struct iovec iov = {data, len};

    if (len == 0 || fs_write_append(&c->write, &iov, 1, &c->error) == 0)
        return 0;
    return err_wrap(&c->error, "write");
}

/* What was kept, into the file. The block is needed for that: it has been kept, too. */
static int unspool(struct content *c)
{
    off_t at = 0;
    ssize_t n;

    if (c->spool < 0)
        return 0;
    if (spool_block(c) < 0)
        return -1;
    c->block_len = 0;
    while ((n = RETRY_EINTR(pread(c->spool, c->block, STACYVM_BLOCK, at))) > 0) {
        if (append(c, c->block, (size_t)n) < 0)
            return -1;
        at += n;
    }
    fd_close(&c->spool);
    return n < 0 ? err_set(&c->error, STATUS_INTERNAL, errno, "write: read what was kept") : 0;
}

static int write_block(struct content *c)
{
    if (!c->path && c->step == STEP_FINISH)
        return err_nomem(&c->error, "write: keep the path");
    if (!c->path)
        return spool_block(c);
    if (open_file(c) < 0 || unspool(c) < 0 || append(c, c->block, c->block_len) < 0)
        return -1;
    if (c->step != STEP_FINISH)
        return 0;
    c->write.options.has_mode = c->has_mode;
    c->write.options.mode = c->mode;
    return fs_write_finish(&c->write, &c->error) < 0 ? err_wrap(&c->error, "write") : 0;
}

static void run(struct job *j)
{
    struct content *c = CONTAINER_OF(j, struct content, job);

    if (c->step != STEP_ABANDON && !c->failed)
        c->failed = write_block(c) < 0;
    if (c->step == STEP_WRITE && !c->failed)
        return;
    fs_write_abandon(&c->write);
    fd_close(&c->spool);
}

/* --- on the loop ----------------------------------------------------------------------------- */

static void destroy(struct content *c)
{
    fs_caller_clear(&c->caller);
    free(c->filling);
    free(c->block);
    free(c->target);
    free(c->path);
    free(c);
}

static void submit(struct content *c, enum step step);

/* It was finished, and written as far as it could be. */
static void tell(struct content *c)
{
    const struct content_events *events = c->events;
    void *owner = c->owner;
    struct err e = c->error;
    bool failed = c->failed;

    destroy(c);
    events->told(owner, failed ? &e : NULL);
}

/* What to do when no worker has it (any more). */
static void go_on(struct content *c)
{
    if (!c->owner) {
        if (c->write.path || c->spool >= 0)
            submit(c, STEP_ABANDON);
        else
            destroy(c);
    } else if (c->finished && c->step == STEP_FINISH) {
        tell(c);
    } else if (c->finished) {
        submit(c, STEP_FINISH);
    } else {
        if (content_room(c) == 0)
            submit(c, STEP_WRITE);
        c->events->room(c->owner);
    }
}

static void done(struct job *j)
{
    struct content *c = CONTAINER_OF(j, struct content, job);

    c->busy = false;
    go_on(c);
}

static void fail(struct content *c, const struct err *e)
{
    if (!c->failed)
        c->error = *e;
    c->failed = true;
}

/* Hands the filled block to a worker. One who cannot be had is a failed write; to close what is open then falls to us. */
static void submit(struct content *c, enum step step)
{
    uint8_t *block = c->block;
    struct err e;

    c->block = c->filling;
    c->block_len = c->filled;
    c->filling = block;
    c->filled = 0;
    c->step = step;
    if (c->target)
        c->path = TAKE(c->target);
    if (fs_submit(c->workers, &c->job, &c->caller, c->path ? c->path : SPOOL_DIR, &e) == 0) {
        c->busy = true;
        return;
    }
    err_wrap(&e, "write");
    fail(c, &e);
    fs_write_abandon(&c->write);
    fd_close(&c->spool);
    if (step != STEP_WRITE)
        go_on(c);
}

struct content *content_new(struct fs_workers *workers, struct guest_env *env,
                            const struct content_events *events, void *owner)
{
    struct content *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    *c = (struct content){.job = {.run = run, .done = done},
                          .workers = workers,
                          .events = events,
                          .owner = owner,
                          .write = FS_WRITE_NONE,
                          .spool = -1};
    c->filling = malloc(STACYVM_BLOCK + 2);
    c->block = malloc(STACYVM_BLOCK + 2);
    if (c->filling && c->block && fs_caller_init(&c->caller, NULL, env, false) == 0)
        return c;
    destroy(c);
    return NULL;
}

size_t content_room(const struct content *c)
{
    return (STACYVM_BLOCK - c->filled) / 3 * 4 - c->left_count;
}

/* Decodes whole groups. */
static void decode(struct content *c, struct bytes groups)
{
    ptrdiff_t n;

    if (groups.len == 0 || c->bad)
        return;
    n = c->padded ? -1 : base64_decode(groups, c->filling + c->filled);
    c->padded = groups.ptr[groups.len - 1] == '=';
    if (n < 0)
        c->bad = true;
    else
        c->filled += (size_t)n;
}

static void set_path(struct content *c, const char *path)
{
    if (c->path_known || !path)
        return;
    c->path_known = true;
    c->target = strdup(path);
}

void content_put(struct content *c, struct bytes text, const char *path)
{
    while (c->left_count > 0 && c->left_count < 4 && text.len > 0) {
        c->left[c->left_count++] = *text.ptr++;
        text.len--;
    }
    if (c->left_count == 4) {
        decode(c, (struct bytes){c->left, 4});
        c->left_count = 0;
    }
    if (text.len > 0) {
        decode(c, (struct bytes){text.ptr, text.len - text.len % 4});
        c->left_count = text.len % 4;
        memcpy(c->left, text.ptr + text.len - c->left_count, c->left_count);
    }
    set_path(c, path);
    if (content_room(c) == 0 && !c->busy)
        submit(c, STEP_WRITE);
}

bool content_is_whole(const struct content *c)
{
    return !c->bad && c->left_count == 0;
}

void content_finish(struct content *c, const char *path, bool has_mode, mode_t mode)
{
    c->finished = true;
    c->has_mode = has_mode;
    c->mode = mode;
    set_path(c, path);
    if (!c->busy)
        submit(c, STEP_FINISH);
}

void content_drop(struct content *c)
{
    c->owner = NULL;
    if (!c->busy)
        go_on(c);
}
