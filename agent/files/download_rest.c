#include "files/download_rest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/fd.h"
#include "files/download_body.h"
#include "files/signature.h"
#include "guest/fs/caller.h"
#include "guest/paths.h"
#include "http/conditional.h"
#include "http/disposition.h"
#include "http/mime.h"
#include "http/negotiate.h"

/* One job looks the user up, opens the file and reads its first bytes; of a small file these are all, and the answer needs
 * nothing else. */
struct open_job {
    struct job job;
    struct files *files;
    ticket body;
    struct fs_caller caller;
    char *path;   /* as asked for */
    bool special; /* FIFOs and devices, too */
    /* what it found */
    char *resolved;
    struct fs_reader reader;
    const char *type;
    char *first;      /* NULL: nothing was read */
    size_t first_len; /* bytes */
    bool whole;       /* they are all */
    bool failed;
    struct err error;
};

/* --- in a worker ----------------------------------------------------------------------------- */

/* Reads the beginning: all of a small file, of a larger one as much as tells its type. Returns 0 or -1. */
static int read_first(struct open_job *o)
{
    bool small = o->reader.kind == FS_READER_TO_END || o->reader.size <= DOWNLOAD_WHOLE;
    size_t want = small ? DOWNLOAD_WHOLE : MIME_SNIFF;
    struct iovec iov;
    ssize_t n;

    if (o->reader.kind == FS_READER_WAITS || (!small && o->type))
        return 0;
    if (o->reader.kind == FS_READER_SIZED)
        want = (size_t)MIN(want, o->reader.size);
    o->first = malloc(want);
    if (!o->first)
        return err_nomem(&o->error, "read the file");
    iov = (struct iovec){o->first, want};
    n = fs_reader_read(&o->reader, &iov, 1, 0);
    if (n == FS_READER_AGAIN) { /* of /proc, but not as other files are */
        o->reader.kind = FS_READER_WAITS;
        return 0;
    }
    if (n < 0)
        return err_set(&o->error, STATUS_INTERNAL, errno, "error reading '%s'", o->resolved);
    o->first_len = (size_t)n;
    o->whole = small && (o->reader.kind == FS_READER_SIZED || o->first_len < want);
    return 0;
}

static int open_file(struct open_job *o)
{
    if (fs_reader_open(o->resolved, o->special, &o->reader, &o->error) < 0)
        return -1;
    o->type = mime_by_name(path_base(o->resolved));
    if (read_first(o) < 0)
        return -1;
    if (o->whole)
        fd_close(&o->reader.fd);
    if (!o->type)
        o->type = o->first ? mime_sniff((struct bytes){o->first, o->first_len}) : mime_unknown;
    return 0;
}

static void open_run(struct job *j)
{
    struct open_job *o = CONTAINER_OF(j, struct open_job, job);
    CLEANUP_FREE struct user *user = files_user(&o->caller, &o->error);

    o->failed = true;
    if (!user)
        return;
    o->resolved = fs_caller_path(&o->caller, user, o->path, &o->error);
    if (!o->resolved || fs_caller_enter(&o->caller, user, &o->error) < 0)
        return;
    o->failed = open_file(o) < 0;
    fs_caller_leave(&o->caller);
}

static void open_free(struct open_job *o)
{
    fd_close(&o->reader.fd);
    fs_caller_clear(&o->caller);
    free(o->path);
    free(o->resolved);
    free(o->first);
    free(o);
}

/* --- the answer ------------------------------------------------------------------------------ */

/* A strong validator: another one when the file is another, is written, or only touched. */
static void make_etag(const struct fs_reader *r, char out[CONDITIONAL_TAG])
{
    snprintf(out, CONDITIONAL_TAG, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"", r->inode, r->size,
             r->modified_ns, r->changed_ns);
}

