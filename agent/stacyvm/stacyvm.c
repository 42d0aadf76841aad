#include "stacyvm/stacyvm.h"

#include <stdio.h>

#include "core/log.h"
#include "stacyvm/internal.h"

#define SCRATCH (64 * KIB) /* one read; no more characters of base64 than a block takes */

_Static_assert(SCRATCH / 4 * 3 <= STACYVM_BLOCK, "the content in one read has room in a block");

/* --- answers --------------------------------------------------------------------------------- */

void dialog_fail(struct dialog *d)
{
    conn_abort(d->conn, CLOSE_ERROR);
}

int dialog_head(struct dialog *d, uint32_t length, struct chain *beginning)
{
    const uint8_t header[4] = {(uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8),
                               (uint8_t)length};
    struct chain *out = &d->conn->out;
    int ret = 0;

    if (chain_copy(out, header, sizeof header) < 0 || chain_move(out, beginning, beginning->bytes) < 0) {
        dialog_fail(d);
        ret = -1;
    }
    chain_clear(beginning);
    conn_kick(d->conn);
    return ret;
}

int dialog_send(struct dialog *d, struct chain *body)
{
    return dialog_head(d, (uint32_t)body->bytes, body);
}

void dialog_open(const struct dialog *d, struct writer *w)
{
    writer_str(w, "{\"id\":");
    writer_json_string(w, d->request.id);
}

void dialog_done(struct dialog *d)
{
    if (d->method && d->method->drop)
        d->method->drop(d);
    d->method = NULL;
    d->call = NULL;
    conn_kick(d->conn); /* the next request waits until this answer is out */
}

void dialog_result(struct dialog *d, struct chain *result)
{
    struct chain body = {0};
    struct writer w;

    writer_init(&w, &body, NULL, STACYVM_FRAME_MAX);
    dialog_open(d, &w);
    writer_str(&w, ",\"result\":");
    if (writer_done(&w) < 0 || chain_move(&body, result, result->bytes) < 0 ||
        chain_copy(&body, "}", 1) < 0) {
        chain_clear(&body);
        dialog_fail(d);
    } else {
        dialog_send(d, &body);
    }
    chain_clear(result);
    dialog_done(d);
}

void dialog_error(struct dialog *d, const char *text)
{
    struct chain body = {0};
    struct writer w;

    writer_init(&w, &body, NULL, STACYVM_FRAME_MAX);
    dialog_open(d, &w);
    writer_str(&w, ",\"error\":");
    writer_json_string(&w, bytes_of(text));
    writer_char(&w, '}');
    if (writer_done(&w) < 0) {
        chain_clear(&body);
        dialog_fail(d);
    } else {
        dialog_send(d, &body);
    }
    dialog_done(d);
}

static void reply_text(struct dialog *d, const char *json)
{
    struct chain result = {0};

    if (chain_copy(&result, json, strlen(json)) < 0)
        dialog_fail(d);
    dialog_result(d, &result);
}

void dialog_ok(struct dialog *d)
{
    reply_text(d, "{\"ok\":true}");
}

char *dialog_path(const char *path)
{
    char *absolute = malloc(strlen(path) + 2);

    if (absolute)
        memcpy(stpcpy(absolute, *path == '/' ? "" : "/"), path, strlen(path) + 1);
    return absolute;
}

/* --- small methods --------------------------------------------------------------------------- */

static void begin_ping(struct dialog *d)
{
    reply_text(d, "{\"pong\":true}");
}

static void begin_shutdown(struct dialog *d)
{
    dialog_ok(d);
    d->closing = true;
    d->service->shutdown();
}

/* The octal mode of a file; a text that is none leaves the default, as StacyVM's agent has it. */
static bool parse_mode(const char *text, mode_t *mode)
{
    char *end;
    unsigned long n = strtoul(text, &end, 8);

    *mode = (mode_t)(n & 07777);
    return *text >= '0' && *text <= '7' && !*end && n <= UINT32_MAX;
}

static void content_room_event(void *owner);
static void content_told(void *owner, const struct err *e);

static const struct content_events content_events = {content_room_event, content_told};

static struct content *new_content(struct dialog *d)
{
    return content_new(d->service->workers, d->service->settings->env, &content_events, d);
}

static void begin_write(struct dialog *d)
{
    const char *path = d->request.texts[FIELD_PATH];
    CLEANUP_FREE char *absolute = dialog_path(path);
    mode_t mode;
    bool has_mode = parse_mode(d->request.texts[FIELD_MODE], &mode);

    if (!d->content)
        d->content = new_content(d);
    if (!d->content || !absolute)
        dialog_error(d, "write: out of memory");
    else if (d->content_bad)
        dialog_error(d, "bad params: content: not base64");
    else if (!*path)
        dialog_error(d, "write: no such file or directory");
    else
        content_finish(d->content, absolute, has_mode, mode);
}

static void drop_content(struct dialog *d)
{
    if (d->content)
        content_drop(TAKE(d->content));
}

