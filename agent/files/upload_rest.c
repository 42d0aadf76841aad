#include "files/upload_rest.h"

#include "core/limits.h"
#include "core/writer.h"
#include "files/intake.h"
#include "files/signature.h"
#include "files/upload_options.h"
#include "guest/paths.h"
#include "http/media.h"

/* What becomes of the body. */
struct work {
    struct job job;
    struct files *files;
    ticket upload;
    struct chain next; /* for the next run; the loop's */
    /* the worker's while it runs */
    struct intake intake;
    struct chain bytes; /* where iov lies: the worker only reads it, and the loop keeps its hands off */
    struct iovec iov[UPLOAD_PIECES];
    int iov_count;
    bool end;   /* these bytes are the body's last */
    bool close; /* nobody waits for an answer: what is open is closed after them */
};

/* What the exchange has of it. */
struct upload {
    struct http_exchange *x;
    struct files *files;
    struct work *work; /* NULL: answered */
    ticket ticket;
    bool running;
};

static void pump(struct upload *u);

/* --- the work -------------------------------------------------------------------------------- */

static void work_free(struct work *w)
{
    w->files->uploads--;
    chain_clear(&w->next);
    chain_clear(&w->bytes);
    intake_clear(&w->intake);
    free(w);
}

static void work_run(struct job *j)
{
    struct work *w = CONTAINER_OF(j, struct work, job);

    if (w->iov_count > 0 || w->end || w->intake.refused)
        intake_feed(&w->intake, w->iov, w->iov_count, w->end);
    if (w->close)
        intake_abandon(&w->intake);
}

/* The one place where an upload goes to the workers. */
static int submit(struct work *w, struct err *e)
{
    return fs_submit(&w->files->workers, &w->job, &w->intake.caller, w->intake.path, e);
}

/* Hands bytes to the next run, as many as it may have; `all`: there are no more behind them. Returns 0, or -1 when out of
 * memory. */
static int hand_over(struct work *w, bool all)
{
    size_t n = 0;

    w->iov_count = chain_iov(&w->next, w->iov, UPLOAD_PIECES, w->next.bytes);
    for (int i = 0; i < w->iov_count; i++)
        n += w->iov[i].iov_len;
    w->end = all && n == w->next.bytes;
    return chain_move(&w->bytes, &w->next, n);
}

/* The client is gone, and no worker is at it: what came of the open file is written, and that closed. Nothing is opened any
 * more: the client may be sending the same again by now. */
static void orphan(struct work *w)
{
    const struct intake *in = &w->intake;

    w->upload = 0;
    w->end = false;
    if (!intake_is_open(in)) {
        work_free(w);
        return;
    }
    if (in->options.atomic || in->parts || hand_over(w, false) < 0)
        chain_clear(&w->next);
    w->close = w->next.bytes == 0;
    files_orphan(w->files, &w->job);
}

/* --- the answer ------------------------------------------------------------------------------ */

static void put_metadata(struct writer *w, const struct fs_metadata *m)
{
    if (m->count == 0)
        return;
    writer_str(w, ",\"metadata\":{");
    for (size_t i = 0; i < m->count; i++) {
        if (i)
            writer_char(w, ',');
        writer_json_string(w, bytes_of(m->list[i].name));
        writer_char(w, ':');
        writer_json_string(w, bytes_of(m->list[i].value));
    }
    writer_char(w, '}');
}

static void answer_files(struct http_exchange *x, const struct intake *in)
{
    struct chain body = {0};
    struct writer w;

    writer_init(&w, &body, NULL, SIZE_MAX);
    writer_char(&w, '[');
    for (size_t i = 0; i < in->count; i++) {
        writer_str(&w, i ? ",{\"path\":" : "{\"path\":");
        writer_json_string(&w, bytes_of(in->files[i].path));
        writer_str(&w, ",\"name\":");
        writer_json_string(&w, path_base(in->files[i].path));
        writer_str(&w, ",\"type\":\"file\"");
        put_metadata(&w, &in->files[i].metadata);
        writer_char(&w, '}');
    }
    writer_char(&w, ']');
    if (writer_done(&w) < 0)
        x->broken = true;
    http_reply_json(x, 200, &body);
}

/* --- the flow -------------------------------------------------------------------------------- */

/* Answers what a worker has brought to its end. */
static void answer(struct upload *u)
{
    if (u->work->intake.failed)
        files_refuse(u->x, &u->work->intake.error);
    else
        answer_files(u->x, &u->work->intake);
    work_free(TAKE(u->work));
}

/* No worker can be had, or no memory. */
static void fail(struct upload *u, const struct err *e)
{
    struct work *w = TAKE(u->work);

    files_refuse(u->x, e);
    chain_clear(&w->bytes);
    chain_clear(&w->next);
    w->iov_count = 0;
    orphan(w);
}

static void work_done(struct job *j)
{
    struct work *w = CONTAINER_OF(j, struct work, job);
    struct upload *u = ticket_find(&w->files->waiting, w->upload);
    struct files *f = w->files;

    chain_clear(&w->bytes);
    w->iov_count = 0;
    if (!u) {
        orphan(w);
    } else {
        u->running = false;
        if (w->intake.failed || w->intake.finished)
            answer(u);
        else
            pump(u);
    }
    files_retry_orphans(f);
}

/* Takes over what has come, as far as there is room for it: less where memory for requests is short. Returns 0, or -1 when out
 * of memory. */