/* What is sent of a file with these validators, when all of it may be. Fills the plan; returns the status, 0: answered. */
static int choose_parts(struct http_exchange *x, const struct validators *v, struct download_plan *p)
{
    struct ranges ranges;

    if (!v->etag || x->head_only || !conditional_range(&x->request, v))
        return 200;
    switch (range_parse(http_request_field(x, "range"), p->size, &ranges)) {
    case RANGE_WHOLE:
        return 200;
    case RANGE_UNSATISFIABLE:
        range_answer(x, NULL, p->size);
        http_error(x, 416, "range not satisfiable: the file has %" PRIu64 " bytes", p->size);
        return 0;
    case RANGE_PARTS:
        break;
    }
    p->parts = malloc(ranges.count * sizeof *p->parts);
    if (!p->parts || range_boundary(p->boundary) < 0) {
        http_error(x, 500, "out of memory");
        return 0;
    }
    p->count = ranges.count;
    memcpy(p->parts, ranges.list, ranges.count * sizeof *p->parts);
    return 206;
}

/* Bytes of the body; -1: unknown. */
static int64_t body_size(const struct download_plan *p, bool known)
{
    if (p->count == 1)
        return (int64_t)p->parts[0].size;
    if (p->count > 1)
        return (int64_t)range_multipart_size(p->boundary, p->type, p->parts, p->count, p->size);
    return known ? (int64_t)p->size : -1;
}

/* All is here: an answer that needs nothing more. */
static void reply_whole(struct download_body *b, struct open_job *o, int status, const char *type,
                        const struct download_plan *p, struct gzip_stream *gzip)
{
    struct chain plain = {0}, body = {0};
    int ret = download_body_whole(p, o->first, &plain);

    if (ret == 0 && gzip)
        ret = gzip_deflate(gzip, &plain, true, NULL, &body, SIZE_MAX) == GZIP_END ? 0 : -1;
    if (ret < 0)
        http_error(b->x, 500, "out of memory");
    else
        http_reply_chain(b->x, status, type, gzip ? &body : &plain);
    chain_clear(&plain);
    chain_clear(&body);
}

/* The file is read as the client takes it. */
static void reply_stream(struct download_body *b, struct open_job *o, int status, const char *type,
                         const struct download_plan *p, struct gzip_stream *gzip)
{
    bool sized = o->reader.kind == FS_READER_SIZED;
    struct chain first = {0};

    if (!sized && chain_copy(&first, o->first, o->first_len) < 0) {
        gzip_free(gzip);
        free(p->parts);
        http_error(b->x, 500, "out of memory");
        return;
    }
    download_body_begin(b, &o->reader, p, gzip, &first);
    http_stream(b->x, status, type, gzip ? -1 : body_size(p, sized));
}

/* Sends the file, or the parts that were chosen. */
static void send_file(struct download_body *b, struct open_job *o, int status, struct download_plan *p,
                      bool packed)
{
    struct gzip_stream *gzip = packed ? gzip_new() : NULL;
    char multipart[RANGE_TYPE];
    const char *type = p->type;

    if (packed && !gzip) {
        free(p->parts);
        http_error(b->x, 500, "out of memory");
        return;
    }
    disposition_add(b->x, path_base(o->resolved));
    if (p->count == 1) {
        range_answer(b->x, &p->parts[0], p->size);
    } else if (p->count > 1) {
        range_multipart_type(p->boundary, multipart);
        type = multipart;
    }
    if (!o->whole) {
        reply_stream(b, o, status, type, p, gzip);
        return;
    }
    reply_whole(b, o, status, type, p, gzip);
    gzip_free(gzip);
    free(p->parts);
}

