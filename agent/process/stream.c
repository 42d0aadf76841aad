/* Start and Connect: a stream of one process's events. */
#include "core/limits.h"
#include "guest/v1/agent.pb-c.h"
#include "process/internal.h"

static const struct exec_sub_events sub_events;

/* --- messages -------------------------------------------------------------------------------- */

/* The responses differ in their names only. */
union response {
    Process__StartResponse start;
    Process__ConnectResponse connect;
    Guest__V1__SessionResponse session;
};

static const ProtobufCMessage *wrap(const struct stream *s, union response *r, Process__ProcessEvent *event)
{
    switch (s->kind) {
    case STREAM_START:
        process__start_response__init(&r->start);
        r->start.event = event;
        return &r->start.base;
    case STREAM_CONNECT:
        process__connect_response__init(&r->connect);
        r->connect.event = event;
        return &r->connect.base;
    default:
        guest__v1__session_response__init(&r->session);
        r->session.response_case = GUEST__V1__SESSION_RESPONSE__RESPONSE_EVENT;
        r->session.event = event;
        return &r->session.base;
    }
}

static void send_start(struct stream *s, pid_t pid, uint64_t id, uint64_t offset)
{
    Process__ProcessEvent event = PROCESS__PROCESS_EVENT__INIT;
    Process__ProcessEvent__StartEvent start = PROCESS__PROCESS_EVENT__START_EVENT__INIT;
    union response r;

    start.pid = (uint32_t)pid;
    if (s->events.offsets) {
        start._id_case = PROCESS__PROCESS_EVENT__START_EVENT___ID_ID;
        start.id = id;
        start._offset_case = PROCESS__PROCESS_EVENT__START_EVENT___OFFSET_OFFSET;
        start.offset = offset;
    }
    event.event_case = PROCESS__PROCESS_EVENT__EVENT_START;
    event.start = &start;
    rpc_send(s->call, wrap(s, &r, &event));
}

static void send_exited(struct stream *s, const struct exec *x)
{
    Process__ProcessEvent event = PROCESS__PROCESS_EVENT__INIT;
    Process__ProcessEvent__ExitedEvent exited = PROCESS__PROCESS_EVENT__EXITED_EVENT__INIT;
    struct exit_record room;
    union response r;

    exited.record = options_exit(&x->exit, &room);
    if (s->events.offsets) {
        exited._offset_case = PROCESS__PROCESS_EVENT__EXITED_EVENT___OFFSET_OFFSET;
        exited.offset = x->own_end;
    }
    event.event_case = PROCESS__PROCESS_EVENT__EVENT_EXITED;
    event.exited = &exited;
    rpc_send(s->call, wrap(s, &r, &event));
}

static void send_end(struct stream *s, const struct exec_exit *exit, uint64_t offset, bool truncated)
{
    Process__ProcessEvent event = PROCESS__PROCESS_EVENT__INIT;
    Process__ProcessEvent__EndEvent end = PROCESS__PROCESS_EVENT__END_EVENT__INIT;
    struct exit_record room;
    union response r;
    char status[64];

    exec_status_text(exit, status);
    end.exit_code = exit->code;
    end.exited = exit->signal == 0;
    end.status = status;
    if (exit->code != 0) {
        end._error_case = PROCESS__PROCESS_EVENT__END_EVENT___ERROR_ERROR;
        end.error = status;
    }
    if (s->events.exit_record)
        end.record = options_exit(exit, &room);
    if (s->events.offsets) {
        end._offset_case = PROCESS__PROCESS_EVENT__END_EVENT___OFFSET_OFFSET;
        end.offset = offset;
    }
    end.truncated = truncated && s->events.any;
    event.event_case = PROCESS__PROCESS_EVENT__EVENT_END;
    event.end = &end;
    rpc_send(s->call, wrap(s, &r, &event));
}

