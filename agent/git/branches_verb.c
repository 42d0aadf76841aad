#include "git/plain.h"
#include "git/verbs.h"

#include "core/base64.h"
#include "core/limits.h"
#include "guest/git/branches.h"

/* --- Branches -------------------------------------------------------------------------------- */

struct listing {
    struct git_sink out;
    struct git_branches reader;
    struct git_call *call;
    Guest__V1__BranchesResponse response;
    size_t limit;
    struct bytes after; /* the last refname of the page before; no bytes: this is the first */
    struct bytes last;  /* of this page */
};

/* --- pages ----------------------------------------------------------------------------------- */

/* A page's name is the refname before it, in base64: a name may be any bytes. */
static int take_page(struct git_call *c, struct listing *s, const char *page, struct err *e)
{
    size_t len = strlen(page);
    uint8_t *name = git_call_alloc(c, len / 4 * 3 + 2, e);
    ptrdiff_t n = name ? base64_decode((struct bytes){page, len}, name) : 0;

    if (n < 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "page '%s': not next_page of an answer", page);
    s->after = (struct bytes){(const char *)name, (size_t)n};
    return name ? 0 : -1;
}

static char *page_after(struct git_call *c, struct bytes name, struct err *e)
{
    char *page = git_call_alloc(c, BASE64_LEN(name.len) + 1, e);

    if (page)
        base64_encode((const uint8_t *)name.ptr, name.len, page);
    return page;
}

/* git sorts by the bytes of refnames. */
static bool is_after(struct bytes name, struct bytes other)
{
    int order = other.len > 0 ? memcmp(name.ptr, other.ptr, MIN(name.len, other.len)) : 1;

    return order > 0 || (order == 0 && name.len > other.len);
}

/* --- branches -------------------------------------------------------------------------------- */

static int describe_time(struct git_call *c, const struct git_branch *b, Guest__V1__Branch *m, struct err *e)
{
    if (!b->has_time)
        return 0;
    m->commit_time = git_call_alloc(c, sizeof *m->commit_time, e);
    if (!m->commit_time)
        return -1;
    google__protobuf__timestamp__init(m->commit_time);
    m->commit_time->seconds = b->time;
    return 0;
}

static int describe(struct git_call *c, const struct git_branch *b, Guest__V1__Branch *m, struct err *e)
{
    guest__v1__branch__init(m);
    m->name = git_call_string(c, b->name, e);
    m->commit = git_call_string(c, b->commit, e);
    m->upstream = git_call_string(c, b->upstream, e);
    m->current = b->current;
    m->remote = b->remote;
    m->upstream_gone = b->gone;
    if (b->upstream.len > 0 && !b->gone) {
        m->_ahead_case = GUEST__V1__BRANCH___AHEAD_AHEAD;
        m->_behind_case = GUEST__V1__BRANCH___BEHIND_BEHIND;
        m->ahead = b->ahead;
        m->behind = b->behind;
    }
    if (!m->name || !m->commit || !m->upstream || describe_time(c, b, m, e) < 0)
        return -1;
    return git_call_bytes(c, (struct bytes){b->subject.ptr, MIN(b->subject.len, GIT_SUBJECT_MAX)},
                          &m->subject, e);
}

static int on_branch(void *arg, const struct git_branch *b, struct err *e)
{
    struct listing *s = arg;
    Guest__V1__BranchesResponse *r = &s->response;
    Guest__V1__Branch **list, *m;

    if ((b->remote && b->symbolic) || !is_after(b->refname, s->after) || *r->next_page)
        return 0;
    if (r->n_branches == s->limit)
        return (r->next_page = page_after(s->call, s->last, e)) ? 0 : -1;
    list = git_plain_room(s->call, r->branches, r->n_branches, sizeof(Guest__V1__Branch *), e);
    m = list ? git_call_alloc(s->call, sizeof *m, e) : NULL;
    if (!m || describe(s->call, b, m, e) < 0)
        return -1;
    r->branches = list;
    r->branches[r->n_branches++] = m;
    if (r->n_branches == s->limit)
        s->last = (struct bytes){arena_string(&s->call->arena, b->refname), b->refname.len};
    return r->n_branches < s->limit || s->last.ptr ? 0 : err_nomem(e, "answer");
}

static int feed(struct git_sink *sink, struct bytes data, struct err *e)
{
    return git_branches_feed(&CONTAINER_OF(sink, struct listing, out)->reader, data, e);
}

/* --- the verb -------------------------------------------------------------------------------- */

static int ask(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__BranchesRequest *m = (const Guest__V1__BranchesRequest *)message;
    struct listing *s = c->state = git_call_alloc(c, sizeof *s, e);

    if (!s)
        return -1;
    if (m->limit > GIT_ENTRIES_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "limit %u: more than %d", m->limit, GIT_ENTRIES_MAX);
    s->limit = m->limit ? m->limit : GIT_BRANCHES_DEFAULT;
    s->call = c;
    s->out.feed = feed;
    guest__v1__branches_response__init(&s->response);
    git_branches_init(&s->reader, on_branch, s);
    c->out = &s->out;
    if (take_page(c, s, m->page, e) < 0 || git_plain_words(c, "for-each-ref --sort=refname", e) < 0 ||
        git_call_arg(c, GIT_BRANCHES_FORMAT, e) < 0)
        return -1;
    return git_plain_words(c, m->remotes ? "-- refs/heads refs/remotes" : "-- refs/heads", e);
}

static int ended(struct git_call *c, struct err *e)
{
    struct listing *s = c->state;

    if (git_branches_end(&s->reader, e) < 0)
        return -1;
    git_call_reply(c, &s->response.base);
    return 0;
}

static void clear(struct git_call *c)
{
    git_branches_clear(&((struct listing *)c->state)->reader);
}

const struct git_verb git_verb_branches = {.name = "Branches",
                                           .kind = RPC_UNARY,
                                           .input = &guest__v1__branches_request__descriptor,
                                           .output = &guest__v1__branches_response__descriptor,
                                           .access = GIT_READS,
                                           .ask = ask,
                                           .ended = ended,
                                           .clear = clear};
