#include "guest/git/run.h"

/* --- input ----------------------------------------------------------------------------------- */

/* Hands on what there is room for, then the end. A git that does not read it says itself why. */
static void feed_input(struct git_run *r)
{
    struct err e;

    if (!r->has_input)
        return;
    if (r->input.bytes > 0 && exec_write(r->sub.exec, false, &r->input, &r->room, &e) < 0)
        chain_clear(&r->input);
    if (r->input.bytes > 0)
        return; /* on_room */
    r->has_input = false;
    (void)exec_close_input(r->sub.exec, &e);
}

static void on_room(struct exec_wait *w)
{
    struct git_run *r = CONTAINER_OF(w, struct git_run, room);

    if (r->sub.exec)
        feed_input(r);
}

/* --- output ---------------------------------------------------------------------------------- */

static void over(struct git_run *r)
{
    exec_wait_cancel(&r->room);
    exec_unsubscribe(&r->sub);
    loop_cancel(r->execs->loop, &r->more);
    chain_clear(&r->input);
    r->running = false;
    r->ended(r);
}

static void finish(struct git_run *r)
{
    const struct exec_exit *x = &r->sub.exec->exit;

    r->end.code = x->signal ? -1 : x->code;
    r->end.signal = x->signal;
    over(r);
}

/* Its output cannot be used: the first reason counts. */
static void fail(struct git_run *r, const struct err *e)
{
    if (!r->end.failed) {
        r->end.failed = true;
        r->end.error = *e;
    }
    git_run_stop(r);
}

/* Keeps what stands on standard error. */
static void listen(struct git_run *r, const struct chain *c)
{
    struct err e;

    CHAIN_FOREACH (it, c) {
        struct bytes piece = {(const char *)it->data, it->len};

        if (git_tail_add(&r->said, piece, &e) < 0 ||
            (r->err && !r->ignored && r->err->feed(r->err, piece, &e) < 0))
            fail(r, &e);
    }
}

static void take(struct git_run *r, const struct chain *c, enum ring_stream stream)
{
    struct err e;

    if (stream == RING_STDERR) {
        listen(r, c);
        return;
    }
    CHAIN_FOREACH (it, c)
        if (r->out && !r->ignored &&
            r->out->feed(r->out, (struct bytes){(const char *)it->data, it->len}, &e) < 0)
            fail(r, &e);
}

/* Gives the sinks what is there, for a while. */
static void pump(struct git_run *r)
{
    size_t done = 0;

    while (done < TURN_BYTES) {
        struct chain piece = {0};
        enum ring_stream stream;
        struct err e;

        switch (exec_read(&r->sub, FRAME_MAX, &piece, &stream)) {
        case EXEC_DATA:
            take(r, &piece, stream);
            done += piece.bytes;
            chain_clear(&piece);
            exec_taken(&r->sub);
            break;
        case EXEC_AGAIN:
            return;
        case EXEC_END:
            finish(r);
            return;
        case EXEC_NO_MEMORY:
        case EXEC_DROPPED:
            err_nomem(&e, "read what git says");
            fail(r, &e);
            over(r);
            return;
        }
    }
    loop_defer(r->execs->loop, &r->more);
}

static void on_more(struct task *t)
{
    pump(CONTAINER_OF(t, struct git_run, more));
}

enum exec_read git_run_read(struct git_run *r, size_t max, struct chain *out, enum ring_stream *stream)
{
    enum exec_read what = r->running ? exec_read(&r->sub, max, out, stream) : EXEC_AGAIN;
    struct err e;

    if (what == EXEC_DATA && *stream == RING_STDERR)
        listen(r, out);
    if (what == EXEC_DROPPED) { /* it alone subscribes, so nobody is held up */
        err_nomem(&e, "read what git says");
        fail(r, &e);
    }
    if (what == EXEC_END || what == EXEC_DROPPED) {
        loop_defer(r->execs->loop, &r->more);
        what = EXEC_END;
    }
    return what;
}

void git_run_taken(struct git_run *r)
{
    if (r->running)
        exec_taken(&r->sub);
}

/* --- events ---------------------------------------------------------------------------------- */

static void on_started(struct exec_sub *sub)
{
    feed_input(CONTAINER_OF(sub, struct git_run, sub));
}

static void on_failed(struct exec_sub *sub, const struct err *e, enum spawn_stage stage, const char *object)
{
    struct git_run *r = CONTAINER_OF(sub, struct git_run, sub);

    (void)stage;
    (void)object;
    r->end.failed = true;
    r->end.error = *e;
    over(r);
}

static void on_ready(struct exec_sub *sub)
{
    struct git_run *r = CONTAINER_OF(sub, struct git_run, sub);

    if (r->out || r->ignored)
        pump(r);
    else
        r->ready(r);
}

static const struct exec_sub_events events = {.started = on_started, .failed = on_failed, .ready = on_ready};

/* --- what its owner does --------------------------------------------------------------------- */

int git_run_start(struct git_run *r, struct exec_spec *spec, struct guest_env *env, struct chain *input,
                  struct err *e)
{
    git_run_clear(r);
    r->more.run = on_more;
    r->room.ready = on_room;
    r->stopped = r->ignored = false;
    r->has_input = spec->stdin_pipe;
    if (input && chain_move(&r->input, input, input->bytes) < 0) {
        exec_spec_free(spec);
        return err_nomem(e, "run git");
    }
    if (exec_start(r->execs, spec, env, &r->sub, &events, e) < 0) {
        chain_clear(&r->input);
        return -1;
    }
    r->running = true;
    return 0;
}

void git_run_stop(struct git_run *r)
{
    if (!r->running || r->stopped)
        return;
    r->stopped = r->ignored = true;
    if (r->sub.exec)
        exec_kill(r->sub.exec);
    loop_defer(r->execs->loop, &r->more);
}

void git_run_clear(struct git_run *r)
{
    git_tail_clear(&r->said);
    chain_clear(&r->input);
    r->end = (struct git_end){0};
}