static int emit_data(struct stream *s)
{
    Process__ProcessEvent event = PROCESS__PROCESS_EVENT__INIT;
    Process__ProcessEvent__DataEvent output = PROCESS__PROCESS_EVENT__DATA_EVENT__INIT;
    ProtobufCBinaryData bytes = {s->unsent.bytes, CODEC_BULK};
    union response r;

    if (s->events.offsets) {
        output._offset_case = PROCESS__PROCESS_EVENT__DATA_EVENT___OFFSET_OFFSET;
        output.offset = s->unsent_offset;
    }
    switch (s->unsent_stream) {
    case RING_STDOUT:
        output.output_case = PROCESS__PROCESS_EVENT__DATA_EVENT__OUTPUT_STDOUT;
        output.stdout = bytes;
        break;
    case RING_STDERR:
        output.output_case = PROCESS__PROCESS_EVENT__DATA_EVENT__OUTPUT_STDERR;
        output.stderr = bytes;
        break;
    case RING_PTY:
        output.output_case = PROCESS__PROCESS_EVENT__DATA_EVENT__OUTPUT_PTY;
        output.pty = bytes;
        break;
    }
    event.event_case = PROCESS__PROCESS_EVENT__EVENT_DATA;
    event.data = &output;
    return rpc_emit(s->call, wrap(s, &r, &event), &s->unsent);
}

static void start_keepalive(struct stream *s)
{
    static Process__ProcessEvent__KeepAlive alive = PROCESS__PROCESS_EVENT__KEEP_ALIVE__INIT;
    static Process__ProcessEvent event = PROCESS__PROCESS_EVENT__INIT;
    static union response responses[STREAM_SESSION + 1];

    event.event_case = PROCESS__PROCESS_EVENT__EVENT_KEEPALIVE;
    event.keepalive = &alive;
    rpc_keepalive(s->call, rpc_keepalive_wish(s->call), wrap(s, &responses[s->kind], &event));
}

/* --- what the process does ------------------------------------------------------------------- */

static void on_started(struct exec_sub *sub)
{
    struct stream *s = CONTAINER_OF(sub, struct stream, sub);

    send_start(s, sub->exec->pid, sub->exec->id, 0);
    start_keepalive(s);
    rpc_resume(s->call); /* what waits for a process that can be fed */
}

static void on_exited(struct exec_sub *sub)
{
    struct stream *s = CONTAINER_OF(sub, struct stream, sub);

    if (s->events.exited)
        send_exited(s, sub->exec);
}

static void on_failed(struct exec_sub *sub, const struct err *e, enum spawn_stage stage, const char *object)
{
    struct stream *s = CONTAINER_OF(sub, struct stream, sub);
    Guest__V1__SpawnFailure detail = GUEST__V1__SPAWN_FAILURE__INIT;

    detail.stage = (char *)(uintptr_t)spawn_stage_name(stage);
    detail.errno_number = e->errnum;
    detail.object = (char *)(uintptr_t)object;
    rpc_add_detail(s->call, &detail.base);
    rpc_finish(s->call, e);
}

static void on_ready(struct exec_sub *sub)
{
    struct stream *s = CONTAINER_OF(sub, struct stream, sub);

    rpc_kick(s->call);
}

static const struct exec_sub_events sub_events = {on_started, on_failed, on_exited, on_ready};

static void timed_out(struct stream *s)
{
    struct err e;

    err_set(&e, STATUS_DEADLINE_EXCEEDED, 0, "context deadline exceeded");
    rpc_finish(s->call, &e);
}

/* It is time; or the process was killed for that and did not go: no reason to let the client wait. */
static void on_overdue(struct ev_loop *ev, ev_timer *w, int revents)
{
    (void)ev;
    (void)revents;
    timed_out(w->data);
}

/* The process is through: its end, unless it was its own time-out that ended it. */
static void finish(struct stream *s)
{
    const struct exec *x = s->sub.exec;
    struct exec_exit exit = x->exit;
    uint64_t head = x->cut;
    bool truncated = x->truncated;

    exec_unsubscribe(&s->sub);
    if (s->owner && exit.timed_out) {
        timed_out(s);
        return;
    }
    send_end(s, &exit, head, truncated);
    rpc_finish(s->call, NULL);
}

static void dropped(struct stream *s)
{
    struct err e;

    err_set(
        &e, STATUS_RESOURCE_EXHAUSTED, 0,
        "this client did not read for a second while others waited: output from offset %llu on was not sent",
        (unsigned long long)s->sub.cursor.offset);
    exec_unsubscribe(&s->sub);
    rpc_finish(s->call, &e);
}

