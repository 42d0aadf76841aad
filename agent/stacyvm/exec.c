#include "stacyvm/exec.h"

#include "core/limits.h"
#include "core/utf8.h"

#define SHELL      "/bin/sh"
#define CHUNK_TEXT (6 * FRAME_MAX + 256) /* JSON of a chunk at most: \u0000 for each byte */

static const char *const stream_names[] = {[RING_STDOUT] = "stdout", [RING_STDERR] = "stderr"};

/* A call under way: the connection's. */
struct call {
    struct exec_sub sub;
    struct dialog *dialog;
    struct exec_text text[2]; /* by stream */
    struct chain out[2];      /* exec: collected JSON text */
    size_t collected;         /* its bytes */
    bool overflow;            /* there was more */
};

/* --- text ------------------------------------------------------------------------------------ */

void exec_text_put(struct exec_text *t, struct writer *w, struct bytes piece)
{
    size_t tail;

    while (t->count > 0 && piece.len > 0) { /* a byte more, until it is a character or cannot become one */
        t->left[t->count++] = *piece.ptr++;
        piece.len--;
        tail = utf8_tail((struct bytes){t->left, t->count});
        writer_json_text(w, (struct bytes){t->left, t->count - tail});
        memmove(t->left, t->left + t->count - tail, tail);
        t->count = tail;
    }
    tail = utf8_tail(piece);
    writer_json_text(w, (struct bytes){piece.ptr, piece.len - tail});
    if (tail > 0) {
        memcpy(t->left, piece.ptr + piece.len - tail, tail);
        t->count = tail;
    }
}

void exec_text_end(struct exec_text *t, struct writer *w)
{
    writer_json_text(w, (struct bytes){t->left, t->count});
    t->count = 0;
}

/* --- the end --------------------------------------------------------------------------------- */

static void drop(struct dialog *d)
{
    struct call *x = d->call;

    if (!x)
        return;
    exec_unsubscribe(&x->sub);
    d->service->output -= x->collected;
    chain_clear(&x->out[0]);
    chain_clear(&x->out[1]);
    free(x);
}

/* The last chunk of a stream; text: what went wrong, or NULL. */
static void end_stream(struct dialog *d, const char *text, int code)
{
    struct chain body = {0};
    struct writer w;

    writer_init(&w, &body, NULL, STACYVM_FRAME_MAX);
    dialog_open(d, &w);
    if (text) {
        writer_str(&w, ",\"error\":");
        writer_json_string(&w, bytes_of(text));
    }
    writer_str(&w, ",\"done\":true");
    if (code != 0)
        writer_printf(&w, ",\"exit_code\":%d", code);
    writer_char(&w, '}');
    if (writer_done(&w) < 0) {
        chain_clear(&body);
        dialog_fail(d);
    } else {
        dialog_send(d, &body);
    }
    dialog_done(d);
}

static bool is_stream(const struct dialog *d)
{
    return d->method == &stacyvm_exec_stream;
}

static void fail(struct dialog *d, const struct err *e)
{
    if (is_stream(d))
        end_stream(d, e->text, 0);
    else
        dialog_error(d, e->text);
}

/* Not all of the output can be had. */
static void lost(struct dialog *d)
{
    struct err e;

    err_set(&e, STATUS_RESOURCE_EXHAUSTED, 0,
            "exec: output was lost: others read it, too, and this caller held them up");
    fail(d, &e);
}

/* --- exec ------------------------------------------------------------------------------------ */

/* As much as may still be collected. */
static size_t collect_room(const struct call *x)
{
    size_t all = x->dialog->service->output;

    return MIN(STACYVM_OUTPUT_MAX - x->collected,
               STACYVM_OUTPUT_TOTAL - MIN(all, (size_t)STACYVM_OUTPUT_TOTAL));
}

/* What is collected of a stream begins anew once there is too much: nobody will get it. */
static void overflow(struct call *x)
{
    x->overflow = true;
    x->dialog->service->output -= x->collected;
    x->collected = 0;
    chain_clear(&x->out[0]);
    chain_clear(&x->out[1]);
}

/* Adds the data, or the end of a stream where it is NULL, to what is collected. */
static void collect(struct call *x, enum ring_stream stream, const struct chain *data)
{
    size_t before = x->out[stream].bytes;
    struct writer w;

    if (x->overflow)
        return;
    writer_init(&w, &x->out[stream], NULL, collect_room(x));
    if (data) {
        CHAIN_FOREACH (it, data)
            exec_text_put(&x->text[stream], &w, (struct bytes){(const char *)it->data, it->len});
    } else {
        exec_text_end(&x->text[stream], &w);
    }
    if (writer_done(&w) == 0) {
        x->collected += x->out[stream].bytes - before;
        x->dialog->service->output += x->out[stream].bytes - before;
    } else {
        overflow(x);
    }
}

