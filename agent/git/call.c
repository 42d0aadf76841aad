#include "git/call.h"

#include "core/fd.h"
#include "core/limits.h"
#include "core/utf8.h"
#include "git/conflict.h"
#include "git/plain.h"
#include "git/store.h"
#include "git/stream.h"

/* The most that a field of a message has beside its text: a tag, a length. */
#define FIELD_MAX ((size_t)8)

/* --- the end --------------------------------------------------------------------------------- */

/* Nothing of it is needed any more: the next in line gets its turn, whether the client reads or not. */
static void let_go(struct git_call *c)
{
    ev_timer_stop(c->service->git.loop->ev, &c->deadline);
    git_asker_stop(&c->asker);
    git_credentials_clear(&c->credentials);
    if (c->op)
        git_op_close(TAKE(c->op));
}

/* The paths that the detail names, of which some may have no room. Returns how much they take of that. */
static size_t name_paths(struct git_call *c, struct bytes said, Guest__V1__GitFailure *m,
                         ProtobufCBinaryData *lock, size_t room)
{
    struct bytes path = c->reason == GIT_LOCKED ? git_errors_lock(said) : (struct bytes){0};
    size_t count = path.len > 0, n = 0, left = room;

    *lock = (ProtobufCBinaryData){path.len, (uint8_t *)(uintptr_t)path.ptr};
    m->paths = lock;
    if (c->conflict) {
        m->paths = c->conflict->paths;
        count = c->conflict->count;
        m->paths_truncated = c->conflict->truncated;
    }
    while (n < count && m->paths[n].len + FIELD_MAX <= left)
        left -= m->paths[n++].len + FIELD_MAX;
    m->n_paths = n;
    m->paths_truncated |= n < count;
    return room - left;
}

/* The end of the text, as much as there is room for. */
static char *end_of(char *text, size_t room)
{
    size_t len = strlen(text);

    text += len > room ? len - room : 0;
    while (((unsigned char)*text & 0xc0) == 0x80)
        text++; /* not from inside a character */
    return text;
}

/* Says in a detail what git did: half of its room is for paths, and what they leave for git's words. */
static void add_failure(struct git_call *c)
{
    Guest__V1__GitFailure m = GUEST__V1__GIT_FAILURE__INIT;
    size_t room = rpc_detail_room(c->rpc) - 4 * FIELD_MAX;
    struct bytes said = c->kept.said;
    ProtobufCBinaryData lock;
    struct err e;

    m.reason = (Guest__V1__GitFailure__Reason)c->reason;
    m.exit_code = c->kept.code;
    if (!c->kept.yes && c->op && c->step > 0) {
        said = git_tail_text(&c->op->run.said);
        m.exit_code = c->op->run.end.code;
    }
    room -= name_paths(c, said, &m, &lock, room / 2);
    m.stderr = git_call_string(c, said, &e);
    if (m.stderr) {
        git_credentials_hide(&c->credentials, m.stderr);
        m.stderr = end_of(m.stderr, room);
    } else {
        m.stderr = (char *)(uintptr_t) "";
    }
    rpc_add_detail(c->rpc, &m.base);
}

int git_call_keep(struct git_call *c, struct err *e)
{
    struct bytes said = git_tail_text(&c->op->run.said);
    const char *copy = arena_string(&c->arena, said);

    c->kept.yes = true;
    c->kept.code = c->op->run.end.code;
    c->kept.said = (struct bytes){copy ? copy : "", copy ? said.len : 0};
    return copy ? 0 : err_nomem(e, "run git");
}

static void finish(struct git_call *c, const struct err *e)
{
    struct err shown = *e;

    add_failure(c);
    git_credentials_hide(&c->credentials, shown.text);
    let_go(c);
    rpc_finish(c->rpc, &shown);
}

void git_call_end(struct git_call *c)
{
    let_go(c);
    rpc_finish(c->rpc, NULL);
}