enum rpc_produced stream_produce(struct rpc_call *call, size_t max)
{
    struct stream *s = rpc_state(call);

    if (!s)
        return RPC_WAIT;
    if (s->unsent.bytes == 0) {
        if (!s->sub.exec)
            return RPC_WAIT;
        if (rpc_frame_begins(call))
            exec_taken(&s->sub);
        s->unsent_offset = s->sub.cursor.offset;
        switch (exec_read(&s->sub, max, &s->unsent, &s->unsent_stream)) {
        case EXEC_DATA:
            break;
        case EXEC_END:
            finish(s);
            return RPC_WAIT;
        case EXEC_DROPPED:
            dropped(s);
            return RPC_WAIT;
        case EXEC_NO_MEMORY:
            rpc_starve(call);
            return RPC_WAIT;
        case EXEC_AGAIN:
            return RPC_WAIT;
        }
    }
    if (emit_data(s) < 0)
        return RPC_WAIT;
    chain_drop(&s->unsent, s->unsent.bytes);
    return RPC_MORE;
}

/* --- requests -------------------------------------------------------------------------------- */

void stream_init(struct stream *s, struct rpc_call *call, enum stream_kind kind)
{
    struct process_service *p = rpc_context(call);

    s->call = call;
    s->kind = kind;
    s->loop = p->execs->loop;
    ev_init(&s->overdue, on_overdue);
    s->overdue.data = s;
}

void stream_clear(struct stream *s)
{
    ev_timer_stop(s->loop->ev, &s->overdue);
    exec_unsubscribe(&s->sub);
    chain_clear(&s->unsent);
}

void stream_limit(struct stream *s, uint64_t ms)
{
    loop_timer(s->loop, &s->overdue, ms);
}

static void stream_destroy(void *state)
{
    stream_clear(state);
    free(state);
}

void stream_cancel(struct rpc_call *call, enum close_reason why)
{
    struct stream *s = rpc_state(call);

    (void)why;
    if (!s || !s->sub.exec)
        return;
    if (s->kill_on_gone)
        exec_kill(s->sub.exec);
    exec_unsubscribe(&s->sub); /* at once, and else the process goes on */
}

/* A stream as the state of the call; NULL: the call was finished with an error. */
static struct stream *stream_new(struct rpc_call *call, enum stream_kind kind)
{
    struct stream *s = calloc(1, sizeof *s);
    struct err e;

    if (!s) {
        err_nomem(&e, "open the stream");
        rpc_finish(call, &e);
        return NULL;
    }
    stream_init(s, call, kind);
    rpc_set_state(call, s, stream_destroy);
    return s;
}

/* The request as a spec whose pointers lie in the message; vars has room for its variables. */
static void view_of(struct rpc_call *call, const Process__StartRequest *m,
                    const Process__ProcessConfig *config, struct exec_var *vars, struct exec_spec *view)
{
    const Process__PTY__Size *size = m->_pty_case && m->pty ? m->pty->size : NULL;

    for (size_t i = 0; i < config->n_envs; i++)
        vars[i] = (struct exec_var){config->envs[i]->key, config->envs[i]->value};
    *view = (struct exec_spec){
        .cmd = config->cmd,
        .args = (const char *const *)config->args,
        .arg_count = config->n_args,
        .vars = vars,
        .var_count = config->n_envs,
        .cwd = config->_cwd_case ? config->cwd : NULL,
        .tag = m->_tag_case ? m->tag : NULL,
        .user = rpc_user(call),
        .pty = m->_pty_case != 0,
        .cols = size ? (uint16_t)MIN(size->cols, UINT16_MAX) : 0,
        .rows = size ? (uint16_t)MIN(size->rows, UINT16_MAX) : 0,
        .stdin_pipe = !m->_stdin_case || m->stdin,
        .in_agent_cgroup = m->_tag_case && strcmp(m->tag, "_system") == 0,
        .timeout_ms = rpc_timeout_ms(call),
    };
}

/* Watches a process that is there already, from the offset on; of one that has ended lately and whose output is gone,
 * start and end. */