static int take(struct upload *u)
{
    size_t room = seg_pool_portion(u->x->conn->net->in_pool, UPLOAD_BLOCK), have = u->work->next.bytes;
    size_t n = have < room ? MIN(room - have, u->x->in.bytes) : 0;

    if (n == 0)
        return 0;
    if (chain_move(&u->work->next, &u->x->in, n) < 0)
        return -1;
    http_body_consumed(u->x);
    return 0;
}

/* A little is not worth a worker's while yet, and would be a write of its own. */
static bool worth_it(const struct upload *u, bool all)
{
    const struct seg_pool *pool = u->x->conn->net->in_pool;
    size_t have = u->work->next.bytes;

    return all || u->work->intake.refused || have >= UPLOAD_HOLD ||
           (have > 0 && seg_pool_free(pool) < pool->total / 2);
}

/* Lets a worker go on, unless one is at it or there is not enough yet. */
static void pump(struct upload *u)
{
    struct err e;
    bool all;

    err_nomem(&e, "receive the body");
    if (take(u) < 0 && !u->running) {
        fail(u, &e);
        return;
    }
    all = u->x->body_complete && u->x->in.bytes == 0;
    if (u->running || !worth_it(u, all))
        return;
    if (hand_over(u->work, all) < 0 || submit(u->work, &e) < 0) {
        fail(u, &e);
        return;
    }
    u->running = true;
    take(
        u); /* there is room for the next block; what cannot be had now is there when the worker is through */
}

static void on_body(struct http_exchange *x)
{
    struct upload *u = x->owner;

    if (u->work)
        pump(u);
}

static void on_destroy(struct http_exchange *x)
{
    struct upload *u = x->owner;

    ticket_drop(&u->files->waiting, u->ticket);
    if (u->work) /* what had no room in the next block has come all the same; without memory it is lost */
        (void)!chain_move(&u->work->next, &x->in, x->in.bytes);
    if (u->work && !u->running)
        orphan(u->work);
    free(u);
}

/* --- the request ----------------------------------------------------------------------------- */

/* Reads what comes before the body, in the order of the contract. What is wrong is told when it is known that the user exists. */
static int read_request(struct http_exchange *x, struct intake *in, bool gzip, struct err *e)
{
    struct bytes type;
    enum http_body_kind kind = http_body_kind(x, &type);

    in->length = x->content_length;
    in->parts = kind == HTTP_BODY_MULTIPART;
    if (upload_options_query(x, kind == HTTP_BODY_BYTES && !gzip, in, e) < 0 ||
        upload_options_metadata(x, in, e) < 0)
        return -1;
    if (kind == HTTP_BODY_OTHER)
        return err_set(
            e, STATUS_INVALID_ARGUMENT, 0,
            "unsupported content type: %.*s, expected multipart/form-data or application/octet-stream",
            (int)type.len, type.ptr);
    if (kind == HTTP_BODY_BYTES && !in->path)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "path query parameter is required for raw body upload");
    return in->parts ? multipart_init(&in->multipart, type, e) : 0;
}

/* The objects of an upload, or NULL. */
static struct upload *make(struct files *f, struct http_exchange *x)
{
    struct upload *u = calloc(1, sizeof *u);
    struct work *w = calloc(1, sizeof *w);

    if (u && w && (u->ticket = ticket_new(&f->waiting, u))) {
        *w = (struct work){.job = {.run = work_run, .done = work_done}, .files = f, .upload = u->ticket};
        intake_init(&w->intake);
        u->x = x;
        u->files = f;
        u->work = w;
        f->uploads++;
        return u;
    }
    free(u);
    free(w);
    return NULL;
}

static void discard(struct files *f, struct upload *u)
{
    ticket_drop(&f->waiting, u->ticket);
    work_free(u->work);
    free(u);
}

static void begin(struct http_exchange *x)
{
    static const struct http_events events = {.body = on_body, .body_end = on_body, .destroy = on_destroy};
    struct files *f = (struct files *)(uintptr_t)x->route.arg;
    CLEANUP_FREE char *user = NULL;
    struct bytes coding;
    struct intake *in;
    struct upload *u;
    bool gzip;
    struct err e;

    if (files_signature_check(f->settings, x, "write", &e) < 0 ||
        files_parameter(x, "username", &user, &e) < 0) {
        files_refuse(x, &e);
        return;
    }
    if (http_body_coding(x, &gzip, &coding) < 0) {
        http_error(x, 400, "unsupported Content-Encoding: %.*s", (int)coding.len, coding.ptr);
        return;
    }
    if (f->uploads == UPLOADS_MAX) {
        http_error(x, 429, "more than %u uploads at once", UPLOADS_MAX);
        return;
    }
    err_nomem(&e, "begin an upload");
    u = make(f, x);
    if (!u) {
        files_refuse(x, &e);
        return;
    }
    in = &u->work->intake;
    if (fs_caller_init(&in->caller, user, f->settings->env, f->as_user) < 0 ||
        (gzip && !(in->gunzip = gunzip_new()))) {
        discard(f, u);
        files_refuse(x, &e);
        return;
    }
    in->refused = x->body_declined = read_request(x, in, gzip, &in->error) < 0;
    http_own(x, &events, u);
    if (in->refused)
        pump(u); /* no need to see the body */
}

int upload_register(struct files *f)
{
    const struct http_route route = {
        .method = "POST", .path = "/files", .flags = HTTP_PUBLIC, .begin = begin, .arg = f};

    return http_route_add(f->http, &route);
}