static int put_result(struct call *x, struct chain *result, int code)
{
    struct writer w;

    for (int i = 0; i < 2; i++) {
        writer_init(&w, result, NULL, 256);
        if (i == 0)
            writer_printf(&w, "{\"exit_code\":%d,", code);
        writer_printf(&w, "\"%s\":\"", stream_names[i]);
        if (writer_done(&w) < 0 || chain_move(result, &x->out[i], x->out[i].bytes) < 0 ||
            chain_copy(result, i == 0 ? "\"," : "\"}", 2) < 0)
            return -1;
    }
    return 0;
}

static void finish_exec(struct dialog *d)
{
    struct call *x = d->call;
    int code = x->sub.exec->exit.code;
    struct chain result = {0};
    struct err e;

    collect(x, RING_STDOUT, NULL);
    collect(x, RING_STDERR, NULL);
    if (x->overflow) {
        err_set(&e, STATUS_RESOURCE_EXHAUSTED, 0,
                "exec: more output than %u MiB (exit code %d): exec_stream has no limit",
                (unsigned)(STACYVM_OUTPUT_MAX / MIB), code);
        dialog_error(d, e.text);
    } else if (put_result(x, &result, code) < 0) {
        chain_clear(&result);
        dialog_fail(d);
    } else {
        dialog_result(d, &result);
    }
}

/* Takes what there is, as much as a turn allows. Nothing of it is on its way: it is a copy. */
static void produce_exec(struct dialog *d)
{
    struct call *x = d->call;
    size_t sum = 0;

    while (x->sub.exec && sum < TURN_BYTES) {
        struct chain data = {0};
        enum ring_stream stream;
        enum exec_read ret = exec_read(&x->sub, FRAME_MAX, &data, &stream);

        if (ret == EXEC_END)
            finish_exec(d);
        if (ret == EXEC_DROPPED || ret == EXEC_NO_MEMORY)
            lost(d);
        if (ret == EXEC_DATA) {
            sum += data.bytes;
            collect(x, stream, &data);
            exec_taken(&x->sub);
        }
        chain_clear(&data);
        if (ret != EXEC_DATA)
            return;
    }
    conn_kick(d->conn);
}

/* --- exec_stream ----------------------------------------------------------------------------- */

/* The data as JSON text, or what has waited of the stream where it is NULL. From the pool where it has room for the longest text, else
 * from the heap: an answer has to be made once its bytes were read. Returns 0, or -1. */
static int put_text(struct call *x, enum ring_stream stream, const struct chain *data, struct chain *text)
{
    struct seg_pool *pool = x->dialog->service->pool;
    struct writer w;

    writer_init(&w, text, seg_pool_free(pool) > CHUNK_TEXT / SEG_SIZE + POOL_SHORT ? pool : NULL, CHUNK_TEXT);
    if (data) {
        CHAIN_FOREACH (it, data)
            exec_text_put(&x->text[stream], &w, (struct bytes){(const char *)it->data, it->len});
    } else {
        exec_text_end(&x->text[stream], &w);
    }
    return writer_done(&w);
}

/* Sends a chunk, if there is anything to tell: the rest of a character may be still to come. Returns whether there was. */
static bool send_chunk(struct dialog *d, enum ring_stream stream, const struct chain *data)
{
    struct chain body = {0}, text = {0};
    int ret = put_text(d->call, stream, data, &text);
    struct writer w;

    if (ret == 0 && text.bytes == 0)
        return false;
    writer_init(&w, &body, NULL, STACYVM_FRAME_MAX);
    dialog_open(d, &w);
    writer_printf(&w, ",\"stream\":\"%s\",\"data\":\"", stream_names[stream]);
    if (writer_done(&w) < 0 || ret < 0 || chain_move(&body, &text, text.bytes) < 0 ||
        chain_copy(&body, "\"}", 2) < 0) {
        chain_clear(&body);
        dialog_fail(d);
    } else {
        dialog_send(d, &body);
    }
    chain_clear(&text);
    return true;
}

static void finish_stream(struct dialog *d)
{
    struct call *x = d->call;
    int code = x->sub.exec->exit.code;

    send_chunk(d, RING_STDOUT, NULL);
    send_chunk(d, RING_STDERR, NULL);
    end_stream(d, NULL, code);
}

static void produce_stream(struct dialog *d)
{
    struct call *x = d->call;
    bool sent = false;

    exec_taken(&x->sub);
    while (!sent && x->sub.exec) {
        struct chain data = {0};
        enum ring_stream stream;
        enum exec_read ret = exec_read(&x->sub, FRAME_MAX, &data, &stream);

        if (ret == EXEC_END)
            finish_stream(d);
        if (ret == EXEC_DROPPED || ret == EXEC_NO_MEMORY)
            lost(d);
        sent = ret == EXEC_DATA && send_chunk(d, stream, &data);
        chain_clear(&data);
        if (ret != EXEC_DATA)
            return;
    }
}

