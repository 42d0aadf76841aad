#include "git/stream.h"

#include <stdio.h>

#include "core/utf8.h"

/* --- progress -------------------------------------------------------------------------------- */

/* A copy that fits, as text for the wire. */
static void put_text(char *out, size_t size, struct bytes text)
{
    size_t n = 0, step;

    for (size_t at = 0; at < text.len && n + 4 < size; at += step ? step : 1) {
        step = utf8_char((struct bytes){text.ptr + at, text.len - at});
        if (step > 0 && text.ptr[at] != 0)
            memcpy(out + n, text.ptr + at, step);
        else
            out[n] = '?';
        n += step ? step : 1;
    }
    out[n] = 0;
}

static void on_line(struct git_progress *p, const struct git_progress_line *line)
{
    struct git_watch *w = CONTAINER_OF(p, struct git_watch, reader);

    if (line->phase.len > 0) {
        put_text(w->phase, sizeof w->phase, line->phase);
        w->now.phase = w->phase;
        w->now.done = line->done;
        w->now.total = line->total;
        w->now.bytes = line->bytes;
        w->now.bytes_per_second = line->bytes_per_second;
        w->fresh = true;
    } else {
        if (w->count == GIT_REMOTE_LINES_MAX) {
            w->first = (w->first + 1) % GIT_REMOTE_LINES_MAX;
            w->count--;
        }
        put_text(w->lines[(w->first + w->count) % GIT_REMOTE_LINES_MAX], sizeof w->lines[0], line->remote);
        w->count++;
    }
    rpc_kick(w->call->rpc);
}

static int feed(struct git_sink *s, struct bytes data, struct err *e)
{
    (void)e;
    git_progress_feed(&CONTAINER_OF(s, struct git_watch, sink)->reader, data);
    return 0;
}

int git_watch_begin(struct git_call *c, struct err *e)
{
    if (!c->watch) {
        c->watch = git_call_alloc(c, sizeof *c->watch, e);
        if (!c->watch)
            return -1;
        c->watch->sink.feed = feed;
        c->watch->reader.line = on_line;
        c->watch->call = c;
        guest__v1__git_progress__init(&c->watch->now);
    }
    c->err = &c->watch->sink;
    return 0;
}

/* An answer that tells progress is a choice of that, which is field 1, and the result. */
static int send_one(struct git_call *c, Guest__V1__GitProgress *progress)
{
    const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(c->verb->output, 1);
    union {
        ProtobufCMessage base;
        Guest__V1__CloneResponse clone;
        Guest__V1__FetchResponse fetch;
        Guest__V1__PullResponse pull;
        Guest__V1__PushResponse push;
    } m;
    char *at = (char *)&m;

    protobuf_c_message_init(c->verb->output, &m);
    memcpy(at + f->quantifier_offset, &f->id, sizeof f->id);
    memcpy(at + f->offset, &progress, sizeof progress);
    return rpc_emit(c->rpc, &m.base, NULL);
}

/* Sends what is new: first what the server said. */
static enum rpc_produced send_progress(struct git_call *c)
{
    struct git_watch *w = c->watch;
    Guest__V1__GitProgress m = GUEST__V1__GIT_PROGRESS__INIT;

    if (w->count > 0) {
        m.remote = w->lines[w->first];
        if (send_one(c, &m) < 0)
            return RPC_WAIT;
        w->first = (w->first + 1) % GIT_REMOTE_LINES_MAX;
        w->count--;
        return RPC_MORE;
    }
    if (!w->fresh || send_one(c, &w->now) < 0)
        return RPC_WAIT;
    w->fresh = false;
    return RPC_WAIT; /* one to a frame */
}

/* --- output ---------------------------------------------------------------------------------- */

enum rpc_produced git_call_produce(struct rpc_call *rpc, size_t max)
{
    struct git_call *c = rpc_state(rpc);

    if (c && c->watch)
        return send_progress(c);
    if (!c || !c->op || !c->verb->emit || c->op->state != GIT_OP_RUNNING || c->op->run.out)
        return RPC_WAIT;
    if (c->unsent.bytes == 0) {
        if (rpc_frame_begins(rpc))
            git_run_taken(&c->op->run);
        switch (git_run_read(&c->op->run, max, &c->unsent, &c->unsent_stream)) {
        case EXEC_DATA:
            break;
        case EXEC_NO_MEMORY:
            rpc_starve(rpc);
            return RPC_WAIT;
        default:
            return RPC_WAIT;
        }
    }
    if (c->verb->emit(c, c->unsent_stream, &c->unsent) < 0)
        return RPC_WAIT;
    chain_clear(&c->unsent);
    return RPC_MORE;
}
