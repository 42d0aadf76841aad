#include "git/plain.h"
#include "git/remote.h"
#include "git/store.h"
#include "git/verbs.h"

/* --- Clone ----------------------------------------------------------------------------------- */

/* What runs, in this order. */
enum step { CLONE, STORE, SPARSE_INIT, SPARSE_SET, BRANCH, COMMIT };

struct clone {
    enum step step;
    char **sparse;
    size_t n_sparse;
    struct git_call *call;
    struct git_sink err; /* of CLONE: progress, and lines */
    struct git_lines lines;
    char *branch;
};

/* From here on git has a directory of its own, by these words in any version; before it may have found one that is another's. Until
 * the answer what is made there goes when the call ends. */
static int on_line(struct git_lines *l, struct bytes line, struct err *e)
{
    static const char words[] = "Cloning into ";
    struct clone *x = CONTAINER_OF(l, struct clone, lines);

    (void)e;
    if (line.len >= sizeof words - 1 && memcmp(line.ptr, words, sizeof words - 1) == 0)
        x->call->op->unclean = true;
    return 0;
}

static int hear(struct git_sink *s, struct bytes data, struct err *e)
{
    struct clone *x = CONTAINER_OF(s, struct clone, err);
    struct git_sink *progress = &x->call->watch->sink;

    return progress->feed(progress, data, e) < 0 ? -1 : git_lines_feed(&x->lines, data, e);
}

/* --- the request ----------------------------------------------------------------------------- */

/* Where it goes when nobody says: the URL's last segment without ".git", below the home. */
static const char *default_path(struct git_call *c, const char *url, struct err *e)
{
    struct bytes name = bytes_of(url);
    size_t start;

    while (name.len > 0 && name.ptr[name.len - 1] == '/')
        name.len--;
    if (name.len > 4 && memcmp(name.ptr + name.len - 4, ".git", 4) == 0)
        name.len -= 4;
    while (name.len > 0 && name.ptr[name.len - 1] == '/')
        name.len--;
    for (start = name.len; start > 0 && name.ptr[start - 1] != '/' && name.ptr[start - 1] != ':';)
        start--;
    name = (struct bytes){name.ptr + start, name.len - start};
    if (name.len == 0 || bytes_are(name, ".") || bytes_are(name, "..")) {
        err_set(e, STATUS_INVALID_ARGUMENT, 0, "path: empty, and the URL names no directory");
        return NULL;
    }
    return arena_string(&c->arena, name);
}

static int take_sparse(struct git_call *c, struct clone *x, const Guest__V1__CloneRequest *m, struct err *e)
{
    x->sparse = arena_array(&c->arena, m->n_sparse_paths, sizeof *x->sparse);
    for (size_t i = 0; x->sparse && i < m->n_sparse_paths; i++) {
        if (!*m->sparse_paths[i] || *m->sparse_paths[i] == '-')
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "sparse_paths: '%s' is empty, or begins with '-'",
                           m->sparse_paths[i]);
        x->sparse[i] = arena_string(&c->arena, bytes_of(m->sparse_paths[i]));
        if (!x->sparse[i])
            return err_nomem(e, "run git");
        x->n_sparse++;
    }
    return x->sparse ? 0 : err_nomem(e, "run git");
}

static int take_flags(struct git_call *c, const Guest__V1__CloneRequest *m, struct err *e)
{
    const struct {
        bool set;
        const char *arg;
    } flags[] = {{m->single_branch, "--single-branch"},
                 {m->depth > 0 && !m->single_branch, "--no-single-branch"},
                 {m->recurse_submodules, "--recurse-submodules"},
                 {m->n_sparse_paths > 0, "--sparse"},
                 {m->no_checkout, "--no-checkout"},
                 {m->bare, "--bare"}};

    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (flags[i].set && git_call_arg(c, flags[i].arg, e) < 0)
            return -1;
    if (git_remote_depth(c, m->depth, e) < 0 ||
        (*m->branch && git_call_text(c, "--branch=", m->branch, "branch", e) < 0) ||
        (*m->filter && git_call_text(c, "--filter=", m->filter, "filter", e) < 0))
        return -1;
    return 0;
}

