#include "git/head.h"
#include "git/identity.h"
#include "git/plain.h"
#include "git/verbs.h"

/* --- Commit ---------------------------------------------------------------------------------- */

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n\v\f")] == 0;
}

/* By standard input: as long as it likes, and nothing of it in a list of processes. */
static int take_message(struct git_call *c, const Guest__V1__CommitRequest *m, struct err *e)
{
    if (!*m->message && m->amend)
        return git_call_arg(c, "--no-edit", e);
    if (is_blank(m->message))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "message: empty");
    if (chain_copy(&c->input, m->message, strlen(m->message)) < 0)
        return err_nomem(e, "run git");
    c->command.input = true;
    return git_call_arg(c, "--file=-", e);
}

/* An amended commit has an author already, and git looks at no variable: by options. */
static int take_new_author(struct git_call *c, const Guest__V1__Identity *m, struct err *e)
{
    char time[GIT_IDENTITY_TIME];
    char *author;

    if (git_identity_check(m, "author", e) < 0 || (m->time && git_identity_time(m->time, time, e) < 0))
        return -1;
    if (m->time && git_call_text(c, "--date=", time, "author", e) < 0)
        return -1;
    if (!*m->name && !*m->email)
        return 0;
    if (!*m->name || !*m->email)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0,
                       "author: of an amended commit name and email, or neither");
    author = git_call_alloc(c, strlen(m->name) + strlen(m->email) + sizeof " <>", e);
    if (!author)
        return -1;
    stpcpy(stpcpy(stpcpy(stpcpy(author, m->name), " <"), m->email), ">");
    return git_call_text(c, "--author=", author, "author", e);
}

static int take_identities(struct git_call *c, const Guest__V1__CommitRequest *m, struct err *e)
{
    static const char *const author[] = {"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE"};
    static const char *const committer[] = {"GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL",
                                            "GIT_COMMITTER_DATE"};

    if (git_identity_put(c, m->committer, committer, "committer", e) < 0)
        return -1;
    if (m->amend && m->author)
        return take_new_author(c, m->author, e);
    return git_identity_put(c, m->author, author, "author", e);
}

/* A name that is not known is an error, not made up of the host's; a signature would be made by a program that the repository
 * names. */
static int ask(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__CommitRequest *m = (const Guest__V1__CommitRequest *)message;

    if (git_plain_words(c,
                        "-c user.useConfigOnly=true commit --quiet --cleanup=whitespace --untracked-files=no "
                        "--no-verbose --no-gpg-sign",
                        e) < 0 ||
        (m->all && git_call_arg(c, "--all", e) < 0) || (m->amend && git_call_arg(c, "--amend", e) < 0) ||
        (m->allow_empty && git_call_arg(c, "--allow-empty", e) < 0) || take_identities(c, m, e) < 0)
        return -1;
    return take_message(c, m, e);
}

static int ended(struct git_call *c, struct err *e)
{
    Guest__V1__CommitResponse r = GUEST__V1__COMMIT_RESPONSE__INIT;
    struct git_head head;

    if (c->step == 1)
        return git_plain_judge(c, e) < 0 ? -1 : git_head_ask(c, e);
    if (git_head_take(c, &head, e) < 0)
        return -1;
    r.commit = head.commit;
    r.branch = head.branch;
    git_call_reply(c, &r.base);
    return 0;
}

const struct git_verb git_verb_commit = {.name = "Commit",
                                         .kind = RPC_UNARY,
                                         .input = &guest__v1__commit_request__descriptor,
                                         .output = &guest__v1__commit_response__descriptor,
                                         .access = GIT_WRITES,
                                         .any_code = true,
                                         .ask = ask,
                                         .ended = ended};
