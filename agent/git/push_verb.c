#include <stdio.h>

#include "git/remote.h"
#include "git/store.h"
#include "git/verbs.h"

/* --- Push ------------------------------------------------------------------------------------ */

/* What runs, in this order: RESOLVE asks which objects the names were that git pushed. */
enum step { REMOTE, PUSH, STORE, RESOLVE };

struct push {
    enum step step;
    struct git_call *call;
    struct git_remote remote;
    struct git_sink out; /* of PUSH and RESOLVE */
    struct git_records lines;
    struct git_updates updates;
    struct chain names; /* for RESOLVE: of the updates without a new commit, in their order */
    size_t answered;    /* of RESOLVE: an index of updates */
    struct err error;   /* of PUSH; status OK: it has succeeded */
    bool set_upstream, force, tags, delete;
    const char *lease; /* "": none */
    char **refspecs;
    size_t n_refspecs;
};

/* --- what git prints ------------------------------------------------------------------------- */

static int on_update(struct push *x, struct bytes line, struct err *e)
{
    struct git_update u;
    Guest__V1__RefUpdate *m;

    if (!git_update_pushed(line, &u))
        return 0;
    m = git_updates_add(x->call, &x->updates, u.to, &u, e);
    if (!m)
        return -1;
    if (u.from.len == 0 || u.new_id.len > 0)
        return 0;
    if (chain_copy(&x->names, u.from.ptr, u.from.len) < 0 || chain_copy(&x->names, "\n", 1) < 0)
        return err_nomem(e, "run git");
    m->new_commit = NULL; /* RESOLVE says it */
    return 0;
}

/* What git has no object for is nothing. Of what is up to date the remote has the same. */
static int on_object(struct push *x, struct bytes line, struct err *e)
{
    while (x->answered < x->updates.count && x->updates.list[x->answered]->new_commit)
        x->answered++;
    if (x->answered < x->updates.count) {
        Guest__V1__RefUpdate *m = x->updates.list[x->answered];

        m->new_commit = git_call_string(x->call, git_update_id(line), e);
        if (!m->new_commit)
            return -1;
        if (m->kind == GUEST__V1__REF_UPDATE__KIND__KIND_UP_TO_DATE)
            m->old_commit = m->new_commit;
    }
    return 0;
}

static int on_line(struct git_records *r, struct bytes line, struct err *e)
{
    struct push *x = CONTAINER_OF(r, struct push, lines);

    return x->step == RESOLVE ? on_object(x, line, e) : on_update(x, line, e);
}

static int feed(struct git_sink *s, struct bytes data, struct err *e)
{
    return git_records_feed(&CONTAINER_OF(s, struct push, out)->lines, data, e);
}

/* --- the request ----------------------------------------------------------------------------- */

static int check(const Guest__V1__PushRequest *m, struct err *e)
{
    if (m->delete_ && m->n_refspecs == 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "delete: refspecs say what");
    if (m->delete_ && (m->set_upstream || m->tags))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "delete: not with set_upstream or tags");
    if (*m->force_with_lease && strcmp(m->force_with_lease, "*") != 0 &&
        (m->n_refspecs > 1 || git_update_id(bytes_of(m->force_with_lease)).len == 0))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0,
                       "force_with_lease: not '*' and no commit's whole id, or with several refspecs");
    return 0;
}

static int ask(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__PushRequest *m = (const Guest__V1__PushRequest *)message;
    struct push *x = c->state = git_call_alloc(c, sizeof *x, e);

    if (!x || check(m, e) < 0)
        return -1;
    *x = (struct push){.call = c,
                       .out = {feed},
                       .lines = {.end = '\n', .record = on_line},
                       .set_upstream = m->set_upstream,
                       .force = m->force,
                       .tags = m->tags,
                       .delete = m->delete_,
                       .n_refspecs = m->n_refspecs};
    x->lease = git_call_string(c, bytes_of(m->force_with_lease), e);
    x->refspecs = git_remote_copy(c, m->refspecs, m->n_refspecs, e);
    return x->lease && x->refspecs ? git_remote_begin(c, &x->remote, m->remote, true, e) : -1;
}

/* --- what runs ------------------------------------------------------------------------------- */

/* The current branch to its upstream, or to its own name. */
static int default_refspec(struct git_call *c, struct push *x, struct err *e)
{
    const struct bytes parts[] = {bytes_of(x->remote.branch), BYTES_LIT(":"),
                                  bytes_of(*x->remote.upstream ? x->remote.upstream : x->remote.branch)};
    char *at;

    if (x->n_refspecs > 0 || (x->tags && !*x->remote.branch))
        return 0;
    if (!*x->remote.branch) {
        c->reason = GIT_NO_UPSTREAM;
        return err_set(e, STATUS_FAILED_PRECONDITION, 0,
                       "push: HEAD is not on a branch, and refspecs is empty");
    }
    at = x->refspecs[0] = git_call_alloc(c, parts[0].len + 1 + parts[2].len + 1, e);
    if (!at)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    x->n_refspecs = 1;
    return 0;
}