void git_call_reply(struct git_call *c, const ProtobufCMessage *m)
{
    rpc_send(c->rpc, m);
    git_call_end(c);
}

static void on_deadline(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct git_call *c = w->data;
    struct err e;

    (void)ev;
    (void)revents;
    c->reason = GIT_TIMED_OUT;
    err_set(&e, STATUS_DEADLINE_EXCEEDED, 0, "context deadline exceeded");
    finish(c, &e);
}

static void destroy(void *state)
{
    struct git_call *c = state;

    let_go(c);
    if (c->verb->clear && c->state)
        c->verb->clear(c);
    git_lent_clear(&c->lent);
    git_conflict_clear(c);
    git_tail_clear(&c->heard.text);
    chain_clear(&c->unsent);
    chain_clear(&c->input);
    arena_clear(&c->arena);
    free(c);
}

/* --- runs ------------------------------------------------------------------------------------ */

static void run(struct git_call *c)
{
    struct err e;

    if (git_credentials_lend(&c->credentials, c->op->place.uid, c->op->place.gid, &c->lent, &e) < 0) {
        finish(c, &e);
        return;
    }
    c->command.lent = &c->lent;
    if (c->lent.socket >= 0)
        git_asker_start(&c->asker, c->service->git.loop, fd_take(&c->lent.socket), &c->credentials);
    if (!c->out && !c->verb->emit)
        git_plain_hear(c);
    if (git_op_run(c->op, &c->command, c->out, c->err, c->command.input ? &c->input : NULL, &e) < 0)
        finish(c, &e);
}

int git_call_judge(struct git_call *c, struct err *e)
{
    const struct git_end *end = &c->op->run.end;
    struct bytes said = git_tail_text(&c->op->run.said), line;

    if (end->code == 0)
        return 0;
    c->reason = git_errors_reason(said);
    line = git_errors_line(said);
    if (end->signal)
        return err_set(e, STATUS_ABORTED, 0, "git %s was ended by signal %d", c->verb->name, end->signal);
    if (line.len == 0)
        return err_set(e, git_errors_status(c->reason), 0, "git %s: exit status %d", c->verb->name,
                       end->code);
    return err_set(e, git_errors_status(c->reason), 0, "git %s: %.*s", c->verb->name,
                   (int)MIN(line.len, (size_t)ERR_TEXT_MAX), line.ptr);
}

static void on_ready(void *owner)
{
    run(owner);
}

static void on_failed(void *owner, const struct err *e)
{
    struct git_call *c = owner;

    if (e->status == STATUS_FAILED_PRECONDITION)
        c->reason = GIT_NO_GIT;
    finish(c, e);
}

/* Finishes, when it is known which paths a conflict is about. */
static void fail(struct git_call *c, const struct err *e)
{
    if (git_conflict_ask(c, e))
        run(c);
    else
        finish(c, e);
}

static void on_ended(void *owner)
{
    struct git_call *c = owner;
    const struct git_end *end = &c->op->run.end;
    struct err e = end->error;

    c->step++;
    c->again = false;
    git_asker_stop(&c->asker);
    if (c->conflict)
        finish(c, &c->conflict->error);
    else if (c->asker.failed)
        finish(c, &c->asker.error);
    else if (end->failed || (!c->verb->any_code && git_call_judge(c, &e) < 0) || c->verb->ended(c, &e) < 0)
        fail(c, &e);
    else if (c->again)
        run(c);
}

static void on_output(void *owner)
{
    struct git_call *c = owner;

    rpc_kick(c->rpc);
}

static const struct git_op_events op_events = {on_ready, on_failed, on_ended, on_output};

void git_call_again(struct git_call *c)
{
    c->again = true;
    c->command = (struct git_command){.reads = c->command.reads,
                                      .hooks = c->command.hooks,
                                      .vars = c->command.vars,
                                      .var_count = c->command.var_count};
    c->out = c->err = NULL;
}

/* --- commands -------------------------------------------------------------------------------- */

