#include "git/head.h"
#include "git/plain.h"
#include "git/verbs.h"

/* --- CreateBranch ---------------------------------------------------------------------------- */

/* "refs/heads/NAME^{commit}", which the answer is asked for with. */
static char *commit_of(struct git_call *c, const char *name, struct err *e)
{
    static const char before[] = "refs/heads/", behind[] = "^{commit}";
    char *text = git_call_alloc(c, sizeof before + strlen(name) + sizeof behind, e);

    if (text)
        stpcpy(stpcpy(stpcpy(text, before), name), behind);
    return text;
}

static int create(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__CreateBranchRequest *m = (const Guest__V1__CreateBranchRequest *)message;
    const char *words = m->checkout ? m->force ? "checkout --quiet -B" : "checkout --quiet -b"
                        : m->force  ? "branch --quiet --force --"
                                    : "branch --quiet --";

    c->state = commit_of(c, m->name, e);
    if (!c->state || git_plain_words(c, words, e) < 0 || git_plain_name(c, m->name, "name", e) < 0 ||
        (*m->start && git_call_text(c, "", m->start, "start", e) < 0))
        return -1;
    return m->checkout ? git_call_arg(c, "--", e) : 0;
}

/* Of a branch without a commit, which checkout makes where there is none yet, nothing is said. */
static int created(struct git_call *c, struct err *e)
{
    Guest__V1__CreateBranchResponse r = GUEST__V1__CREATE_BRANCH_RESPONSE__INIT;

    if (c->step == 1) {
        if (git_call_judge(c, e) < 0)
            return -1;
        git_call_again(c);
        return git_plain_words(c, "rev-parse --quiet --verify", e) < 0 ? -1 : git_call_arg(c, c->state, e);
    }
    r.commit = git_call_string(c, git_plain_heard(c), e);
    if (!r.commit)
        return -1;
    git_call_reply(c, &r.base);
    return 0;
}

const struct git_verb git_verb_create_branch = {.name = "CreateBranch",
                                                .kind = RPC_UNARY,
                                                .input = &guest__v1__create_branch_request__descriptor,
                                                .output = &guest__v1__create_branch_response__descriptor,
                                                .access = GIT_WRITES,
                                                .any_code = true,
                                                .ask = create,
                                                .ended = created};

/* --- DeleteBranch ---------------------------------------------------------------------------- */

static int delete (struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__DeleteBranchRequest *m = (const Guest__V1__DeleteBranchRequest *)message;

    if (git_plain_words(c, m->force ? "branch --quiet -D --" : "branch --quiet -d --", e) < 0)
        return -1;
    return git_plain_name(c, m->name, "name", e);
}

const struct git_verb git_verb_delete_branch = {.name = "DeleteBranch",
                                                .kind = RPC_UNARY,
                                                .input = &guest__v1__delete_branch_request__descriptor,
                                                .output = &guest__v1__delete_branch_response__descriptor,
                                                .access = GIT_WRITES,
                                                .ask = delete,
                                                .ended = git_plain_done};

/* --- Checkout -------------------------------------------------------------------------------- */

static int checkout(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__CheckoutRequest *m = (const Guest__V1__CheckoutRequest *)message;

    if (git_plain_words(c, "checkout --quiet", e) < 0 || (m->force && git_call_arg(c, "--force", e) < 0) ||
        (m->detach && git_call_arg(c, "--detach", e) < 0) || git_call_text(c, "", m->target, "target", e) < 0)
        return -1;
    return git_call_arg(c, "--", e);
}

static int checked_out(struct git_call *c, struct err *e)
{
    Guest__V1__CheckoutResponse r = GUEST__V1__CHECKOUT_RESPONSE__INIT;
    struct git_head head;

    if (c->step == 1)
        return git_call_judge(c, e) < 0 ? -1 : git_head_ask(c, e);
    if (git_head_take(c, &head, e) < 0)
        return -1;
    r.commit = head.commit;
    r.branch = head.branch;
    git_call_reply(c, &r.base);
    return 0;
}

const struct git_verb git_verb_checkout = {.name = "Checkout",
                                           .kind = RPC_UNARY,
                                           .input = &guest__v1__checkout_request__descriptor,
                                           .output = &guest__v1__checkout_response__descriptor,
                                           .access = GIT_WRITES,
                                           .any_code = true,
                                           .ask = checkout,
                                           .ended = checked_out};