const struct method stacyvm_ping = {"ping", 0, begin_ping, NULL, NULL, NULL};
const struct method stacyvm_write_file = {
    "write_file", 1 << FIELD_PATH | 1 << FIELD_MODE | 1 << FIELD_CONTENT, begin_write, NULL, drop_content,
    NULL};
const struct method stacyvm_shutdown = {"shutdown", 0, begin_shutdown, NULL, NULL, NULL};

static void content_told(void *owner, const struct err *e)
{
    struct dialog *d = owner;

    d->content = NULL;
    if (e)
        dialog_error(d, e->text);
    else
        dialog_ok(d);
}

/* --- requests -------------------------------------------------------------------------------- */

static const struct method *find_method(struct bytes name)
{
    static const struct method *const methods[] = {
        &stacyvm_ping,       &stacyvm_exec,       &stacyvm_exec_stream, &stacyvm_write_file,
        &stacyvm_read_file,  &stacyvm_list_files, &stacyvm_delete_file, &stacyvm_move_file,
        &stacyvm_chmod_file, &stacyvm_stat_file,  &stacyvm_glob_files,  &stacyvm_shutdown,
    };

    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (bytes_are(name, methods[i]->name))
            return methods[i];
    return NULL;
}

static void unknown_method(struct dialog *d)
{
    struct err e;

    err_set(&e, STATUS_UNIMPLEMENTED, 0, "unknown method: %.*s", (int)MIN(d->request.method.len, (size_t)256),
            d->request.method.ptr);
    dialog_error(d, e.text);
}

/* Whether the caller may not call, or the method's params are wrong; m may be NULL. */
static bool is_refused(struct dialog *d, const struct method *m, struct err *e)
{
    const struct stacyvm *s = d->service;

    return (s->authorize && s->authorize(d->conn, e) < 0) ||
           (m && request_check(&d->request, m->fields, e) < 0);
}

/* The frame is complete. */
static void answer(struct dialog *d)
{
    const struct method *m = find_method(d->request.method);
    struct err e;

    d->state = DIALOG_ANSWERING;
    conn_active(d->conn);
    if (is_refused(d, m, &e)) {
        drop_content(d);
        dialog_error(d, e.text);
        return;
    }
    if (m != &stacyvm_write_file)
        drop_content(d);
    if (m) {
        d->method = m;
        m->begin(d);
    } else {
        unknown_method(d);
    }
}

/* Some more of a content, for a write_file or for a request that may yet turn out to be one. Returns 0, or -1: no memory. */
static int take_content(struct dialog *d, struct bytes text)
{
    const struct request *r = &d->request;
    bool is_write = bytes_are(r->method, stacyvm_write_file.name);
    CLEANUP_FREE char *path = NULL;

    if (d->denied || (r->method.len > 0 && !is_write))
        return 0;
    if (!d->content)
        d->content = new_content(d);
    if (!d->content)
        return -1;
    if (is_write && r->has_path && *r->texts[FIELD_PATH] && !r->wrong)
        path = dialog_path(r->texts[FIELD_PATH]);
    content_put(d->content, text, path);
    return 0;
}

/* Understands what has come of the frame. Returns 0, or -1: it is no request, or there is no memory. */
static int understand(struct dialog *d, struct bytes in)
{
    struct bytes text;

    for (;;) {
        switch (request_next(&d->request, &in, &text)) {
        case REQUEST_MORE:
            return 0;
        case REQUEST_CONTENT:
            if (take_content(d, text) < 0)
                return -1;
            break;
        case REQUEST_CONTENT_END:
            d->content_bad |= d->content && !content_is_whole(d->content);
            break;
        case REQUEST_END:
            d->complete = true;
            break;
        case REQUEST_BAD:
            return -1;
        }
    }
}

/* --- reading --------------------------------------------------------------------------------- */

/* The end of what the peer sends. In the middle of a frame it has gone; else what it asked for is still answered. */
static void peer_ended(struct dialog *d)
{
    d->ended = true;
    if (d->state == DIALOG_BODY || d->header_len > 0)
        conn_abort(d->conn, CLOSE_PEER_GONE);
    else if (d->state == DIALOG_HEADER)
        conn_finish(d->conn);
    else
        conn_want_read(d->conn, false);
}

/* The header is complete, and the last answer is out. */
static void begin_frame(struct dialog *d)
{
    const uint8_t *h = d->header;

    d->left = (uint32_t)h[0] << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];
    d->header_len = 0;
    if (d->left > STACYVM_FRAME_MAX || d->left == 0) {
        conn_abort(d->conn, CLOSE_ERROR);
        return;
    }
    d->state = DIALOG_BODY;
    request_init(&d->request);
    d->complete = d->content_bad = false;
    d->denied = d->service->authorize && d->service->authorize(d->conn, NULL) < 0;
    conn_active(d->conn);
    conn_want_read(d->conn, true);
}

