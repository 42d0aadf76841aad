#include "git/head.h"
#include "git/plain.h"
#include "git/verbs.h"

/* --- Add ------------------------------------------------------------------------------------- */

static int add(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__AddRequest *m = (const Guest__V1__AddRequest *)message;

    if (m->n_paths == 0 && !m->all)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "paths: there is none, without 'all'");
    if (git_plain_words(c, m->all ? "add --all" : "add", e) < 0 ||
        (m->force && git_call_arg(c, "--force", e) < 0))
        return -1;
    return git_plain_paths(c, m->paths, m->n_paths, e);
}

const struct git_verb git_verb_add = {.name = "Add",
                                      .kind = RPC_UNARY,
                                      .input = &guest__v1__add_request__descriptor,
                                      .output = &guest__v1__add_response__descriptor,
                                      .access = GIT_WRITES,
                                      .ask = add,
                                      .ended = git_plain_done};

/* --- Restore --------------------------------------------------------------------------------- */

static int restore(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__RestoreRequest *m = (const Guest__V1__RestoreRequest *)message;

    if (m->n_paths == 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "paths: there is none");
    if (git_plain_words(c, "restore --quiet", e) < 0 || (m->staged && git_call_arg(c, "--staged", e) < 0) ||
        (m->worktree && git_call_arg(c, "--worktree", e) < 0) ||
        (*m->source && git_call_text(c, "--source=", m->source, "source", e) < 0))
        return -1;
    return git_plain_paths(c, m->paths, m->n_paths, e);
}

const struct git_verb git_verb_restore = {.name = "Restore",
                                          .kind = RPC_UNARY,
                                          .input = &guest__v1__restore_request__descriptor,
                                          .output = &guest__v1__restore_response__descriptor,
                                          .access = GIT_WRITES,
                                          .ask = restore,
                                          .ended = git_plain_done};

/* --- Reset ----------------------------------------------------------------------------------- */

static int reset_mode(struct git_call *c, const Guest__V1__ResetRequest *m, struct err *e)
{
    static const char *const modes[] = {
        [GUEST__V1__RESET_REQUEST__MODE__MODE_UNSPECIFIED] = "--mixed",
        [GUEST__V1__RESET_REQUEST__MODE__MODE_SOFT] = "--soft",
        [GUEST__V1__RESET_REQUEST__MODE__MODE_MIXED] = "--mixed",
        [GUEST__V1__RESET_REQUEST__MODE__MODE_HARD] = "--hard",
        [GUEST__V1__RESET_REQUEST__MODE__MODE_MERGE] = "--merge",
        [GUEST__V1__RESET_REQUEST__MODE__MODE_KEEP] = "--keep",
    };

    if (m->n_paths > 0)
        return m->mode == GUEST__V1__RESET_REQUEST__MODE__MODE_UNSPECIFIED
                   ? 0
                   : err_set(e, STATUS_INVALID_ARGUMENT, 0, "mode: there is none for single paths");
    if ((unsigned)m->mode >= ARRAY_LEN(modes))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "mode %d: there is none", (int)m->mode);
    return git_call_arg(c, modes[m->mode], e);
}

static int reset(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__ResetRequest *m = (const Guest__V1__ResetRequest *)message;

    if (git_plain_words(c, "reset --quiet", e) < 0 || reset_mode(c, m, e) < 0 ||
        git_plain_paths(c, m->paths, m->n_paths, e) < 0 ||
        (*m->target && git_call_text(c, "", m->target, "target", e) < 0))
        return -1;
    return git_call_arg(c, "--", e);
}

static int reset_ended(struct git_call *c, struct err *e)
{
    Guest__V1__ResetResponse r = GUEST__V1__RESET_RESPONSE__INIT;
    struct git_head head;

    if (c->step == 1)
        return git_call_judge(c, e) < 0 ? -1 : git_head_ask(c, e);
    if (git_head_take(c, &head, e) < 0)
        return -1;
    r.commit = head.commit;
    git_call_reply(c, &r.base);
    return 0;
}

const struct git_verb git_verb_reset = {.name = "Reset",
                                        .kind = RPC_UNARY,
                                        .input = &guest__v1__reset_request__descriptor,
                                        .output = &guest__v1__reset_response__descriptor,
                                        .access = GIT_WRITES,
                                        .any_code = true,
                                        .ask = reset,
                                        .ended = reset_ended};