/* --- the agent's end ------------------------------------------------------------------------- */

static void stop(struct dialog *d)
{
    struct err e;

    err_set(&e, STATUS_CANCELED, 0, "exec: agent is shutting down");
    fail(d, &e);
}

/* --- the beginning --------------------------------------------------------------------------- */

static void on_started(struct exec_sub *sub)
{
    (void)sub; /* nobody is told */
}

static void on_failed(struct exec_sub *sub, const struct err *e, enum spawn_stage stage, const char *object)
{
    struct call *x = CONTAINER_OF(sub, struct call, sub);
    struct err told = *e;

    (void)stage;
    (void)object;
    err_wrap(&told, "exec");
    fail(x->dialog, &told);
}

static void on_ready(struct exec_sub *sub)
{
    conn_kick(CONTAINER_OF(sub, struct call, sub)->dialog->conn);
}

static const struct exec_sub_events sub_events = {on_started, on_failed, NULL, on_ready};

/* The command and its arguments, each in single quotes, for a shell; on the heap. NULL: no memory. */
static char *shell_script(const struct request *r)
{
    size_t size = strlen(r->texts[FIELD_COMMAND]) + 1;
    char *script, *at;

    for (size_t i = 0; i < r->arg_count; i++) {
        size += 3 + strlen(r->args[i]);
        for (const char *c = r->args[i]; *c; c++)
            size += *c == '\'' ? 4 : 0;
    }
    script = malloc(size);
    if (!script)
        return NULL;
    at = stpcpy(script, r->texts[FIELD_COMMAND]);
    for (size_t i = 0; i < r->arg_count; i++) {
        at = stpcpy(at, " '");
        for (const char *c = r->args[i]; *c; c++) {
            if (*c == '\'')
                at = stpcpy(at, "'\"'\"'");
            else
                *at++ = *c;
        }
        *at++ = '\'';
    }
    *at = 0;
    return script;
}

/* The view of the process that the request describes, in that directory; *script is the caller's to free. Returns 0, or -1 with *e. */
static int describe(struct dialog *d, const char *cwd, struct exec_spec *view, const char *shell[2],
                    char **script, struct err *e)
{
    const struct request *r = &d->request;
    const char *mode = r->texts[FIELD_MODE];

    *view = (struct exec_spec){
        .cmd = SHELL,
        .args = shell,
        .arg_count = 2,
        .vars = r->env,
        .var_count = r->env_count,
        .cwd = cwd,
        .user = d->service->user,
        .timeout_ms = d->service->exec_max_ms,
        .path_only = true,
        .must_run = true,
    };
    if (strcmp(mode, "argv") == 0) {
        view->cmd = r->texts[FIELD_COMMAND];
        view->args = r->args;
        view->arg_count = r->arg_count;
        return *view->cmd ? 0 : err_set(e, STATUS_INVALID_ARGUMENT, 0, "exec: no command");
    }
    if (*mode && strcmp(mode, "shell") != 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "unsupported exec mode \"%s\"", mode);
    *script = shell_script(r);
    shell[0] = "-c";
    shell[1] = *script;
    return *script ? 0 : err_nomem(e, "exec");
}

static int start(struct dialog *d, struct call *x, struct err *e)
{
    CLEANUP_FREE char *cwd = dialog_path(d->request.texts[FIELD_WORK_DIR]), *script = NULL;
    struct exec_spec view, *spec;
    const char *shell[2];

    if (d->request.env_count > ENV_VARS_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "bad params: env: more than %u variables",
                       (unsigned)ENV_VARS_MAX);
    if (!cwd)
        return err_nomem(e, "exec");
    if (describe(d, cwd, &view, shell, &script, e) < 0)
        return -1;
    spec = exec_spec_copy(&view);
    if (!spec)
        return err_nomem(e, "exec");
    return exec_start(d->service->execs, spec, d->service->settings->env, &x->sub, &sub_events, e) < 0
               ? err_wrap(e, "exec")
               : 0;
}

static void begin(struct dialog *d)
{
    struct call *x = calloc(1, sizeof *x);
    struct err e;

    err_nomem(&e, "exec");
    if (x)
        x->dialog = d;
    d->call = x;
    if (!x || start(d, x, &e) < 0)
        fail(d, &e);
}

#define FIELDS (1 << FIELD_COMMAND | 1 << FIELD_ARGS | 1 << FIELD_MODE | 1 << FIELD_WORK_DIR | 1 << FIELD_ENV)

const struct method stacyvm_exec = {"exec", FIELDS, begin, produce_exec, drop, stop};
const struct method stacyvm_exec_stream = {"exec_stream", FIELDS, begin, produce_stream, drop, stop};