static int ask(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__CloneRequest *m = (const Guest__V1__CloneRequest *)message;
    struct clone *x = c->state = git_call_alloc(c, sizeof *x, e);
    const char *url = x ? git_call_aim(c, m->url, e) : NULL;

    if (!url || (!*m->path && !(c->path = default_path(c, url, e))) || take_sparse(c, x, m, e) < 0)
        return -1;
    x->call = c;
    x->err.feed = hear;
    x->lines.line = on_line;
    if (git_watch_begin(c, e) < 0 || git_call_arg(c, "clone", e) < 0 ||
        git_call_arg(c, "--progress", e) < 0 || take_flags(c, m, e) < 0 || git_call_arg(c, "--", e) < 0 ||
        git_call_arg(c, url, e) < 0)
        return -1;
    c->err = &x->err;
    return git_call_arg(c, git_arg_path, e);
}

/* --- what follows ---------------------------------------------------------------------------- */

/* A further git in what was made. */
static int next(struct git_call *c, enum step step, const char *const *args, size_t count, struct err *e)
{
    struct clone *x = c->state;

    x->step = step;
    git_call_again(c);
    if (git_call_arg(c, "-C", e) < 0 || git_call_arg(c, git_arg_path, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (git_call_arg(c, args[i], e) < 0)
            return -1;
    return 0;
}

static int set_sparse(struct git_call *c, struct err *e)
{
    static const char *const args[] = {"sparse-checkout", "set"};
    struct clone *x = c->state;

    if (next(c, SPARSE_SET, args, ARRAY_LEN(args), e) < 0 || git_watch_begin(c, e) < 0)
        return -1;
    for (size_t i = 0; i < x->n_sparse; i++)
        if (git_call_arg(c, x->sparse[i], e) < 0)
            return -1;
    return 0;
}

/* The branch that the step printed; "" where it failed, or it is none. */
static char *branch_said(struct git_call *c, struct err *e)
{
    struct bytes name = git_plain_heard(c);

    if (c->op->run.end.code != 0 || !bytes_cut(&name, "refs/heads/"))
        name.len = 0;
    return git_call_string(c, name, e);
}

static int answer(struct git_call *c, struct err *e)
{
    Guest__V1__CloneResponse r = GUEST__V1__CLONE_RESPONSE__INIT;
    Guest__V1__CloneResult result = GUEST__V1__CLONE_RESULT__INIT;

    result.path = git_call_string(c, bytes_of(c->op->place.path), e);
    result.branch = ((struct clone *)c->state)->branch;
    result.commit = git_plain_word(c, e);
    if (!result.path || !result.commit)
        return -1;
    r.message_case = GUEST__V1__CLONE_RESPONSE__MESSAGE_RESULT;
    r.result = &result;
    c->op->unclean = false;
    git_call_reply(c, &r.base);
    return 0;
}

/* The steps up to SPARSE_SET have to succeed, of which STORE judges itself; the questions after them may have no answer. */
static int ended(struct git_call *c, struct err *e)
{
    static const char *const init[] = {"sparse-checkout", "init", "--cone"};
    static const char *const branch[] = {"symbolic-ref", "-q", "HEAD"};
    static const char *const commit[] = {"rev-parse", "-q", "--verify", "HEAD^{commit}"};
    struct clone *x = c->state;
    int ret;

    if (x->step <= SPARSE_SET && x->step != STORE && git_call_judge(c, e) < 0)
        return -1;
    switch (x->step) {
    case CLONE:
    case STORE:
        x->step = STORE;
        ret = git_store_next(c, e);
        if (ret <= 0)
            return ret;
        if (x->n_sparse > 0)
            return next(c, SPARSE_INIT, init, ARRAY_LEN(init), e);
        return next(c, BRANCH, branch, ARRAY_LEN(branch), e);
    case SPARSE_INIT:
        return set_sparse(c, e);
    case SPARSE_SET:
        return next(c, BRANCH, branch, ARRAY_LEN(branch), e);
    case BRANCH:
        x->branch = branch_said(c, e);
        return x->branch ? next(c, COMMIT, commit, ARRAY_LEN(commit), e) : -1;
    default:
        return answer(c, e);
    }
}

const struct git_verb git_verb_clone = {.name = "Clone",
                                        .kind = RPC_SERVER_STREAM,
                                        .input = &guest__v1__clone_request__descriptor,
                                        .output = &guest__v1__clone_response__descriptor,
                                        .access = GIT_MAKES,
                                        .any_code = true,
                                        .ask = ask,
                                        .ended = ended};
