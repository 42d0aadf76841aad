#include "git/remote.h"

#include "git/plain.h"
#include "git/store.h"

/* --- commands -------------------------------------------------------------------------------- */

int git_remote_args(struct git_call *c, const char *const *args, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++)
        if (git_call_arg(c, args[i], e) < 0)
            return -1;
    return 0;
}

int git_remote_run(struct git_call *c, struct git_sink *out, const char *const *args, size_t count,
                   struct err *e)
{
    git_call_again(c);
    c->out = out;
    if (!out)
        git_plain_hear(c);
    return git_remote_args(c, args, count, e);
}

int git_remote_depth(struct git_call *c, uint32_t depth, struct err *e)
{
    char text[16], *at = text + sizeof text - 1;

    *at = 0;
    for (; depth > 0; depth /= 10)
        *--at = (char)('0' + depth % 10);
    return *at ? git_call_text(c, "--depth=", at, "depth", e) : 0;
}

char **git_remote_copy(struct git_call *c, char *const *texts, size_t count, struct err *e)
{
    char **copy = git_call_alloc(c, MAX(count, 1) * sizeof *copy, e);

    for (size_t i = 0; copy && i < count; i++)
        if (!(copy[i] = git_call_string(c, bytes_of(texts[i]), e)))
            return NULL;
    return copy;
}

int git_remote_refspecs(struct git_call *c, char *const *refspecs, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++)
        if (git_call_text(c, "", refspecs[i], "refspecs", e) < 0)
            return -1;
    return 0;
}

/* --- the remote ------------------------------------------------------------------------------ */

/* A remote's name holds no colon, and does not begin as a path does. */
static bool is_url(const char *name)
{
    return *name == '/' || *name == '.' || strchr(name, ':');
}

static int take_name(struct git_call *c, struct git_remote *r, const char *name, struct err *e)
{
    if (is_url(name)) {
        r->name = git_call_aim(c, name, e);
        return r->name ? 0 : -1;
    }
    if (*name == '-')
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "remote '%s': it begins with '-'", name);
    r->name = git_call_string(c, bytes_of(name), e);
    return r->name ? 0 : -1;
}

int git_remote_begin(struct git_call *c, struct git_remote *r, const char *name, bool push, struct err *e)
{
    static const char *const args[] = {"symbolic-ref", "-q", "HEAD"};

    *r = (struct git_remote){.push = push, .branch = "", .upstream = ""};
    if (take_name(c, r, name, e) < 0 ||
        (c->credentials.kind == GIT_CREDENTIALS_NONE && git_store_check(c, NULL, e) < 0))
        return -1;
    git_plain_hear(c);
    return git_remote_args(c, args, ARRAY_LEN(args), e);
}

static int ask_name(struct git_call *c, struct git_remote *r, struct err *e)
{
    static const char format[] =
        "--format=%(upstream:remotename)%00%(push:remotename)%00%(upstream:remoteref)%00";
    const char *const args[] = {"for-each-ref", format, "--", r->branch};

    r->step = GIT_REMOTE_NAME;
    return git_remote_run(c, NULL, args, ARRAY_LEN(args), e);
}

/* The next of several strings that a NUL ends each. */
static struct bytes next_string(struct bytes *text)
{
    size_t n = strnlen(text->ptr, text->len);
    struct bytes s = {text->ptr, n};

    n = MIN(n + 1, text->len);
    text->ptr += n;
    text->len -= n;
    return s;
}

/* A push goes where pushes go, and to the branch's upstream only there. */
static int read_name(struct git_call *c, struct git_remote *r, struct err *e)
{
    struct bytes text = git_plain_heard(c), from, to, ref;

    if (c->op->run.end.code != 0)
        return git_call_judge(c, e);
    from = next_string(&text);
    to = next_string(&text);
    ref = next_string(&text);
    if (!*r->name)
        r->name = git_call_string(c, r->push ? to : from, e);
    if (r->name && bytes_are(from, r->name))
        r->upstream = git_call_string(c, ref, e);
    return r->name && r->upstream ? 0 : -1;
}

/* Credentials of the request are for the origin of the remote's URL; a URL in the request was aimed at before. */
static int ask_url(struct git_call *c, struct git_remote *r, struct err *e)
{
    const char *const args[] = {"remote", "get-url", "--push", "--", r->name};
    const char *const pull[] = {"remote", "get-url", "--", r->name};

    if (!*r->name)
        r->name = "origin";
    if (c->credentials.kind == GIT_CREDENTIALS_NONE || is_url(r->name)) {
        r->step = GIT_REMOTE_FOUND;
        return 1;
    }
    r->step = GIT_REMOTE_URL;
    return r->push ? git_remote_run(c, NULL, args, ARRAY_LEN(args), e)
                   : git_remote_run(c, NULL, pull, ARRAY_LEN(pull), e);
}

static int read_url(struct git_call *c, struct err *e)
{
    char *url;

    if (git_call_judge(c, e) < 0)
        return -1;
    url = git_plain_word(c, e);
    return url && git_call_aim(c, url, e) ? 0 : -1;
}

int git_remote_next(struct git_call *c, struct git_remote *r, struct err *e)
{
    switch (r->step) {
    case GIT_REMOTE_BRANCH:
        r->branch = git_plain_word(c, e);
        if (!r->branch)
            return -1;
        if (*r->branch && (r->push || !*r->name))
            return ask_name(c, r, e);
        return ask_url(c, r, e);
    case GIT_REMOTE_NAME:
        return read_name(c, r, e) < 0 ? -1 : ask_url(c, r, e);
    default:
        r->step = GIT_REMOTE_FOUND;
        return read_url(c, e) < 0 ? -1 : 1;
    }
}

/* --- updates --------------------------------------------------------------------------------- */

Guest__V1__RefUpdate *git_updates_add(struct git_call *c, struct git_updates *u, struct bytes ref,
                                      const struct git_update *what, struct err *e)
{
    Guest__V1__RefUpdate *m = git_call_alloc(c, sizeof *m, e), **list;

    list = m ? git_plain_room(c, u->list, u->count, sizeof *list, e) : NULL;
    if (!list)
        return NULL;
    u->list = list;
    guest__v1__ref_update__init(m);
    m->kind = (Guest__V1__RefUpdate__Kind)what->kind;
    m->ref = git_call_string(c, ref, e);
    m->old_commit = git_call_string(c, what->old_id, e);
    m->new_commit = git_call_string(c, what->new_id, e);
    m->reason = git_call_string(c, what->reason, e);
    if (!m->ref || !m->old_commit || !m->new_commit || !m->reason)
        return NULL;
    u->list[u->count++] = m;
    return m;
}