static void answer(struct download_body *b, struct open_job *o)
{
    struct http_exchange *x = b->x;
    enum http_coding coding = negotiate_coding(&x->request, !conditional_asked(&x->request));
    bool exact = o->reader.kind == FS_READER_SIZED ||
                 (o->whole && !o->reader.invented && o->first_len == o->reader.size);
    struct download_plan plan = {.type = o->type};
    struct validators v = {.modified = o->reader.modified_s, .has_modified = exact};
    char etag[CONDITIONAL_TAG];
    int status;

    if (coding == CODING_NONE) {
        http_error(x, 406, "no acceptable encoding found, supported: identity, gzip");
        return;
    }
    if (o->whole)
        o->reader.size = o->first_len;
    plan.size = o->reader.size;
    if (exact) {
        make_etag(&o->reader, etag);
        v.etag = etag;
    }
    negotiate_answer(x, coding);
    switch (conditional_check(&x->request, &v)) {
    case CONDITIONAL_FAILED:
        http_error(x, 412, "the file is not what the request expects");
        return;
    case CONDITIONAL_NOT_MODIFIED:
        conditional_answer(x, &v, false);
        http_reply(x, 304, NULL, (struct bytes){NULL, 0});
        return;
    case CONDITIONAL_SEND:
        break;
    }
    status = choose_parts(x, &v, &plan);
    if (status == 0) {
        free(plan.parts);
        return;
    }
    conditional_answer(x, &v, coding == CODING_GZIP);
    send_file(b, o, status, &plan, coding == CODING_GZIP);
}

static void open_done(struct job *j)
{
    struct open_job *o = CONTAINER_OF(j, struct open_job, job);
    struct download_body *b = ticket_find(&o->files->waiting, o->body);

    if (b && o->failed)
        http_error(b->x, http_status_of(o->error.status), "%s", o->error.text);
    else if (b)
        answer(b, o);
    open_free(o);
}

/* --- the exchange ---------------------------------------------------------------------------- */

static enum http_produced on_produce(struct http_exchange *x, struct chain *out, size_t max)
{
    return download_body_produce(x->owner, out, max);
}

static void on_destroy(struct http_exchange *x)
{
    download_body_destroy(x->owner);
    free(x->owner);
}

static const struct http_events events = {.produce = on_produce, .destroy = on_destroy};

/* The request as a job. NULL with *e. */
static struct open_job *open_new(struct files *f, const struct http_exchange *x, struct err *e)
{
    struct open_job *o = calloc(1, sizeof *o);
    CLEANUP_FREE char *name = NULL, *special = NULL;

    err_nomem(e, "open the file");
    if (!o)
        return NULL;
    o->job.run = open_run;
    o->job.done = open_done;
    o->files = f;
    o->reader.fd = -1;
    if (files_parameter(x, "path", &o->path, e) == 0 && files_parameter(x, "username", &name, e) == 0 &&
        files_parameter(x, "special", &special, e) == 0) {
        o->special = special && strcmp(special, "1") == 0;
        if ((o->path || (o->path = strdup(""))) &&
            fs_caller_init(&o->caller, name && *name ? name : NULL, f->settings->env, f->as_user) == 0)
            return o;
        err_nomem(e, "open the file");
    }
    open_free(o);
    return NULL;
}

/* The state of the exchange and the job that fills it. Returns 0 or -1. */
static int begin_open(struct files *f, struct http_exchange *x, struct err *e)
{
    struct open_job *o = open_new(f, x, e);
    struct download_body *b;

    if (!o)
        return -1;
    b = malloc(sizeof *b);
    if (!b || download_body_init(b, f, x) < 0) {
        free(b);
        open_free(o);
        return err_nomem(e, "open the file");
    }
    http_own(x, &events, b);
    o->body = b->ticket;
    if (fs_submit(&f->workers, &o->job, &o->caller, o->path, e) == 0) {
        b->lane = o->job.lane;
        return 0;
    }
    open_free(o);
    return -1;
}

static void begin(struct http_exchange *x)
{
    struct files *f = (struct files *)(uintptr_t)x->route.arg;
    struct err e;

    if (files_signature_check(f->settings, x, "read", &e) < 0 || begin_open(f, x, &e) < 0)
        http_error(x, http_status_of(e.status), "%s", e.text);
}

int download_rest_register(struct files *f)
{
    return http_route_add(
        f->http, &(struct http_route){
                     .method = "GET", .path = "/files", .flags = HTTP_PUBLIC, .begin = begin, .arg = f});
}
