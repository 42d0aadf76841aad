#include "process/process_service.h"

#include <signal.h>

#include "core/arena.h"
#include "core/limits.h"
#include "process/internal.h"

struct exec *select_process(struct process_service *p, const Process__ProcessSelector *selector,
                            const struct exec_past **past, struct err *e)
{
    struct exec *x;

    switch (selector ? selector->selector_case : PROCESS__PROCESS_SELECTOR__SELECTOR__NOT_SET) {
    case PROCESS__PROCESS_SELECTOR__SELECTOR_PID:
        x = exec_by_pid(p->execs, (pid_t)selector->pid);
        if (!x && past)
            *past = exec_past_by_pid(p->execs, (pid_t)selector->pid);
        if (!x)
            err_set(e, STATUS_NOT_FOUND, 0, "process with pid %u not found", selector->pid);
        return x;
    case PROCESS__PROCESS_SELECTOR__SELECTOR_TAG:
        x = exec_by_tag(p->execs, selector->tag);
        if (!x && past)
            *past = exec_past_by_tag(p->execs, selector->tag);
        if (!x)
            err_set(e, STATUS_NOT_FOUND, 0, "process with tag %s not found", selector->tag);
        return x;
    case PROCESS__PROCESS_SELECTOR__SELECTOR_ID:
        x = exec_by_id(p->execs, selector->id);
        if (!x && past)
            *past = exec_past_by_id(p->execs, selector->id);
        if (!x)
            err_set(e, STATUS_NOT_FOUND, 0, "process with id %llu not found",
                    (unsigned long long)selector->id);
        return x;
    default:
        err_set(e, STATUS_UNIMPLEMENTED, 0, "invalid input type *process.ProcessSelector");
        return NULL;
    }
}

/* --- List ------------------------------------------------------------------------------------ */

/* One process of the answer; strings stay the process's. */
static Process__ProcessInfo *describe(const struct exec *x, bool ids, struct arena *a)
{
    const struct exec_spec *spec = x->spec;
    Process__ProcessInfo *info = arena_alloc(a, sizeof *info);
    Process__ProcessConfig *config = arena_alloc(a, sizeof *config);
    Process__ProcessConfig__EnvsEntry **envs = arena_array(a, spec->var_count, sizeof *envs);
    Process__ProcessConfig__EnvsEntry *entries = arena_array(a, spec->var_count, sizeof *entries);

    if (!info || !config || !envs || !entries)
        return NULL;
    process__process_info__init(info);
    process__process_config__init(config);
    info->config = config;
    info->pid = (uint32_t)x->pid;
    if (ids) {
        info->_id_case = PROCESS__PROCESS_INFO___ID_ID;
        info->id = x->id;
    }
    if (spec->tag) {
        info->_tag_case = PROCESS__PROCESS_INFO___TAG_TAG;
        info->tag = (char *)(uintptr_t)spec->tag;
    }
    config->cmd = (char *)(uintptr_t)spec->cmd;
    config->n_args = spec->arg_count;
    config->args = (char **)(uintptr_t)spec->args;
    config->n_envs = spec->var_count;
    config->envs = envs;
    for (size_t i = 0; i < spec->var_count; i++) {
        process__process_config__envs_entry__init(&entries[i]);
        entries[i].key = (char *)(uintptr_t)spec->vars[i].name;
        entries[i].value = (char *)(uintptr_t)spec->vars[i].value;
        envs[i] = &entries[i];
    }
    if (spec->cwd) {
        config->_cwd_case = PROCESS__PROCESS_CONFIG___CWD_CWD;
        config->cwd = (char *)(uintptr_t)spec->cwd;
    }
    return info;
}

static enum rpc_taken list(struct rpc_call *call, const ProtobufCMessage *message)
{
    const Process__ListRequest *m = (const Process__ListRequest *)message;
    struct process_service *p = rpc_context(call);
    Process__ListResponse response = PROCESS__LIST_RESPONSE__INIT;
    struct arena arena = {.max = DECODE_MAX};
    struct exec *x;
    struct err e;

    response.processes = arena_array(&arena, p->execs->count + 1, sizeof *response.processes);
    TAILQ_FOREACH (x, &p->execs->live, link) {
        Process__ProcessInfo *info;

        if (x->state == EXEC_SPAWNING)
            continue;
        info = response.processes ? describe(x, m->ids, &arena) : NULL;
        if (!info) {
            err_nomem(&e, "list the processes");
            rpc_finish(call, &e);
            arena_clear(&arena);
            return RPC_NEXT;
        }
        response.processes[response.n_processes++] = info;
    }
    rpc_reply(call, &response.base);
    arena_clear(&arena);
    return RPC_NEXT;
}

/* --- Update, SendSignal, CloseStdin ---------------------------------------------------------- */

int resize_process(struct exec *x, const Process__PTY__Size *size, struct err *e)
{
    return exec_resize(x, size ? (uint16_t)MIN(size->cols, UINT16_MAX) : 0,
                       size ? (uint16_t)MIN(size->rows, UINT16_MAX) : 0, e);
}

static enum rpc_taken update(struct rpc_call *call, const ProtobufCMessage *message)
{
    static const Process__UpdateResponse done = PROCESS__UPDATE_RESPONSE__INIT;
    const Process__UpdateRequest *m = (const Process__UpdateRequest *)message;
    struct err e;
    struct exec *x = select_process(rpc_context(call), m->process, NULL, &e);

