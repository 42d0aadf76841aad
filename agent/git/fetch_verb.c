#include "git/plain.h"
#include "git/remote.h"
#include "git/store.h"
#include "git/verbs.h"

/* --- Fetch ----------------------------------------------------------------------------------- */

/* What runs, in this order, PROGRAMS only for all remotes. Listings before and after say what has changed, for `git fetch --porcelain` is of git 2.41; its words say
 * only how. */
enum step { REMOTE, PROGRAMS, BEFORE, FETCH, STORE, AFTER };

/* A reference that git had more to say about than that it moved on. */
struct remark {
    struct remark *next;
    struct git_update update; /* its bytes are in the arena */
};

struct fetch {
    enum step step;
    struct git_call *call;
    struct git_remote remote;
    struct git_sink listing; /* of BEFORE and AFTER */
    struct git_refs refs;
    struct git_sink said; /* of FETCH: progress, and lines */
    struct git_lines lines;
    struct remark *remarks;
    struct git_updates updates;
    struct err error; /* of FETCH; status OK: it has succeeded */
    uint32_t depth;
    bool unshallow, prune, tags, all;
    char **refspecs;
    size_t n_refspecs;
};

/* --- what git says --------------------------------------------------------------------------- */

/* A reference's name as git shortens it for people. */
static struct bytes short_name(struct bytes name)
{
    static const char *const folders[] = {"refs/heads/", "refs/tags/", "refs/remotes/"};

    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        size_t n = strlen(folders[i]);

        if (name.len > n && memcmp(name.ptr, folders[i], n) == 0)
            return (struct bytes){name.ptr + n, name.len - n};
    }
    return name;
}

static int on_line(struct git_lines *l, struct bytes line, struct err *e)
{
    struct fetch *x = CONTAINER_OF(l, struct fetch, lines);
    struct git_update u;
    struct remark *r;
    const char *to, *why;

    if (!git_update_fetched(line, &u) ||
        (u.kind != GIT_UPDATE_FORCED && u.kind != GIT_UPDATE_REJECTED && u.kind != GIT_UPDATE_TAG))
        return 0;
    r = git_call_alloc(x->call, sizeof *r, e);
    to = r ? arena_string(&x->call->arena, u.to) : NULL;
    why = to ? arena_string(&x->call->arena, u.reason) : NULL;
    if (!why)
        return err_nomem(e, "read what git says");
    u.to.ptr = to;
    u.reason.ptr = why;
    *r = (struct remark){x->remarks, u};
    x->remarks = r;
    return 0;
}

static int hear(struct git_sink *s, struct bytes data, struct err *e)
{
    struct fetch *x = CONTAINER_OF(s, struct fetch, said);
    struct git_sink *progress = &x->call->watch->sink;

    return progress->feed(progress, data, e) < 0 ? -1 : git_lines_feed(&x->lines, data, e);
}

static int list(struct git_sink *s, struct bytes data, struct err *e)
{
    return git_refs_feed(&CONTAINER_OF(s, struct fetch, listing)->refs, data, e);
}

/* What became of a reference, from its two ids and what git said of it. */
static int found(struct git_refs *r, struct bytes name, struct bytes old_id, struct bytes new_id,
                 struct err *e)
{
    struct fetch *x = CONTAINER_OF(r, struct fetch, refs);
    bool same = old_id.len == new_id.len && memcmp(old_id.ptr, new_id.ptr, old_id.len) == 0;
    struct git_update u = {GIT_UPDATE_FAST_FORWARD, {0}, {0}, old_id, new_id, {0}};
    struct bytes shortened = short_name(name);
    const struct remark *remark = x->remarks;

    while (remark && (remark->update.to.len != shortened.len ||
                      memcmp(remark->update.to.ptr, shortened.ptr, shortened.len) != 0))
        remark = remark->next;
    if (same && (!remark || remark->update.kind != GIT_UPDATE_REJECTED))
        return 0;
    if (old_id.len == 0) {
        u.kind = GIT_UPDATE_NEW;
    } else if (new_id.len == 0) {
        u.kind = GIT_UPDATE_DELETED;
    } else if (remark) {
        u.kind = remark->update.kind;
        u.reason = remark->update.reason;
    }
    return git_updates_add(x->call, &x->updates, name, &u, e) ? 0 : -1;
}

/* --- the request ----------------------------------------------------------------------------- */

static int ask(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__FetchRequest *m = (const Guest__V1__FetchRequest *)message;
    struct fetch *x = c->state = git_call_alloc(c, sizeof *x, e);

    if (!x)
        return -1;
    *x = (struct fetch){.call = c,
                        .listing = {list},
                        .said = {hear},
                        .lines = {.line = on_line},
                        .depth = m->depth,
                        .unshallow = m->unshallow,
                        .prune = m->prune,
                        .tags = m->tags,
                        .all = m->all,
                        .n_refspecs = m->n_refspecs};
    git_refs_init(&x->refs, found);
    if (m->all && (*m->remote || m->n_refspecs > 0))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "all: not with a remote or refspecs");
    x->refspecs = git_remote_copy(c, m->refspecs, m->n_refspecs, e);
    return x->refspecs ? git_remote_begin(c, &x->remote, m->remote, false, e) : -1;
}

