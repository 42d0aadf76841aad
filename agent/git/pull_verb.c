#include "git/plain.h"
#include "git/remote.h"
#include "git/store.h"
#include "git/verbs.h"

/* --- Pull ------------------------------------------------------------------------------------ */

/* What runs, in this order. */
enum step { REMOTE, OLD, CONFIG, PULL, STORE, NEW };

struct pull {
    enum step step;
    struct git_remote remote;
    struct git_sink config;
    struct git_records settings;
    Guest__V1__PullRequest__Mode mode;
    bool configured; /* how it is to be done */
    bool named;      /* the request names the remote, and the branch: */
    const char *branch;
    const char *old_commit;
};

/* --- what git prints ------------------------------------------------------------------------- */

/* "KEY LF VALUE": pull.rebase and pull.ff, or the branch's own key. */
static int on_setting(struct git_records *r, struct bytes record, struct err *e)
{
    struct pull *x = CONTAINER_OF(r, struct pull, settings);
    static const char before[] = "branch.", after[] = ".rebase", heads[] = "refs/heads/";
    const char *end = record.len > 0 ? memchr(record.ptr, '\n', record.len) : NULL;
    struct bytes key = {record.ptr, end ? (size_t)(end - record.ptr) : record.len};

    (void)e;
    if (bytes_are(key, "pull.rebase") || bytes_are(key, "pull.ff"))
        x->configured = true;
    if (key.len <= sizeof before - 1 + sizeof after - 1 || strlen(x->remote.branch) < sizeof heads)
        return 0;
    key = (struct bytes){key.ptr + sizeof before - 1, key.len - (sizeof before - 1) - (sizeof after - 1)};
    if (bytes_are(key, x->remote.branch + sizeof heads - 1))
        x->configured = true;
    return 0;
}

static int feed_config(struct git_sink *s, struct bytes data, struct err *e)
{
    return git_records_feed(&CONTAINER_OF(s, struct pull, config)->settings, data, e);
}

/* --- the request ----------------------------------------------------------------------------- */

static int ask(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__PullRequest *m = (const Guest__V1__PullRequest *)message;
    struct pull *x = c->state = git_call_alloc(c, sizeof *x, e);

    if (!x)
        return -1;
    *x = (struct pull){
        .config = {feed_config}, .settings = {.record = on_setting}, .mode = m->mode, .named = *m->remote};
    if (!*m->remote != !*m->branch)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "remote, branch: both or none");
    x->branch = git_call_string(c, bytes_of(m->branch), e);
    return x->branch ? git_remote_begin(c, &x->remote, m->remote, false, e) : -1;
}

/* --- what runs ------------------------------------------------------------------------------- */

static int ask_head(struct git_call *c, struct pull *x, enum step step, struct err *e)
{
    static const char *const args[] = {"rev-parse", "-q", "--verify", "HEAD^{commit}"};

    x->step = step;
    return git_remote_run(c, NULL, args, ARRAY_LEN(args), e);
}

/* Whether the repository says how: without that, git of 2.33 or later refuses to merge what has diverged. */
static int ask_config(struct git_call *c, struct pull *x, struct err *e)
{
    static const char *const args[] = {"config", "-z", "--get-regexp",
                                       "^(pull\\.(rebase|ff)|branch\\..*\\.rebase)$"};

    x->step = CONFIG;
    return git_remote_run(c, &x->config, args, ARRAY_LEN(args), e);
}

static const char *const *mode_of(const struct pull *x)
{
    static const char *const merge[] = {"--no-rebase", "--ff", NULL},
                             *const rebase[] = {"--rebase=true", NULL},
                             *const forward[] = {"--no-rebase", "--ff-only", NULL}, *const none[] = {NULL};

    switch (x->mode) {
    case GUEST__V1__PULL_REQUEST__MODE__MODE_MERGE:
        return merge;
    case GUEST__V1__PULL_REQUEST__MODE__MODE_REBASE:
        return rebase;
    case GUEST__V1__PULL_REQUEST__MODE__MODE_FAST_FORWARD_ONLY:
        return forward;
    default:
        return x->configured ? none : merge;
    }
}

static int run_pull(struct git_call *c, struct pull *x, struct err *e)
{
    static const char *const args[] = {"pull", "--progress", "--no-recurse-submodules",
                                       "--upload-pack=git-upload-pack"}; /* not what the repository says */

    x->step = PULL;
    if (git_remote_run(c, NULL, args, ARRAY_LEN(args), e) < 0)
        return -1;
    for (const char *const *mode = mode_of(x); *mode; mode++)
        if (git_call_arg(c, *mode, e) < 0)
            return -1;
    if (x->named && (git_call_arg(c, "--", e) < 0 || git_call_arg(c, x->remote.name, e) < 0 ||
                     git_call_text(c, "", x->branch, "branch", e) < 0))
        return -1;
    return git_watch_begin(c, e);
}

/* Merging says on standard output that there are conflicts. */
static int pulled(struct git_call *c, struct pull *x, struct err *e)
{
    int ret;

    if (x->step == PULL && git_plain_judge(c, e) < 0)
        return -1;
    x->step = STORE;
    ret = git_store_next(c, e);
    return ret <= 0 ? ret : ask_head(c, x, NEW, e);
}

static int answer(struct git_call *c, struct pull *x, struct err *e)
{
    Guest__V1__PullResponse r = GUEST__V1__PULL_RESPONSE__INIT;
    Guest__V1__PullResult result = GUEST__V1__PULL_RESULT__INIT;

    result.old_commit = (char *)(uintptr_t)x->old_commit;
    result.new_commit = git_plain_word(c, e);
    if (!result.new_commit)
        return -1;
    r.message_case = GUEST__V1__PULL_RESPONSE__MESSAGE_RESULT;
    r.result = &result;
    git_call_reply(c, &r.base);
    return 0;
}

static int ended(struct git_call *c, struct err *e)
{
    struct pull *x = c->state;
    int ret;

    switch (x->step) {
    case REMOTE:
        ret = git_remote_next(c, &x->remote, e);
        return ret <= 0 ? ret : ask_head(c, x, OLD, e);
    case OLD:
        x->old_commit = git_plain_word(c, e);
        return x->old_commit ? ask_config(c, x, e) : -1;
    case CONFIG:
        return run_pull(c, x, e);
    case PULL:
    case STORE:
        return pulled(c, x, e);
    default:
        return answer(c, x, e);
    }
}

static void clear(struct git_call *c)
{
    struct pull *x = c->state;

    git_records_clear(&x->settings);
}

const struct git_verb git_verb_pull = {.name = "Pull",
                                       .kind = RPC_SERVER_STREAM,
                                       .input = &guest__v1__pull_request__descriptor,
                                       .output = &guest__v1__pull_response__descriptor,
                                       .access = GIT_WRITES,
                                       .any_code = true,
                                       .ask = ask,
                                       .ended = ended,
                                       .clear = clear};
