#include "files/intake.h"

#include <errno.h>
#include <stdio.h>

#include "core/limits.h"
#include "files/files.h"

#define UNPACKED_SIZE ((size_t)UPLOAD_HOLD) /* bytes unpacked at a time, and written with one call */

void intake_init(struct intake *in)
{
    memset(in, 0, sizeof *in);
    in->write = FS_WRITE_NONE;
    in->length = -1;
    in->arena.max = UPLOAD_ANSWER_MAX;
}

void intake_clear(struct intake *in)
{
    fs_caller_clear(&in->caller);
    multipart_clear(&in->multipart);
    gunzip_free(TAKE(in->gunzip));
    arena_clear(&in->arena);
    free(TAKE(in->path));
    free(TAKE(in->user));
    free(TAKE(in->target));
    free(TAKE(in->files));
}

/* --- a file ---------------------------------------------------------------------------------- */

/* FNV-1a: so that a path is compared with those of 16,384 others in no time. */
static uint32_t hash_of(const char *path)
{
    uint32_t hash = 2166136261u;

    while (*path)
        hash = (hash ^ (unsigned char)*path++) * 16777619u;
    return hash;
}

static bool written_before(const struct intake *in, const char *path)
{
    uint32_t hash = hash_of(path);

    for (size_t i = 0; i < in->count; i++)
        if (in->files[i].hash == hash && strcmp(in->files[i].path, path) == 0)
            return true;
    return false;
}

/* Says which of them were written; names only as far as an error's text goes. */
static int refuse_second(struct intake *in, const char *path)
{
    char others[ERR_TEXT_MAX / 2] = "";
    size_t len = 0;

    for (size_t i = 0; i < in->count && len + 2 < sizeof others; i++) {
        if (strcmp(in->files[i].path, path) == 0)
            continue;
        if (len > 0)
            len = (size_t)(stpcpy(others + len, ", ") - others);
        snprintf(others + len, sizeof others - len, "%s", in->files[i].path);
        len += strlen(others + len);
    }
    return err_set(
        &in->error, STATUS_INVALID_ARGUMENT, 0,
        "you cannot upload multiple files to the same path '%s' in one upload request, only the first "
        "specified file was uploaded%s%s",
        path, len ? ", also the following files were uploaded: " : "", others);
}

/* Opens the file that the client calls `path`. */
static int open_file(struct intake *in, const char *path)
{
    in->target = fs_caller_path(&in->caller, in->user, path, &in->error);
    if (!in->target)
        return -1;
    if (written_before(in, in->target))
        return refuse_second(in, in->target);
    if (in->count == UPLOAD_FILES_MAX)
        return err_set(&in->error, STATUS_OUT_OF_RANGE, 0, "more than %u files in one upload",
                       UPLOAD_FILES_MAX);
    return fs_write_open(&in->write, in->target, in->user, &in->options, &in->error);
}

static int flush(struct intake *in)
{
    int count = in->iov_count;

    in->iov_count = 0;
    if (fs_write_append(&in->write, in->iov, count, &in->error) == 0)
        return 0;
    if (in->error.errnum == ENOSPC && in->length >= 0)
        err_wrap(&in->error, "attempted to write %lld bytes", (long long)in->length);
    return -1;
}

/* Contents of the open file. They are written together, before the memory in which they lie is somebody else's. */
static int put(struct intake *in, struct bytes data)
{
    if (in->iov_count == INTAKE_IOV && flush(in) < 0)
        return -1;
    in->iov[in->iov_count++] = (struct iovec){(void *)(uintptr_t)data.ptr, data.len};
    return 0;
}

/* One more file was written. */
static int note_file(struct intake *in)
{
    struct intake_file *f;

    if (in->count == in->cap) {
        size_t cap = in->cap ? 2 * in->cap : 1;
        struct intake_file *more = reallocarray(in->files, cap, sizeof *more);

        if (!more)
            return err_nomem(&in->error, "note an uploaded file");
        in->files = more;
        in->cap = cap;
    }
    f = &in->files[in->count];
    *f = (struct intake_file){.path = arena_string(&in->arena, bytes_of(in->target)),
                              .hash = hash_of(in->target)};
    if (!f->path)
        return in->arena.exhausted
                   ? err_set(&in->error, STATUS_OUT_OF_RANGE, 0, "too many files in one upload")
                   : err_nomem(&in->error, "note an uploaded file");
    in->count++;
    return 0;
}