/* --- what runs ------------------------------------------------------------------------------- */

/* Whether the repository names a program for the other side: with --all git takes no --upload-pack, and of several values in its
 * configuration it uses the first, which ours never are (remote.c). */
static int ask_programs(struct git_call *c, struct fetch *x, struct err *e)
{
    static const char *const args[] = {"config", "--name-only", "--get-regexp", "^remote\\..*\\.uploadpack$",
                                       "!^git-upload-pack$"};

    x->step = PROGRAMS;
    return git_remote_run(c, NULL, args, ARRAY_LEN(args), e);
}

/* 1: git config has found none. */
static int check_programs(struct git_call *c, struct err *e)
{
    const char *key;

    if (c->op->run.end.code == 1)
        return 0;
    if (git_call_judge(c, e) < 0 || !(key = git_plain_word(c, e)))
        return -1;
    return err_set(e, STATUS_FAILED_PRECONDITION, 0,
                   "all: '%.*s' names a program: fetch that remote by its name", (int)strcspn(key, "\n"),
                   key);
}

static int run_listing(struct git_call *c, struct fetch *x, enum step step, struct err *e)
{
    static const char *const args[] = {"for-each-ref", GIT_REFS_FORMAT};

    x->step = step;
    return git_remote_run(c, &x->listing, args, ARRAY_LEN(args), e);
}

static int run_fetch(struct git_call *c, struct fetch *x, struct err *e)
{
    static const char *const args[] = {"-c", "fetch.output=full", "fetch", "--progress",
                                       "--no-recurse-submodules"};
    const struct {
        bool set;
        const char *arg;
    } flags[] = {
        {x->unshallow, "--unshallow"},
        {x->prune, "--prune"},
        {x->tags, "--tags"},
        {x->all, "--all"},
        {!x->all, "--upload-pack=git-upload-pack"}, /* not what the repository says */
        {!x->all, "--"},
        {!x->all, x->remote.name},
    };

    x->step = FETCH;
    if (git_remote_run(c, NULL, args, ARRAY_LEN(args), e) < 0 || git_remote_depth(c, x->depth, e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (flags[i].set && git_call_arg(c, flags[i].arg, e) < 0)
            return -1;
    if (git_remote_refspecs(c, x->refspecs, x->n_refspecs, e) < 0 || git_watch_begin(c, e) < 0)
        return -1;
    c->err = &x->said;
    return 0;
}

/* Of what is rejected the others are fetched all the same: the answer tells of them before the error does. */
static int fetched(struct git_call *c, struct fetch *x, struct err *e)
{
    if (x->step == STORE || git_call_judge(c, &x->error) == 0) {
        x->step = STORE;
        return git_store_next(c, e);
    }
    *e = x->error;
    return c->reason == GIT_NON_FAST_FORWARD ? git_call_keep(c, e) < 0 ? -1 : 1 : -1;
}

static int answer(struct git_call *c, struct fetch *x, struct err *e)
{
    Guest__V1__FetchResponse r = GUEST__V1__FETCH_RESPONSE__INIT;
    Guest__V1__FetchResult result = GUEST__V1__FETCH_RESULT__INIT;

    if (git_call_judge(c, e) < 0 || git_refs_end(&x->refs, e) < 0)
        return -1;
    result.updates = x->updates.list;
    result.n_updates = x->updates.count;
    r.message_case = GUEST__V1__FETCH_RESPONSE__MESSAGE_RESULT;
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
    struct fetch *x = c->state;
    int ret;

    switch (x->step) {
    case REMOTE:
        ret = git_remote_next(c, &x->remote, e);
        if (ret <= 0)
            return ret;
        return x->all ? ask_programs(c, x, e) : run_listing(c, x, BEFORE, e);
    case PROGRAMS:
        return check_programs(c, e) < 0 ? -1 : run_listing(c, x, BEFORE, e);
    case BEFORE:
        return git_call_judge(c, e) < 0 || git_refs_turn(&x->refs, e) < 0 ? -1 : run_fetch(c, x, e);
    case FETCH:
    case STORE:
        ret = fetched(c, x, e);
        return ret <= 0 ? ret : run_listing(c, x, AFTER, e);
    default:
        return answer(c, x, e);
    }
}

static void clear(struct git_call *c)
{
    struct fetch *x = c->state;

    git_refs_clear(&x->refs);
}

const struct git_verb git_verb_fetch = {.name = "Fetch",
                                        .kind = RPC_SERVER_STREAM,
                                        .input = &guest__v1__fetch_request__descriptor,
                                        .output = &guest__v1__fetch_response__descriptor,
                                        .access = GIT_WRITES,
                                        .any_code = true,
                                        .ask = ask,
                                        .ended = ended,
                                        .clear = clear};
