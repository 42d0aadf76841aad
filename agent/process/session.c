/* guest.v1.Exec/Session: a stream of a process's events that its client also feeds. */
#include "core/limits.h"
#include "process/internal.h"

struct session {
    struct stream stream; /* first: the state of the call is a stream's */
    struct feed feed;
    bool opening;     /* the first message is held until the process runs */
    uint64_t taken;   /* bytes of input that went to the process */
    bool input_ended; /* by close_input, and nothing came behind it */
    ev_timer gone;    /* the request has ended: has its client, too? */
    bool told_closed; /* input_closed was sent */
};

_Static_assert(offsetof(struct session, stream) == 0, "a session is a stream");

static void session_destroy(void *state)
{
    struct session *s = state;

    ev_timer_stop(s->stream.loop->ev, &s->gone);
    feed_cancel(&s->feed);
    stream_clear(&s->stream);
    free(s);
}

void session_cancel(struct rpc_call *call, enum close_reason why)
{
    struct session *s = rpc_state(call);

    if (s) {
        feed_cancel(&s->feed);
        ev_timer_stop(s->stream.loop->ev, &s->gone);
    }
    stream_cancel(call, why);
}

static enum rpc_taken refuse(struct rpc_call *call, const char *why)
{
    struct err e;

    err_set(&e, STATUS_INVALID_ARGUMENT, 0, "%s", why);
    rpc_finish(call, &e);
    return RPC_NEXT;
}

static void end_input(struct session *s)
{
    struct err e;

    s->input_ended = true;
    if (s->stream.sub.exec && exec_close_input(s->stream.sub.exec, &e) < 0)
        rpc_finish(s->stream.call, &e);
}

static void on_not_gone(struct ev_loop *ev, ev_timer *w, int revents)
{
    (void)ev;
    (void)revents;
    end_input(w->data);
}

/* The first message: it opens the session, and is held until there is a process that can be fed. */
static enum rpc_taken open_session(struct rpc_call *call, const Guest__V1__SessionRequest *m)
{
    struct session *s;
    struct err e;

    if (m->request_case != GUEST__V1__SESSION_REQUEST__REQUEST_START &&
        m->request_case != GUEST__V1__SESSION_REQUEST__REQUEST_ATTACH)
        return refuse(call, "the first message must be start or attach");
    s = calloc(1, sizeof *s);
    if (!s) {
        err_nomem(&e, "open the session");
        rpc_finish(call, &e);
        return RPC_NEXT;
    }
    stream_init(&s->stream, call, STREAM_SESSION);
    feed_init(&s->feed, call);
    ev_init(&s->gone, on_not_gone);
    s->gone.data = s;
    rpc_set_state(call, s, session_destroy);
    if (m->request_case == GUEST__V1__SESSION_REQUEST__REQUEST_START) {
        stream_open_start(&s->stream, m->start);
    } else {
        if (rpc_timeout_ms(call))
            stream_limit(&s->stream, rpc_timeout_ms(call));
        stream_open_connect(&s->stream, m->attach);
    }
    s->opening = s->stream.sub.exec && s->stream.sub.exec->state == EXEC_SPAWNING;
    return s->opening ? RPC_HOLD : RPC_NEXT;
}

/* Once: the process takes no more input. What comes of it is thrown away, as by a pipe that nobody reads. */
static void tell_closed(struct session *s)
{
    Guest__V1__SessionResponse response = GUEST__V1__SESSION_RESPONSE__INIT;
    Guest__V1__SessionResponse__InputClosed closed = GUEST__V1__SESSION_RESPONSE__INPUT_CLOSED__INIT;

    s->told_closed = true;
    closed.taken = s->taken + s->feed.taken;
    response.response_case = GUEST__V1__SESSION_RESPONSE__RESPONSE_INPUT_CLOSED;
    response.input_closed = &closed;
    rpc_send(s->stream.call, &response.base);
}

static enum rpc_taken take_input(struct session *s, struct exec *x, const ProtobufCBinaryData *data)
{
    struct err e;
    int ret;

    if (s->told_closed || data->len == 0)
        return RPC_NEXT;
    ret = feed_bytes(&s->feed, x, x->pty, data, &e);
    if (ret == 0)
        return RPC_HOLD;
    if (ret > 0) {
        s->taken += data->len;
        s->input_ended = false;
    } else if (x->input.fd < 0 || x->input.closing) {
        tell_closed(s);
    } else {
        rpc_finish(s->stream.call, &e);
    }
    return RPC_NEXT;
}

/* A process that has just ended takes neither size nor signal, and its end is on its way; what was wrong with the request ends
 * the session. */
static enum rpc_taken take_order(struct session *s, struct exec *x, const Guest__V1__SessionRequest *m)
{
    struct err e;
    int ret;

    if (m->request_case == GUEST__V1__SESSION_REQUEST__REQUEST_RESIZE) {
        if (!x->pty)
            return refuse(s->stream.call, "resize: the process has no terminal");
        ret = resize_process(x, m->resize, &e);
    } else {
        ret = signal_process(x, m->signal->number, m->signal->target, m->signal->grace_ms, &e);
    }
    if (ret < 0 && (x->state == EXEC_RUNNING || e.status == STATUS_INVALID_ARGUMENT))
        rpc_finish(s->stream.call, &e);
    return RPC_NEXT;
}

enum rpc_taken session_message(struct rpc_call *call, const ProtobufCMessage *message)
{
    const Guest__V1__SessionRequest *m = (const Guest__V1__SessionRequest *)message;
    struct session *s = rpc_state(call);
    struct exec *x;

    if (!s)
        return open_session(call, m);
    x = s->stream.sub.exec;
    switch (m->request_case) {
    case GUEST__V1__SESSION_REQUEST__REQUEST_START:
    case GUEST__V1__SESSION_REQUEST__REQUEST_ATTACH:
        if (!s->opening)
            return refuse(call, "the session has its process already");
        s->opening = false;
        return RPC_NEXT;
    case GUEST__V1__SESSION_REQUEST__REQUEST_INPUT:
        return take_input(s, x, &m->input);
    case GUEST__V1__SESSION_REQUEST__REQUEST_CLOSE_INPUT:
        end_input(s);
        return RPC_NEXT;
    case GUEST__V1__SESSION_REQUEST__REQUEST_RESIZE:
    case GUEST__V1__SESSION_REQUEST__REQUEST_SIGNAL:
        return take_order(s, x, m);
    case GUEST__V1__SESSION_REQUEST__REQUEST_KEEPALIVE:
        return RPC_NEXT;
    default:
        return refuse(call, "a session's message that this agent does not know");
    }
}

/* Who cancels may end the request first, as connect-go does: it has gone then, and its process keeps its input. */
void session_half_close(struct rpc_call *call)
{
    struct session *s = rpc_state(call);

    if (!s)
        refuse(call, "the first message must be start or attach");
    else if (!s->input_ended)
        loop_timer(s->stream.loop, &s->gone, SESSION_END_MS);
}
