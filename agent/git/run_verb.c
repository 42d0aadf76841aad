#include "git/verbs.h"

/* --- Run ------------------------------------------------------------------------------------- */

/* Options of git itself, before its verb, would undo the policy. */
static int check_args(const Guest__V1__RunGitRequest *m, struct err *e)
{
    if (m->n_args == 0 || !*m->args[0] || *m->args[0] == '-')
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "args: the first is not the name of a git command");
    return 0;
}

static int ask(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__RunGitRequest *m = (const Guest__V1__RunGitRequest *)message;

    if (check_args(m, e) < 0)
        return -1;
    for (size_t i = 0; i < m->n_args; i++) {
        const char *arg = arena_string(&c->arena, bytes_of(m->args[i]));

        if (!arg)
            return err_nomem(e, "run git");
        if (git_call_arg(c, arg, e) < 0)
            return -1;
    }
    c->command.globs = true;
    c->command.input = m->input.len > 0;
    return chain_copy(&c->input, m->input.data, m->input.len) < 0 ? err_nomem(e, "run git") : 0;
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

/* Any exit code is an answer. */
static int ended(struct git_call *c, struct err *e)
{
    Guest__V1__RunGitResponse r = GUEST__V1__RUN_GIT_RESPONSE__INIT;
    Guest__V1__RunGitResult result = GUEST__V1__RUN_GIT_RESULT__INIT;

    (void)e;
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
