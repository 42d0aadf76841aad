#include <stdio.h>

#include "core/limits.h"
#include "git/plain.h"
#include "git/revisions.h"
#include "git/verbs.h"
#include "guest/git/log.h"

/* --- Log ------------------------------------------------------------------------------------- */

#define COMMITS_MAX     1000
#define COMMITS_DEFAULT 100
#define YEAR_10000      253402300800 /* google.protobuf.Timestamp ends there */

/* A page begins so many commits behind these; the next one says it as "SKIP OBJECT...", so that it goes on in what the first began,
 * whatever was committed since. */
struct start {
    uint64_t skip;
    const char *objects[GIT_PAGE_REVS];
    size_t count;
};

struct log {
    bool resolved;
    struct start start;
    const char **paths;
    size_t path_count;
    struct git_sink out;
    struct git_log reader;
    struct git_call *call;
    Guest__V1__LogResponse response;
    Guest__V1__LogEntry *now; /* that is being read; NULL: the page is full */
    size_t limit, bytes;
    bool more;
    char skip[32], count[32];
};

/* --- pages ----------------------------------------------------------------------------------- */

static int add_object(struct git_call *c, struct start *s, struct bytes name, struct err *e)
{
    if (s->count == GIT_PAGE_REVS)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "revision: it comes down to more than %d commits",
                       GIT_PAGE_REVS);
    s->objects[s->count] = git_call_string(c, name, e);
    return s->objects[s->count++] ? 0 : -1;
}

static int parse_page(struct git_call *c, struct start *s, const char *page, struct err *e)
{
    struct bytes rest = bytes_of(page);
    size_t digits = 0;

    for (; digits < rest.len && digits < 12 && rest.ptr[digits] >= '0' && rest.ptr[digits] <= '9'; digits++)
        s->skip = s->skip * 10 + (uint64_t)(rest.ptr[digits] - '0');
    rest.ptr += digits;
    rest.len -= digits;
    while (digits > 0 && rest.len > 1 && *rest.ptr == ' ') {
        const char *end = memchr(rest.ptr + 1, ' ', rest.len - 1);
        struct bytes name = {rest.ptr + 1, end ? (size_t)(end - rest.ptr) - 1 : rest.len - 1};

        if (!git_revisions_valid(name))
            break;
        if (add_object(c, s, name, e) < 0)
            return -1;
        rest.ptr += name.len + 1;
        rest.len -= name.len + 1;
    }
    return s->count > 0 && rest.len == 0
               ? 0
               : err_set(e, STATUS_INVALID_ARGUMENT, 0, "page: not the next_page of an answer");
}

static char *format_page(struct git_call *c, const struct start *s, size_t sent, struct err *e)
{
    size_t size = 24 + s->count * 66, n;
    char *text = git_call_alloc(c, size, e);

    if (!text)
        return NULL;
    n = (size_t)snprintf(text, size, "%llu", (unsigned long long)(s->skip + sent));
    for (size_t i = 0; i < s->count; i++)
        n += (size_t)snprintf(text + n, size - n, " %s", s->objects[i]);
    return text;
}

/* --- what git says --------------------------------------------------------------------------- */

static Google__Protobuf__Timestamp *take_time(struct git_call *c, struct bytes value, struct err *e)
{
    Google__Protobuf__Timestamp *t = git_call_alloc(c, sizeof *t, e);

    if (!t)
        return NULL;
    google__protobuf__timestamp__init(t);
    for (size_t i = 0; i < value.len && t->seconds < YEAR_10000; i++)
        t->seconds = t->seconds * 10 + (value.ptr[i] - '0');
    t->seconds = MIN(t->seconds, YEAR_10000 - 1);
    return t;
}

static int take_identity(struct git_call *c, Guest__V1__Identity **who, unsigned part, struct bytes value,
                         struct err *e)
{
    if (!*who) {
        *who = git_call_alloc(c, sizeof **who, e);
        if (!*who)
            return -1;
        guest__v1__identity__init(*who);
    }
    switch (part) {
    case 0:
        return ((*who)->name = git_call_string(c, value, e)) ? 0 : -1;
    case 1:
        return ((*who)->email = git_call_string(c, value, e)) ? 0 : -1;
    default:
        return value.len == 0 || ((*who)->time = take_time(c, value, e)) ? 0 : -1;
    }
}

/* Adds a string to a list of strings that has room for it. */
static int add_string(struct git_call *c, char **list, size_t *count, struct bytes value, struct err *e)
{
    list[*count] = git_call_string(c, value, e);
    return list[(*count)++] ? 0 : -1;
}

static int take_parents(struct git_call *c, Guest__V1__LogEntry *m, struct bytes value, struct err *e)
{
    m->parents = git_call_alloc(c, (value.len / 41 + 1) * sizeof *m->parents, e);
    if (!m->parents)
        return -1;
    while (value.len > 0) {
        const char *end = memchr(value.ptr, ' ', value.len);
        size_t n = end ? (size_t)(end - value.ptr) : value.len, skip = end ? n + 1 : n;

        if (n < 40)
            return err_set(e, STATUS_INTERNAL, 0, "git log wrote '%.*s' as a parent", (int)n, value.ptr);
        if (add_string(c, m->parents, &m->n_parents, (struct bytes){value.ptr, n}, e) < 0)
            return -1;
        value.ptr += skip;
        value.len -= skip;
    }
    return 0;
}

static int take_refs(struct git_call *c, Guest__V1__LogEntry *m, struct bytes value, struct err *e)
{
    struct bytes name;
    size_t room = 1;

    for (size_t i = 0; i < value.len; i++)
        room += value.ptr[i] == ',';
    m->refs = git_call_alloc(c, room * sizeof *m->refs, e);
    if (!m->refs)
        return -1;
    while ((name = git_log_ref(&value)).len > 0)
        if (add_string(c, m->refs, &m->n_refs, name, e) < 0)
            return -1;
    return 0;
}

