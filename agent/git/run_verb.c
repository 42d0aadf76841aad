#include "git/remote.h"
#include "git/verbs.h"

/* --- Run ------------------------------------------------------------------------------------- */

/* Options of git itself, before its verb, would undo the policy. */
static int check_args(const Guest__V1__RunGitRequest *m, struct err *e)
{
    if (m->n_args == 0 || !*m->args[0] || *m->args[0] == '-')
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "args: the first is not the name of a git command");
    return 0;
}

/* What the request says, for a run that others may come before. */
struct request {
    struct git_remote remote;
    bool asked; /* the command itself runs */
    const char **args;
    size_t n_args;
    bool input;
};

static bool is_http(const char *arg)
{
    return strncmp(arg, "https://", 8) == 0 || strncmp(arg, "http://", 7) == 0;
}

/* A copy of an argument. A URL is what the credentials are for, and loses its own. */
static const char *take_arg(struct git_call *c, const char *arg, struct err *e)
{
    const char *copy;

    if (is_http(arg))
        return git_call_aim(c, arg, e);
    copy = arena_string(&c->arena, bytes_of(arg));
    if (!copy)
        err_nomem(e, "run git");
    return copy;
}

static int run_args(struct git_call *c, struct request *x, struct err *e)
{
    x->asked = true;
    c->command.globs = true;
    c->command.input = x->input;
    return git_remote_args(c, x->args, x->n_args, e);
}

/* Credentials without a URL are for the remote that git would take. */
static int ask(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__RunGitRequest *m = (const Guest__V1__RunGitRequest *)message;
    struct request *x = c->state = git_call_alloc(c, sizeof *x, e);

    if (!x || check_args(m, e) < 0)
        return -1;
    if (c->store)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0,
                       "store_credentials: Run does not know whether its command has used them");
    x->args = git_call_alloc(c, m->n_args * sizeof *x->args, e);
    if (!x->args)
        return -1;
    for (; x->n_args < m->n_args; x->n_args++)
        if (!(x->args[x->n_args] = take_arg(c, m->args[x->n_args], e)))
            return -1;
    x->input = m->input.len > 0;
    if (chain_copy(&c->input, m->input.data, m->input.len) < 0)
        return err_nomem(e, "run git");
    if (c->credentials.kind == GIT_CREDENTIALS_NONE || c->credentials.origin)
        return run_args(c, x, e);
    return git_remote_begin(c, &x->remote, "", false, e);
}

static int emit(struct git_call *c, enum ring_stream stream, const struct chain *data)
{
    Guest__V1__RunGitResponse r = GUEST__V1__RUN_GIT_RESPONSE__INIT;
    ProtobufCBinaryData bytes = {data->bytes, CODEC_BULK};

    if (stream == RING_STDERR) {
        r.message_case = GUEST__V1__RUN_GIT_RESPONSE__MESSAGE_STDERR;
        r.stderr = bytes;
    } else {
        r.message_case = GUEST__V1__RUN_GIT_RESPONSE__MESSAGE_STDOUT;
        r.stdout = bytes;
    }
    return rpc_emit(c->rpc, &r.base, data);
}

/* Any exit code is an answer. Where there is no remote the credentials are for nobody. */
static int ended(struct git_call *c, struct err *e)
{
    Guest__V1__RunGitResponse r = GUEST__V1__RUN_GIT_RESPONSE__INIT;
    Guest__V1__RunGitResult result = GUEST__V1__RUN_GIT_RESULT__INIT;
    struct request *x = c->state;

    if (!x->asked) {
        if (git_remote_next(c, &x->remote, e) == 0)
            return 0;
        c->reason = GIT_UNSPECIFIED;
        git_call_again(c);
        return run_args(c, x, e);
    }
    result.exit_code = c->op->run.end.code;
    r.message_case = GUEST__V1__RUN_GIT_RESPONSE__MESSAGE_RESULT;
    r.result = &result;
    git_call_reply(c, &r.base);
    return 0;
}

const struct git_verb git_verb_run = {.name = "Run",
                                      .kind = RPC_SERVER_STREAM,
                                      .input = &guest__v1__run_git_request__descriptor,
                                      .output = &guest__v1__run_git_response__descriptor,
                                      .access = GIT_WRITES,
                                      .any_code = true,
                                      .ask = ask,
                                      .ended = ended,
                                      .emit = emit};