static void watch(struct stream *s, struct exec *x, const struct exec_past *past, uint64_t offset)
{
    struct err e;

    if (!x) {
        send_start(s, past->pid, past->id, past->head);
        send_end(s, &past->exit, past->head, false);
        rpc_finish(s->call, NULL);
        return;
    }
    if (exec_subscribe(x, &s->sub, &sub_events, offset, &e) < 0) {
        rpc_finish(s->call, &e);
        return;
    }
    if (x->state == EXEC_SPAWNING)
        return; /* on_started comes */
    send_start(s, x->pid, x->id, s->sub.waiting ? x->ring.head : s->sub.cursor.offset);
    if (s->events.exited && x->state >= EXEC_EXITED)
        send_exited(s, x);
    start_keepalive(s);
    rpc_kick(s->call); /* what is replayed is there already */
}

/* A retried Start: watches what the first one started. Returns false when there is nothing of that key. */
static bool start_again(struct stream *s, struct execs *t, const char *key)
{
    struct exec *x = key ? exec_by_key(t, key) : NULL;
    const struct exec_past *past = key && !x ? exec_past_by_key(t, key) : NULL;

    if (!x && !past)
        return false;
    watch(s, x, past, 0);
    return true;
}

/* The spec that the request describes; NULL with *e. */
static struct exec_spec *spec_of(struct rpc_call *call, const Process__StartRequest *m, struct err *e)
{
    static const Process__ProcessConfig no_config = PROCESS__PROCESS_CONFIG__INIT;
    const Process__ProcessConfig *config = m->process ? m->process : &no_config;
    CLEANUP_FREE struct exec_var *vars = NULL;
    struct exec_limit limits[START_LIMITS_MAX];
    struct exec_spec view, *spec;

    if (config->n_envs > ENV_VARS_MAX) {
        err_set(e, STATUS_INVALID_ARGUMENT, 0, "%zu environment variables: more than %d", config->n_envs,
                ENV_VARS_MAX);
        return NULL;
    }
    vars = malloc((config->n_envs + 1) * sizeof *vars);
    if (!vars) {
        err_nomem(e, "start a process");
        return NULL;
    }
    view_of(call, m, config, vars, &view);
    if (options_start(m->options, limits, &view, e) < 0)
        return NULL;
    spec = exec_spec_copy(&view);
    if (!spec)
        err_nomem(e, "start a process");
    return spec;
}

void stream_open_start(struct stream *s, const Process__StartRequest *m)
{
    struct process_service *p = rpc_context(s->call);
    struct exec_spec *spec;
    struct err e;

    spec = spec_of(s->call, m, &e);
    if (!spec) {
        rpc_finish(s->call, &e);
        return;
    }
    s->events = options_events(m->events);
    if (start_again(s, p->execs, spec->key)) {
        exec_spec_free(spec);
        return;
    }
    s->owner = true;
    s->events.any |= m->options != NULL;
    s->kill_on_gone = spec->kill_on_gone;
    if (spec->timeout_ms)
        stream_limit(s, spec->timeout_ms + spec->grace_ms + SPAWN_TIMEOUT_MS + EXIT_GRACE_MS);
    if (exec_start(p->execs, spec, p->settings->env, &s->sub, &sub_events, &e) < 0)
        rpc_finish(s->call, &e);
}

void stream_open_connect(struct stream *s, const Process__ConnectRequest *m)
{
    struct process_service *p = rpc_context(s->call);
    const struct exec_past *past = NULL;
    struct exec *x;
    struct err e;

    x = select_process(p, m->process, &past, &e);
    if (!x && !past) {
        rpc_finish(s->call, &e);
        return;
    }
    if (!x && m->replay) /* its output may be kept */
        x = exec_by_id(p->execs, past->id);
    s->events = options_events(m->events);
    watch(s, x, past, x ? options_replay(m->replay, MIN(x->ring.head, x->cut)) : 0);
}

enum rpc_taken stream_start(struct rpc_call *call, const ProtobufCMessage *message)
{
    struct stream *s = stream_new(call, STREAM_START);

    if (s)
        stream_open_start(s, (const Process__StartRequest *)message);
    return RPC_NEXT;
}

enum rpc_taken stream_connect(struct rpc_call *call, const ProtobufCMessage *message)
{
    struct stream *s = stream_new(call, STREAM_CONNECT);

    if (s)
        stream_open_connect(s, (const Process__ConnectRequest *)message);
    return RPC_NEXT;
}