void *git_call_alloc(struct git_call *c, size_t size, struct err *e)
{
    void *p = arena_array(&c->arena, 1, size);

    if (!p)
        err_nomem(e, "run git");
    return p;
}

char *git_call_string(struct git_call *c, struct bytes text, struct err *e)
{
    char *s = arena_string(&c->arena, text);

    if (!s) {
        err_nomem(e, "run git");
        return NULL;
    }
    for (size_t at = 0, n; at < text.len; at += n ? n : 1) {
        n = utf8_char((struct bytes){s + at, text.len - at});
        if (n == 0 || s[at] == 0)
            s[at] = '?';
    }
    return s;
}

int git_call_bytes(struct git_call *c, struct bytes data, ProtobufCBinaryData *out, struct err *e)
{
    char *copy = arena_string(&c->arena, data);

    *out = (ProtobufCBinaryData){data.len, (uint8_t *)copy};
    return copy ? 0 : err_nomem(e, "run git");
}

int git_call_arg(struct git_call *c, const char *arg, struct err *e)
{
    struct git_command *m = &c->command;
    const char **args;

    if (m->arg_count >= GIT_ARGS_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "more than %d arguments for git", GIT_ARGS_MAX);
    args = git_plain_room(c, m->args, m->arg_count, sizeof *args, e);
    if (!args)
        return -1;
    args[m->arg_count++] = arg;
    m->args = args;
    return 0;
}

int git_call_text(struct git_call *c, const char *option, const char *text, const char *what, struct err *e)
{
    size_t n = strlen(option), len = strlen(text);
    char *arg;

    if (n == 0 && (len == 0 || *text == '-'))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "%s '%s': empty, or begins with '-'", what, text);
    arg = git_call_alloc(c, n + len + 1, e);
    if (!arg)
        return -1;
    memcpy(arg, option, n);
    memcpy(arg + n, text, len);
    return git_call_arg(c, arg, e);
}

const char *git_call_aim(struct git_call *c, const char *url, struct err *e)
{
    struct git_url u;
    const char *text = NULL;

    c->reason = GIT_BAD_URL;
    if (git_url_parse(bytes_of(url), &u, e) < 0)
        return NULL;
    c->reason = GIT_UNSPECIFIED;
    if (git_store_check(c, &u, e) == 0 && git_credentials_aim(&c->credentials, &u, e) == 0 &&
        !(text = arena_string(&c->arena, bytes_of(u.text))))
        err_nomem(e, "run git");
    git_url_clear(&u);
    return text;
}

const char **git_call_copy_paths(struct git_call *c, const ProtobufCBinaryData *paths, size_t count,
                                 struct err *e)
{
    const char **copies = git_call_alloc(c, (count + 1) * sizeof *copies, e);

    for (size_t i = 0; copies && i < count; i++) {
        struct bytes path = {(const char *)paths[i].data, paths[i].len};

        if (path.len == 0 || memchr(path.ptr, 0, path.len)) {
            err_set(e, STATUS_INVALID_ARGUMENT, 0, "paths: one is empty, or holds a NUL");
            return NULL;
        }
        copies[i] = arena_string(&c->arena, path);
        if (!copies[i]) {
            err_nomem(e, "run git");
            return NULL;
        }
    }
    return copies;
}

int git_call_paths(struct git_call *c, const ProtobufCBinaryData *paths, size_t count, struct err *e)
{
    const char **copies = git_call_copy_paths(c, paths, count, e);

    if (!copies || (count > 0 && git_call_arg(c, "--", e) < 0))
        return -1;
    for (size_t i = 0; i < count; i++)
        if (git_call_arg(c, copies[i], e) < 0)
            return -1;
    return 0;
}

/* --- the request ----------------------------------------------------------------------------- */

/* The field of that name in a message of any kind; NULL: it has none. */
static const void *field_of(const ProtobufCMessage *m, const char *name)
{
    const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);

    return f ? (const char *)m + f->offset : NULL;
}

