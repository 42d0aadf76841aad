/* SendInput and StreamInput: bytes for a process, from one call in order. */
#include "process/internal.h"

struct input {
    struct feed feed;
    struct process_service *service;
    ticket exec; /* whom the call feeds: its selector may name another one later */
};

/* --- one message after the other ------------------------------------------------------------- */

static void on_room(struct exec_wait *w)
{
    rpc_resume(CONTAINER_OF(w, struct feed, wait)->call);
}

void feed_init(struct feed *f, struct rpc_call *call)
{
    *f = (struct feed){.call = call, .wait.ready = on_room};
}

void feed_cancel(struct feed *f)
{
    exec_wait_cancel(&f->wait);
}

/* Gives the process what it takes of the bytes that have not been taken yet. Returns -1 with *e. */
static int give(struct feed *f, struct exec *x, bool terminal, const ProtobufCBinaryData *data, struct err *e)
{
    struct chain copy = {0}, *bulk = rpc_bulk(f->call);
    ssize_t n;

    if (data->data == CODEC_BULK) {
        chain_drop(bulk, f->taken);
        n = exec_write(x, terminal, bulk, &f->wait, e);
        f->taken += n > 0 ? (size_t)n : 0;
        return n < 0 ? -1 : 0;
    }
    do { /* no more than the queue takes at a time: the message may be many times that */
        size_t part = MIN(data->len - f->taken, (size_t)STDIN_QUEUE_MAX);

        n = chain_copy(&copy, data->data + f->taken, part);
        if (n < 0) {
            err_nomem(e, "send input");
            break;
        }
        n = exec_write(x, terminal, &copy, &f->wait, e);
        f->taken += n > 0 ? (size_t)n : 0;
    } while (n >= 0 && copy.bytes == 0 && f->taken < data->len);
    chain_clear(&copy);
    return n < 0 ? -1 : 0;
}

int feed_bytes(struct feed *f, struct exec *x, bool terminal, const ProtobufCBinaryData *data, struct err *e)
{
    if (give(f, x, terminal, data, e) < 0) {
        if (f->taken > 0) /* it stopped reading in the middle */
            err_set(e, STATUS_INTERNAL, 0, "error writing to %s: %zu of %zu bytes were taken",
                    terminal ? "tty" : "stdin", f->taken, data->len);
        return -1;
    }
    if (f->taken < data->len)
        return 0;
    f->taken = 0;
    return 1;
}

/* --- calls ----------------------------------------------------------------------------------- */

static void input_destroy(void *state)
{
    struct input *in = state;

    feed_cancel(&in->feed);
    free(in);
}

void input_cancel(struct rpc_call *call, enum close_reason why)
{
    struct input *in = rpc_state(call);

    (void)why;
    if (in)
        feed_cancel(&in->feed);
}

/* The call's state, made at its first message; NULL: out of memory, the call is finished. */
static struct input *input_of(struct rpc_call *call)
{
    struct input *in = rpc_state(call);
    struct err e;

    if (in)
        return in;
    in = calloc(1, sizeof *in);
    if (!in) {
        err_nomem(&e, "send input");
        rpc_finish(call, &e);
        return NULL;
    }
    feed_init(&in->feed, call);
    in->service = rpc_context(call);
    rpc_set_state(call, in, input_destroy);
    return in;
}

static int fail(struct rpc_call *call, const struct err *e)
{
    rpc_finish(call, e);
    return -1;
}

/* The process that the call feeds; NULL with *e when it is gone. */
static struct exec *fed(struct input *in, struct err *e)
{
    struct exec *x = ticket_find(&in->service->execs->tickets, in->exec);

    if (!x && in->feed.taken > 0)
        err_set(e, STATUS_INTERNAL, 0, "error writing to stdin: the process has ended, %zu bytes were taken",
                in->feed.taken);
    else if (!x)
        err_set(e, STATUS_INTERNAL, 0, "error writing to stdin: the process has ended");
    return x;
}

/* Feeds what is left of the message. 1: all was taken; 0: the process has to catch up first; -1: the call has
 * failed. */
static int feed(struct input *in, struct exec *x, const Process__ProcessInput *input)
{
    bool terminal;
    struct err e;
    int ret;

    if (!input || input->input_case == PROCESS__PROCESS_INPUT__INPUT__NOT_SET) {
        err_set(&e, STATUS_UNIMPLEMENTED, 0, "invalid input type *process.ProcessInput");
        return fail(in->feed.call, &e);
    }
    terminal = input->input_case == PROCESS__PROCESS_INPUT__INPUT_PTY;
    ret = feed_bytes(&in->feed, x, terminal, terminal ? &input->pty : &input->stdin, &e);
    return ret < 0 ? fail(in->feed.call, &e) : ret;
}

enum rpc_taken input_send(struct rpc_call *call, const ProtobufCMessage *message)
{
    static const Process__SendInputResponse done = PROCESS__SEND_INPUT_RESPONSE__INIT;
    const Process__SendInputRequest *m = (const Process__SendInputRequest *)message;
    struct input *in = input_of(call);
    struct exec *x;
    struct err e;
    int ret;

    if (!in)
        return RPC_NEXT;
    x = in->exec ? fed(in, &e) : select_process(in->service, m->process, NULL, &e);
    if (!x) {
        rpc_finish(call, &e);
        return RPC_NEXT;
    }
    in->exec = x->ticket;
    ret = feed(in, x, m->input);
    if (ret > 0)
        rpc_reply(call, &done.base);
    return ret == 0 ? RPC_HOLD : RPC_NEXT;
}

enum rpc_taken input_stream(struct rpc_call *call, const ProtobufCMessage *message)
{
    const Process__StreamInputRequest *m = (const Process__StreamInputRequest *)message;
    struct input *in = input_of(call);
    struct exec *x;
    struct err e;

    if (!in)
        return RPC_NEXT;
    switch (m->event_case) {
    case PROCESS__STREAM_INPUT_REQUEST__EVENT_START:
        x = select_process(in->service, m->start->process, NULL, &e);
        if (!x)
            rpc_finish(call, &e);
        else
            in->exec = x->ticket;
        return RPC_NEXT;
    case PROCESS__STREAM_INPUT_REQUEST__EVENT_DATA:
        if (!in->exec) {
            err_set(&e, STATUS_INVALID_ARGUMENT, 0, "the first message must be the start event");
            rpc_finish(call, &e);
            return RPC_NEXT;
        }
        x = fed(in, &e);
        if (!x) {
            rpc_finish(call, &e);
            return RPC_NEXT;
        }
        return feed(in, x, m->data->input) == 0 ? RPC_HOLD : RPC_NEXT;
    case PROCESS__STREAM_INPUT_REQUEST__EVENT_KEEPALIVE:
        return RPC_NEXT;
    default:
        err_set(&e, STATUS_UNIMPLEMENTED, 0, "invalid event type *process.StreamInputRequest");
        rpc_finish(call, &e);
        return RPC_NEXT;
    }
}

void input_stream_end(struct rpc_call *call)
{
    static const Process__StreamInputResponse done = PROCESS__STREAM_INPUT_RESPONSE__INIT;

    rpc_reply(call, &done.base);
}