/* A commit begins: it gets a place in the page, if there is one. */
static int begin(struct log *x, struct bytes name, struct err *e)
{
    Guest__V1__LogResponse *r = &x->response;

    x->now = NULL;
    x->more = r->n_commits == x->limit || x->bytes >= GIT_PAGE_BYTES;
    if (x->more)
        return 0;
    x->now = git_call_alloc(x->call, sizeof *x->now, e);
    if (!x->now)
        return -1;
    guest__v1__log_entry__init(x->now);
    r->commits[r->n_commits++] = x->now;
    x->now->commit = git_call_string(x->call, name, e);
    return x->now->commit ? 0 : -1;
}

static int on_field(void *arg, enum git_log_field f, struct bytes value, bool cut, struct err *e)
{
    struct log *x = arg;
    struct git_call *c = x->call;

    if (f == GIT_LOG_COMMIT)
        return x->more ? 0 : begin(x, value, e);
    if (!x->now)
        return 0;
    x->bytes += value.len;
    x->now->truncated |= cut;
    switch (f) {
    case GIT_LOG_PARENTS:
        return take_parents(c, x->now, value, e);
    case GIT_LOG_TREE:
        return (x->now->tree = git_call_string(c, value, e)) ? 0 : -1;
    case GIT_LOG_REFS:
        return take_refs(c, x->now, value, e);
    case GIT_LOG_SUBJECT:
        return git_call_bytes(c, value, &x->now->subject, e);
    case GIT_LOG_BODY:
        return git_call_bytes(c, value, &x->now->body, e);
    default:
        return f < GIT_LOG_COMMITTER ? take_identity(c, &x->now->author, f - GIT_LOG_AUTHOR, value, e)
                                     : take_identity(c, &x->now->committer, f - GIT_LOG_COMMITTER, value, e);
    }
}

static int feed(struct git_sink *s, struct bytes data, struct err *e)
{
    return git_log_feed(&CONTAINER_OF(s, struct log, out)->reader, data, e);
}

/* --- the verb -------------------------------------------------------------------------------- */

/* The run that lists; the page's end is known by one commit more. */
static int list(struct git_call *c, struct log *x, struct err *e)
{
    const char *args[] = {"log",
                          "-z",
                          git_log_format,
                          "--encoding=UTF-8",
                          "--decorate=full",
                          "--no-follow",
                          "--no-patch",
                          "--no-color",
                          "--no-show-signature",
                          "--decorate-refs=refs/heads",
                          x->skip,
                          x->count,
                          "--decorate-refs=refs/tags",
                          "--decorate-refs=refs/remotes"};

    snprintf(x->skip, sizeof x->skip, "--skip=%llu", (unsigned long long)x->start.skip);
    snprintf(x->count, sizeof x->count, "--max-count=%zu", x->limit + 1);
    x->resolved = true;
    c->out = &x->out;
    for (size_t i = 0; i < ARRAY_LEN(args); i++)
        if (git_call_arg(c, args[i], e) < 0)
            return -1;
    for (size_t i = 0; i < x->start.count; i++)
        if (git_call_arg(c, x->start.objects[i], e) < 0)
            return -1;
    if (git_call_arg(c, "--", e) < 0)
        return -1;
    for (size_t i = 0; i < x->path_count; i++)
        if (git_call_arg(c, x->paths[i], e) < 0)
            return -1;
    return 0;
}

static int ask(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__LogRequest *m = (const Guest__V1__LogRequest *)message;
    struct log *x = c->state = git_call_alloc(c, sizeof *x, e);
    const char *revision = *m->revision ? m->revision : "HEAD", *what = "revision";

    if (!x)
        return -1;
    if (m->limit > COMMITS_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "limit %u: more than %d", m->limit, COMMITS_MAX);
    x->limit = m->limit ? m->limit : COMMITS_DEFAULT;
    x->call = c;
    x->out.feed = feed;
    git_log_init(&x->reader, on_field, x);
    guest__v1__log_response__init(&x->response);
    x->response.commits = git_call_alloc(c, x->limit * sizeof *x->response.commits, e);
    x->paths = git_call_copy_paths(c, m->paths, m->n_paths, e);
    x->path_count = m->n_paths;
    if (!x->response.commits || !x->paths)
        return -1;
    if (*m->page)
        return parse_page(c, &x->start, m->page, e) < 0 ? -1 : list(c, x, e);
    return git_revisions_ask(c, &revision, &what, 1, e);
}

static int resolve(struct git_call *c, struct log *x, struct err *e)
{
    struct bytes text = git_plain_heard(c), name;

    while ((name = git_revisions_next(&text)).len > 0)
        if (add_object(c, &x->start, name, e) < 0)
            return -1;
    git_call_again(c);
    return list(c, x, e);
}

static int ended(struct git_call *c, struct err *e)
{
    struct log *x = c->state;

    if (!x->resolved)
        return resolve(c, x, e);
    if (git_log_end(&x->reader, e) < 0)
        return -1;
    if (x->more && !(x->response.next_page = format_page(c, &x->start, x->response.n_commits, e)))
        return -1;
    git_call_reply(c, &x->response.base);
    return 0;
}

static void clear(struct git_call *c)
{
    struct log *x = c->state;

    git_log_clear(&x->reader);
}

const struct git_verb git_verb_log = {.name = "Log",
                                      .kind = RPC_UNARY,
                                      .input = &guest__v1__log_request__descriptor,
                                      .output = &guest__v1__log_response__descriptor,
                                      .access = GIT_READS,
                                      .ask = ask,
                                      .ended = ended,
                                      .clear = clear};