/* What is attached to the file from now on, and what the answer says of that: what is there then. */
static int attach(struct intake *in)
{
    struct fs_metadata *out = &in->files[in->count - 1].metadata;

    if (in->keep_metadata)
        return 0;
    if (fs_metadata_replace(in->write.fd, &in->metadata, &in->error) < 0)
        return err_wrap(&in->error, "error writing metadata of %s", in->target);
    if (in->metadata.count && fs_metadata_read_fd(in->write.fd, &in->arena, out) < 0)
        return err_nomem(&in->error, "read metadata");
    return 0;
}

static int close_file(struct intake *in)
{
    if (flush(in) < 0 || note_file(in) < 0 || attach(in) < 0 || fs_write_finish(&in->write, &in->error) < 0)
        return -1;
    free(TAKE(in->target));
    return 0;
}

/* --- the body -------------------------------------------------------------------------------- */

/* A part begins: one that is called "file" is written, others are let pass. */
static int begin_part(struct intake *in)
{
    const struct multipart *m = &in->multipart;
    const char *path = in->path ? in->path : m->filename;

    if (!m->name || strcmp(m->name, "file") != 0)
        return 0;
    if (path && !in->path && strlen(path) != m->filename_len)
        return err_set(&in->error, STATUS_INVALID_ARGUMENT, 0,
                       "error resolving path: a NUL in the file name");
    return open_file(in, path ? path : "");
}

static int take_parts(struct intake *in, struct bytes bytes)
{
    for (;;) {
        struct bytes data;
        int ret = 0;

        switch (multipart_next(&in->multipart, &bytes, &data, &in->error)) {
        case MULTIPART_MORE:
            return 0;
        case MULTIPART_PART:
            ret = begin_part(in);
            break;
        case MULTIPART_DATA:
            ret = in->target ? put(in, data) : 0;
            break;
        case MULTIPART_END:
            ret = in->target ? close_file(in) : 0;
            break;
        case MULTIPART_FAIL:
            return -1;
        }
        if (ret < 0)
            return -1;
    }
}

static int take(struct intake *in, struct bytes bytes)
{
    if (in->parts)
        return take_parts(in, bytes);
    return bytes.len ? put(in, bytes) : 0;
}

static int unpack(struct intake *in, struct bytes bytes)
{
    CLEANUP_FREE char *plain = malloc(UNPACKED_SIZE);
    ptrdiff_t n = plain ? 1 : err_nomem(&in->error, "decompress the body");

    while (n > 0) {
        n = gunzip_next(in->gunzip, &bytes, plain, UNPACKED_SIZE, &in->error);
        if (n > 0 && (take(in, (struct bytes){plain, (size_t)n}) < 0 || flush(in) < 0))
            return -1;
    }
    return (int)n;
}

static int take_all(struct intake *in, const struct iovec *bytes, int count)
{
    for (int i = 0; i < count; i++) {
        struct bytes piece = {bytes[i].iov_base, bytes[i].iov_len};

        if ((in->gunzip ? unpack(in, piece) : take(in, piece)) < 0)
            return -1;
    }
    return flush(in);
}

static int take_end(struct intake *in)
{
    if (in->gunzip && gunzip_end(in->gunzip, &in->error) < 0)
        return -1;
    if (in->parts && !multipart_done(&in->multipart))
        return err_set(&in->error, STATUS_INVALID_ARGUMENT, 0,
                       "error reading form: the body ends before its last part does");
    if (!in->parts && close_file(in) < 0)
        return -1;
    in->finished = true;
    return 0;
}

/* Before the first byte: who it is for, and where to. */
static int begin(struct intake *in)
{
    struct err e;

    in->user = files_user(&in->caller, &e);
    if (!in->user)
        in->error = e;
    return in->user && !in->refused ? 0 : -1;
}

static int feed(struct intake *in, const struct iovec *bytes, int count, bool end)
{
    if (!in->parts && !in->target && open_file(in, in->path) < 0)
        return -1;
    return take_all(in, bytes, count) < 0 || (end && take_end(in) < 0) ? -1 : 0;
}

void intake_feed(struct intake *in, const struct iovec *bytes, int count, bool end)
{
    if (!in->user && begin(in) < 0) {
        in->failed = true;
        return;
    }
    in->failed = fs_caller_enter(&in->caller, in->user, &in->error) < 0;
    if (in->failed)
        return;
    in->failed = feed(in, bytes, count, end) < 0;
    if (in->failed)
        fs_write_abandon(&in->write);
    fs_caller_leave(&in->caller);
}

void intake_abandon(struct intake *in)
{
    struct err ignored;

    /* Without the user's rights it could not remove what it has made. */
    if (in->user && fs_caller_enter(&in->caller, in->user, &ignored) == 0) {
        fs_write_abandon(&in->write);
        fs_caller_leave(&in->caller);
    }
    fs_write_abandon(&in->write);
}
