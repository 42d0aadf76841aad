#include "core/limits.h"
#include "git/letters.h"
#include "git/plain.h"
#include "git/verbs.h"
#include "guest/git/status.h"

/* --- Status ---------------------------------------------------------------------------------- */

struct listing {
    struct git_sink out;
    struct git_status reader;
    struct git_call *call;
    Guest__V1__StatusResponse response;
    size_t limit;
    size_t bytes; /* of the names in the answer */
};

/* --- what git says --------------------------------------------------------------------------- */

/* "+2 -1", of a branch whose upstream has a commit. */
static void take_counts(Guest__V1__StatusResponse *r, struct bytes v)
{
    uint32_t counts[2] = {0};
    unsigned i = 0;

    for (size_t at = 0; at < v.len && i < 2; at++) {
        if (v.ptr[at] == ' ')
            i++;
        else if (v.ptr[at] >= '0' && v.ptr[at] <= '9')
            counts[i] = counts[i] * 10 + (uint32_t)(v.ptr[at] - '0');
    }
    r->_ahead_case = GUEST__V1__STATUS_RESPONSE___AHEAD_AHEAD;
    r->_behind_case = GUEST__V1__STATUS_RESPONSE___BEHIND_BEHIND;
    r->ahead = counts[0];
    r->behind = counts[1];
}

static int on_header(void *arg, const struct git_status_header *h, struct err *e)
{
    struct listing *s = arg;
    Guest__V1__StatusResponse *r = &s->response;
    char **text = NULL;

    if (bytes_are(h->name, "branch.oid") && !bytes_are(h->value, "(initial)"))
        text = &r->commit;
    else if (bytes_are(h->name, "branch.head") && !bytes_are(h->value, "(detached)"))
        text = &r->branch;
    else if (bytes_are(h->name, "branch.upstream"))
        text = &r->upstream;
    else if (bytes_are(h->name, "branch.ab"))
        take_counts(r, h->value);
    return !text || (*text = git_call_string(s->call, h->value, e)) ? 0 : -1;
}

static int take_submodule(struct listing *s, const struct git_status_entry *x, Guest__V1__StatusEntry *m,
                          struct err *e)
{
    m->submodule = git_call_alloc(s->call, sizeof *m->submodule, e);
    if (!m->submodule)
        return -1;
    guest__v1__submodule__init(m->submodule);
    m->submodule->new_commits = x->new_commits;
    m->submodule->modified = x->modified;
    m->submodule->untracked = x->untracked;
    return 0;
}

static int describe(struct listing *s, const struct git_status_entry *x, Guest__V1__StatusEntry *m,
                    struct err *e)
{
    const char letters[] = {x->staged, x->unstaged};

    guest__v1__status_entry__init(m);
    m->untracked = x->kind == GIT_STATUS_UNTRACKED;
    m->ignored = x->kind == GIT_STATUS_IGNORED;
    m->head_mode = x->head_mode;
    m->index_mode = x->index_mode;
    m->worktree_mode = x->worktree_mode;
    m->score = x->score;
    if (x->kind == GIT_STATUS_UNMERGED) {
        m->conflict = git_call_string(s->call, (struct bytes){letters, 2}, e);
        m->staged = m->unstaged = GUEST__V1__CHANGE__CHANGE_UNMERGED;
        if (!m->conflict)
            return -1;
    } else {
        m->staged = git_change_of(x->staged);
        m->unstaged = git_change_of(x->unstaged);
    }
    if (x->submodule && take_submodule(s, x, m, e) < 0)
        return -1;
    if (x->original_path.len > 0 && git_call_bytes(s->call, x->original_path, &m->original_path, e) < 0)
        return -1;
    return git_call_bytes(s->call, x->path, &m->path, e);
}

static int on_entry(void *arg, const struct git_status_entry *x, struct err *e)
{
    struct listing *s = arg;
    Guest__V1__StatusResponse *r = &s->response;
    Guest__V1__StatusEntry *m, **entries;

    if (r->n_entries >= s->limit || s->bytes >= GIT_PAGE_BYTES) {
        r->truncated = true;
        return 0;
    }
    m = git_call_alloc(s->call, sizeof *m, e);
    entries = m ? git_plain_room(s->call, r->entries, r->n_entries, sizeof *entries, e) : NULL;
    if (!entries || describe(s, x, m, e) < 0)
        return -1;
    r->entries = entries;
    r->entries[r->n_entries++] = m;
    s->bytes += m->path.len + m->original_path.len;
    return 0;
}

static const struct git_status_events events = {on_header, on_entry};

static int feed(struct git_sink *sink, struct bytes data, struct err *e)
{
    return git_status_feed(&CONTAINER_OF(sink, struct listing, out)->reader, data, e);
}

/* --- the verb -------------------------------------------------------------------------------- */

static int ask(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__StatusRequest *m = (const Guest__V1__StatusRequest *)message;
    struct listing *s = c->state = git_call_alloc(c, sizeof *s, e);

    if (!s)
        return -1;
    if (m->limit > GIT_ENTRIES_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "limit %u: more than %d", m->limit, GIT_ENTRIES_MAX);
    s->limit = m->limit ? m->limit : GIT_ENTRIES_MAX;
    s->call = c;
    s->out.feed = feed;
    guest__v1__status_response__init(&s->response);
    git_status_init(&s->reader, &events, s);
    c->out = &s->out;
    if (git_call_arg(c, "status", e) < 0 || git_call_arg(c, "--porcelain=v2", e) < 0 ||
        git_call_arg(c, "-z", e) < 0 || git_call_arg(c, "--branch", e) < 0 ||
        git_call_arg(c, m->untracked_files ? "--untracked-files=all" : "--untracked-files=normal", e) < 0 ||
        (m->ignored && git_call_arg(c, "--ignored=traditional", e) < 0))
        return -1;
    return git_call_paths(c, m->paths, m->n_paths, e);
}

static int ended(struct git_call *c, struct err *e)
{
    struct listing *s = c->state;

    if (git_status_end(&s->reader, e) < 0)
        return -1;
    s->response.operation = (char *)(uintptr_t)c->op->place.operation;
    git_call_reply(c, &s->response.base);
    return 0;
}

static void clear(struct git_call *c)
{
    git_status_clear(&((struct listing *)c->state)->reader);
}

const struct git_verb git_verb_status = {.name = "Status",
                                         .kind = RPC_UNARY,
                                         .input = &guest__v1__status_request__descriptor,
                                         .output = &guest__v1__status_response__descriptor,
                                         .access = GIT_READS,
                                         .ask = ask,
                                         .ended = ended,
                                         .clear = clear};
