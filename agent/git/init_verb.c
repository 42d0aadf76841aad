#include "git/plain.h"
#include "git/verbs.h"

/* --- Init ------------------------------------------------------------------------------------ */

static int ask(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__InitRequest *m = (const Guest__V1__InitRequest *)message;

    if (git_call_arg(c, "init", e) < 0 || (m->bare && git_call_arg(c, "--bare", e) < 0) ||
        (*m->initial_branch &&
         git_call_text(c, "--initial-branch=", m->initial_branch, "initial_branch", e) < 0))
        return -1;
    return git_call_arg(c, "--", e) < 0 ? -1 : git_call_arg(c, git_arg_path, e);
}

/* The rest of the text behind the words; NULL: it does not begin so. */
static char *behind(struct git_call *c, struct bytes text, const char *words, struct err *e)
{
    if (!bytes_cut(&text, words) || text.len == 0)
        return NULL;
    while (text.len > 0 && text.ptr[text.len - 1] == '/')
        text.len--;
    return git_call_string(c, text, e);
}

/* "Initialized empty Git repository in /x/.git/", or "Reinitialized existing Git repository in ...". */
static int ended(struct git_call *c, struct err *e)
{
    struct bytes text = git_plain_heard(c);
    Guest__V1__InitResponse r = GUEST__V1__INIT_RESPONSE__INIT;

    err_set(e, STATUS_INTERNAL, 0, "git init wrote '%.*s'", (int)MIN(text.len, (size_t)200), text.ptr);
    r.git_dir = behind(c, text, "Reinitialized existing Git repository in ", e);
    r.reinitialized = r.git_dir != NULL;
    if (!r.git_dir)
        r.git_dir = behind(c, text, "Initialized empty Git repository in ", e);
    if (!r.git_dir)
        return -1;
    git_call_reply(c, &r.base);
    return 0;
}

const struct git_verb git_verb_init = {.name = "Init",
                                       .kind = RPC_UNARY,
                                       .input = &guest__v1__init_request__descriptor,
                                       .output = &guest__v1__init_response__descriptor,
                                       .access = GIT_MAKES,
                                       .ask = ask,
                                       .ended = ended};