/* "--force-with-lease=REF:COMMIT", REF as the refspec names it on the other side. */
static int add_lease(struct git_call *c, struct push *x, struct err *e)
{
    static const char option[] = "--force-with-lease";
    const char *ref, *colon;
    size_t size;
    char *arg;

    if (!*x->lease || x->n_refspecs == 0)
        return 0;
    if (strcmp(x->lease, "*") == 0)
        return git_call_arg(c, option, e);
    ref = x->refspecs[0] + (*x->refspecs[0] == '+');
    colon = strrchr(ref, ':');
    ref = colon ? colon + 1 : ref;
    size = sizeof option + 1 + strlen(ref) + 1 + strlen(x->lease);
    arg = git_call_alloc(c, size, e);
    if (!arg)
        return -1;
    snprintf(arg, size, "%s=%s:%s", option, ref, x->lease);
    return git_call_arg(c, arg, e);
}

/* Whole ids: core.abbrev takes "no" since 2.31, and all repositories had 40 digits before. */
static const char *whole_ids(const struct git_call *c)
{
    return c->service->git.version.number >= 2031 ? "core.abbrev=no" : "core.abbrev=40";
}

static int run_push(struct git_call *c, struct push *x, struct err *e)
{
    const char *const args[] = {"-c",
                                whole_ids(c),
                                "push",
                                "--porcelain",
                                "--progress",
                                "--recurse-submodules=no",
                                "--receive-pack=git-receive-pack"}; /* not what the repository says */
    const struct {
        bool set;
        const char *arg;
    } flags[] = {{x->set_upstream, "--set-upstream"},
                 {x->force, "--force"},
                 {x->tags, "--tags"},
                 {x->delete, "--delete"}};

    x->step = PUSH;
    if (default_refspec(c, x, e) < 0 || git_remote_run(c, &x->out, args, ARRAY_LEN(args), e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (flags[i].set && git_call_arg(c, flags[i].arg, e) < 0)
            return -1;
    if (add_lease(c, x, e) < 0 || git_call_arg(c, "--", e) < 0 || git_call_arg(c, x->remote.name, e) < 0 ||
        git_remote_refspecs(c, x->refspecs, x->n_refspecs, e) < 0)
        return -1;
    return git_watch_begin(c, e);
}

/* Why: git's table says it on standard output, where judging does not look. */
static void name_rejection(struct git_call *c, struct push *x)
{
    const Guest__V1__RefUpdate *m = NULL;

    for (size_t i = 0; i < x->updates.count && !m; i++)
        if (x->updates.list[i]->kind == GUEST__V1__REF_UPDATE__KIND__KIND_REJECTED)
            m = x->updates.list[i];
    if (!m)
        return;
    c->reason = git_errors_rejection(bytes_of(m->reason), c->reason);
    err_set(&x->error, git_errors_status(c->reason), 0, "git Push: '%s' was rejected: %s", m->ref, m->reason);
}

/* Of what is rejected the others are pushed all the same: the answer tells of them before the error does. */
static int pushed(struct git_call *c, struct push *x, struct err *e)
{
    if (x->step == STORE)
        return git_store_next(c, e);
    if (git_records_end(&x->lines, e) < 0)
        return -1;
    if (git_call_judge(c, &x->error) == 0) {
        x->step = STORE;
        return git_store_next(c, e);
    }
    name_rejection(c, x);
    *e = x->error;
    return x->updates.count == 0 || git_call_keep(c, e) < 0 ? -1 : 1;
}

static int resolve(struct git_call *c, struct push *x, struct err *e)
{
    static const char *const args[] = {"cat-file", "--batch-check=%(objectname)"};

    x->step = RESOLVE;
    if (git_remote_run(c, &x->out, args, ARRAY_LEN(args), e) < 0)
        return -1;
    c->command.input = x->names.bytes > 0;
    return chain_move(&c->input, &x->names, x->names.bytes) < 0 ? err_nomem(e, "run git") : 0;
}

static int answer(struct git_call *c, struct push *x, struct err *e)
{
    Guest__V1__PushResponse r = GUEST__V1__PUSH_RESPONSE__INIT;
    Guest__V1__PushResult result = GUEST__V1__PUSH_RESULT__INIT;

    if (git_call_judge(c, e) < 0)
        return -1;
    for (size_t i = x->answered; i < x->updates.count; i++)
        if (!x->updates.list[i]->new_commit)
            x->updates.list[i]->new_commit = (char *)(uintptr_t) "";
    result.updates = x->updates.list;
    result.n_updates = x->updates.count;
    r.message_case = GUEST__V1__PUSH_RESPONSE__MESSAGE_RESULT;
    r.result = &result;
    if (x->error.status == STATUS_OK) {
        git_call_reply(c, &r.base);
        return 0;
    }
    rpc_send(c->rpc, &r.base);
    *e = x->error;
    return -1;
}

static int ended(struct git_call *c, struct err *e)
{
    struct push *x = c->state;
    int ret;

    switch (x->step) {
    case REMOTE:
        ret = git_remote_next(c, &x->remote, e);
        return ret <= 0 ? ret : run_push(c, x, e);
    case PUSH:
    case STORE:
        ret = pushed(c, x, e);
        return ret <= 0 ? ret : resolve(c, x, e);
    default:
        return answer(c, x, e);
    }
}

static void clear(struct git_call *c)
{
    struct push *x = c->state;

    git_records_clear(&x->lines);
    chain_clear(&x->names);
}

const struct git_verb git_verb_push = {.name = "Push",
                                       .kind = RPC_SERVER_STREAM,
                                       .input = &guest__v1__push_request__descriptor,
                                       .output = &guest__v1__push_response__descriptor,
                                       .access = GIT_WRITES,
                                       .any_code = true,
                                       .ask = ask,
                                       .ended = ended,
                                       .clear = clear};