static int take_options(struct git_call *c, const Guest__V1__GitOptions *m, struct err *e)
{
    struct exec_var *vars;

    if (!m)
        return 0;
    if (m->n_env > ENV_VARS_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "%zu environment variables: more than %d", m->n_env,
                       ENV_VARS_MAX);
    c->command.hooks = m->allow_hooks;
    vars = arena_array(&c->arena, m->n_env, sizeof *vars);
    if (!vars)
        return err_nomem(e, "run git");
    for (size_t i = 0; i < m->n_env; i++) {
        vars[i].name = arena_string(&c->arena, bytes_of(m->env[i]->key));
        vars[i].value = arena_string(&c->arena, bytes_of(m->env[i]->value));
        if (!vars[i].name || !vars[i].value)
            return err_nomem(e, "run git");
        if (git_policy_var(vars[i].name, e) < 0)
            return -1;
    }
    c->command.vars = vars;
    c->command.var_count = m->n_env;
    return 0;
}

static int take_credentials(struct git_call *c, const Guest__V1__GitCredentials *m, struct err *e)
{
    c->store = m && m->store_credentials;
    switch (m ? m->kind_case : GUEST__V1__GIT_CREDENTIALS__KIND__NOT_SET) {
    case GUEST__V1__GIT_CREDENTIALS__KIND_BASIC:
        return git_credentials_set(&c->credentials, GIT_CREDENTIALS_BASIC, m->basic->username,
                                   m->basic->password, e);
    case GUEST__V1__GIT_CREDENTIALS__KIND_BEARER:
        return git_credentials_set(&c->credentials, GIT_CREDENTIALS_BEARER, "", m->bearer, e);
    case GUEST__V1__GIT_CREDENTIALS__KIND_SSH:
        return git_credentials_set_ssh(
            &c->credentials, (struct bytes){(const char *)m->ssh->private_key.data, m->ssh->private_key.len},
            (struct bytes){(const char *)m->ssh->known_hosts.data, m->ssh->known_hosts.len},
            m->ssh->accept_new_host, e);
    default:
        return 0;
    }
}

static int take_request(struct git_call *c, const ProtobufCMessage *m, struct err *e)
{
    const Guest__V1__GitOptions *const *options = field_of(m, "options");
    const Guest__V1__GitCredentials *const *credentials = field_of(m, "credentials");
    const char *const *path = field_of(m, "path");

    c->command.reads = c->verb->access == GIT_READS;
    if ((options && take_options(c, *options, e) < 0) ||
        (credentials && take_credentials(c, *credentials, e) < 0) || c->verb->ask(c, m, e) < 0)
        return -1;
    if (!c->path)
        c->path = path ? *path : "";
    c->op = git_op_new(&c->service->git, rpc_user(c->rpc), c->path, c->verb->access, &op_events, c, e);
    return c->op ? 0 : -1;
}

enum rpc_taken git_call_message(struct rpc_call *rpc, const ProtobufCMessage *m)
{
    struct git_call *c = calloc(1, sizeof *c);
    uint64_t timeout_ms = rpc_timeout_ms(rpc);
    struct err e;

    if (!c) {
        err_nomem(&e, "run git");
        rpc_finish(rpc, &e);
        return RPC_NEXT;
    }
    *c = (struct git_call){.rpc = rpc,
                           .service = rpc_context(rpc),
                           .verb = git_service_verb(m->descriptor),
                           .lent = {.socket = -1},
                           .asker = {.fd = -1},
                           .arena = {.max = GIT_ANSWER_BYTES, .secret = true}};
    ev_init(&c->deadline, on_deadline);
    c->deadline.data = c;
    rpc_set_state(rpc, c, destroy);
    if (take_request(c, m, &e) < 0)
        finish(c, &e);
    else if (timeout_ms)
        loop_timer(c->service->git.loop, &c->deadline, timeout_ms);
    return RPC_NEXT;
}