    if (x && (!m->_pty_case || !m->pty || resize_process(x, m->pty->size, &e) == 0))
        rpc_reply(call, &done.base);
    else
        rpc_finish(call, &e);
    return RPC_NEXT;
}

int signal_process(struct exec *x, uint32_t number, Process__SignalTarget target, uint32_t grace_ms,
                   struct err *e)
{
    enum exec_target whom;

    if (grace_ms > GRACE_MAX_MS)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "grace_ms %u: more than %u", grace_ms, GRACE_MAX_MS);
    if (number < 1 || number > (uint32_t)SIGRTMAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "signal %u: not from 1 to %d", number, SIGRTMAX);
    if (options_target(target, &whom, e) < 0)
        return -1;
    return exec_signal(x, (int)number, whom, grace_ms, e);
}

/* The signal that is asked for. envd knows two; more come by number. */
static int signal_of(const Process__SendSignalRequest *m, uint32_t *number, struct err *e)
{
    *number = m->number ? m->number : (uint32_t)m->signal;
    if (m->number)
        return 0;
    if (m->signal == PROCESS__SIGNAL__SIGNAL_SIGTERM || m->signal == PROCESS__SIGNAL__SIGNAL_SIGKILL)
        return 0;
    if (m->signal == PROCESS__SIGNAL__SIGNAL_UNSPECIFIED)
        return err_set(e, STATUS_UNIMPLEMENTED, 0, "invalid signal: SIGNAL_UNSPECIFIED");
    return err_set(e, STATUS_UNIMPLEMENTED, 0, "invalid signal: %d", (int)m->signal);
}

static enum rpc_taken send_signal(struct rpc_call *call, const ProtobufCMessage *message)
{
    static const Process__SendSignalResponse done = PROCESS__SEND_SIGNAL_RESPONSE__INIT;
    const Process__SendSignalRequest *m = (const Process__SendSignalRequest *)message;
    struct err e;
    struct exec *x = select_process(rpc_context(call), m->process, NULL, &e);
    uint32_t number;

    if (x && signal_of(m, &number, &e) == 0 && signal_process(x, number, m->target, m->grace_ms, &e) == 0)
        rpc_reply(call, &done.base);
    else
        rpc_finish(call, &e);
    return RPC_NEXT;
}

static enum rpc_taken close_stdin(struct rpc_call *call, const ProtobufCMessage *message)
{
    static const Process__CloseStdinResponse done = PROCESS__CLOSE_STDIN_RESPONSE__INIT;
    const Process__CloseStdinRequest *m = (const Process__CloseStdinRequest *)message;
    struct err e;
    struct exec *x = select_process(rpc_context(call), m->process, NULL, &e);

    if (x && exec_close_input(x, &e) == 0)
        rpc_reply(call, &done.base);
    else
        rpc_finish(call, &e);
    return RPC_NEXT;
}

/* --- the table ------------------------------------------------------------------------------- */

#define METHOD(name_, kind_, request, response, ...)                                                         \
    {                                                                                                        \
        .name = name_, .kind = kind_, .input = &process__##request##__descriptor,                            \
        .output = &process__##response##__descriptor, __VA_ARGS__                                            \
    }

static const struct rpc_method methods[] = {
    METHOD("List", RPC_UNARY, list_request, list_response, .message = list),
    METHOD("Connect", RPC_SERVER_STREAM, connect_request, connect_response, .message = stream_connect,
           .produce = stream_produce, .cancel = stream_cancel),
    METHOD("Start", RPC_SERVER_STREAM, start_request, start_response, .message = stream_start,
           .produce = stream_produce, .cancel = stream_cancel, .flags = RPC_OWN_DEADLINE),
    METHOD("Update", RPC_UNARY, update_request, update_response, .message = update),
    METHOD("StreamInput", RPC_CLIENT_STREAM, stream_input_request, stream_input_response,
           .message = input_stream, .half_close = input_stream_end, .cancel = input_cancel,
           .flags = RPC_BULK),
    METHOD("SendInput", RPC_UNARY, send_input_request, send_input_response, .message = input_send,
           .cancel = input_cancel, .flags = RPC_BULK),
    METHOD("SendSignal", RPC_UNARY, send_signal_request, send_signal_response, .message = send_signal,
           .flags = RPC_CONTROL),
    METHOD("CloseStdin", RPC_UNARY, close_stdin_request, close_stdin_response, .message = close_stdin),
};

static const struct rpc_method session_methods[] = {
    {.name = "Session",
     .kind = RPC_BIDI_STREAM,
     .flags = RPC_OWN_DEADLINE | RPC_BULK,
     .input = &guest__v1__session_request__descriptor,
     .output = &guest__v1__session_response__descriptor,
     .message = session_message,
     .half_close = session_half_close,
     .produce = stream_produce,
     .cancel = session_cancel},
};

int process_service_init(struct process_service *s, struct rpc *rpc, struct execs *execs,
                         struct settings *settings)
{
    s->execs = execs;
    s->settings = settings;
    s->service = (struct rpc_service){
        .name = "process.Process", .methods = methods, .count = ARRAY_LEN(methods), .context = s};
    s->sessions = (struct rpc_service){.name = "guest.v1.Exec",
                                       .methods = session_methods,
                                       .count = ARRAY_LEN(session_methods),
                                       .context = s};
    return rpc_register(rpc, &s->service) < 0 ? -1 : rpc_register(rpc, &s->sessions);
}