/* Reads of the next header what is there. Returns whether it may go on reading. */
static bool read_header(struct dialog *d)
{
    ssize_t n = conn_read(d->conn, d->header + d->header_len, sizeof d->header - d->header_len);

    if (n == 0)
        peer_ended(d);
    if (n <= 0)
        return false;
    d->header_len += (size_t)n;
    if (d->header_len < sizeof d->header) {
        if (d->state == DIALOG_HEADER)
            conn_await_header(d->conn);
        return false;
    }
    if (d->state == DIALOG_HEADER)
        begin_frame(d);
    else
        conn_want_read(d->conn, false);
    return d->state == DIALOG_BODY;
}

/* Reads some of the frame; returns how much, or -1: nothing more for now. */
static ssize_t read_body(struct dialog *d)
{
    static char scratch[SCRATCH];
    size_t room = d->content ? content_room(d->content) : SCRATCH;
    size_t want = MIN(MIN((size_t)d->left, (size_t)SCRATCH), room);
    ssize_t n;

    if (want == 0) {
        conn_want_read(d->conn, false); /* until content_room_event */
        return -1;
    }
    n = conn_read(d->conn, scratch, want);
    if (n == 0)
        peer_ended(d);
    if (n <= 0)
        return -1;
    d->left -= (uint32_t)n;
    if (understand(d, (struct bytes){scratch, (size_t)n}) < 0 || (d->left == 0 && !d->complete)) {
        conn_abort(d->conn, CLOSE_ERROR);
        return -1;
    }
    if (d->left == 0)
        answer(d);
    return (size_t)n == want ? n : -1;
}

static void stacyvm_readable(struct conn *c)
{
    struct dialog *d = c->state;
    size_t sum = 0;

    if (d->state != DIALOG_BODY && !read_header(d))
        return;
    while (sum < TURN_BYTES && c->phase == CONN_OPEN && d->state == DIALOG_BODY) {
        ssize_t n = read_body(d);

        if (n < 0)
            return;
        sum += (size_t)n;
    }
}

static void content_room_event(void *owner)
{
    struct dialog *d = owner;

    if (d->state == DIALOG_BODY)
        conn_want_read(d->conn, true);
}

/* --- writing --------------------------------------------------------------------------------- */

/* The answer is out: the next request may come, or has begun to. */
static void next_request(struct dialog *d)
{
    request_clear(&d->request);
    d->state = DIALOG_HEADER;
    if (d->closing || d->ended) {
        conn_finish(d->conn);
    } else if (d->header_len == sizeof d->header) {
        begin_frame(d);
    } else if (d->header_len > 0) {
        conn_await_header(d->conn);
    } else {
        conn_idle(d->conn);
    }
}

static void stacyvm_writable(struct conn *c)
{
    struct dialog *d = c->state;

    if (d->state != DIALOG_ANSWERING)
        return;
    if (!d->method)
        next_request(d);
    else if (d->method->produce)
        d->method->produce(d);
}

/* --- the connection -------------------------------------------------------------------------- */

static int stacyvm_accept(struct conn *c)
{
    struct stacyvm *s = c->listener->protocol_arg;
    struct dialog *d;

    if (s->dialogs.count == STACYVM_CONNECTIONS_MAX)
        return -1;
    d = calloc(1, sizeof *d);
    if (!d)
        return -1;
    d->service = s;
    d->conn = c;
    d->ticket = ticket_new(&s->dialogs, d);
    if (!d->ticket) {
        free(d);
        return -1;
    }
    c->state = d;
    return 0;
}

static void stacyvm_closed(struct conn *c, enum close_reason why)
{
    struct dialog *d = c->state;

    (void)why;
    if (d->method && d->method->drop)
        d->method->drop(d);
    drop_content(d);
    request_clear(&d->request);
    ticket_drop(&d->service->dialogs, d->ticket);
    free(d);
}

/* What is being answered is answered yet: the processes are told to end. */
static void stacyvm_drain(struct conn *c)
{
    struct dialog *d = c->state;

    d->closing = true;
    if (d->state != DIALOG_ANSWERING)
        conn_finish(c);
}

static void stacyvm_end(struct conn *c)
{
    struct dialog *d = c->state;

    if (d->method && d->method->stop)
        d->method->stop(d);
}

const struct net_protocol stacyvm_protocol = {
    .name = "stacyvm",
    .accept = stacyvm_accept,
    .readable = stacyvm_readable,
    .writable = stacyvm_writable,
    .closed = stacyvm_closed,
    .drain = stacyvm_drain,
    .shutdown = stacyvm_end,
};

void stacyvm_init(struct stacyvm *s, struct execs *execs, struct fs_workers *workers,
                  struct settings *settings, uint64_t exec_max_ms, void (*shutdown)(void))
{
    *s = (struct stacyvm){.loop = execs->loop,
                          .pool = execs->pool,
                          .execs = execs,
                          .workers = workers,
                          .settings = settings,
                          .exec_max_ms = exec_max_ms,
                          .shutdown = shutdown};
    snprintf(s->user, sizeof s->user, "%u", (unsigned)geteuid());
}

void stacyvm_destroy(struct stacyvm *s)
{
    tickets_clear(&s->dialogs);
}
