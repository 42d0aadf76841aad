#include "guest/git/status.h"

static int strange(struct bytes record, struct err *e)
{
    return err_set(e, STATUS_INTERNAL, 0, "git status wrote '%.*s'", (int)MIN(record.len, (size_t)100),
                   record.ptr);
}

/* --- fields ---------------------------------------------------------------------------------- */

/* The next field, which a space ends, cut off the front of *rest; empty: there is none. */
static struct bytes field(struct bytes *rest)
{
    const char *space = rest->len > 0 ? memchr(rest->ptr, ' ', rest->len) : NULL;
    struct bytes f = {rest->ptr, space ? (size_t)(space - rest->ptr) : 0};

    if (!space)
        return (struct bytes){0};
    rest->ptr = space + 1;
    rest->len -= f.len + 1;
    return f;
}

/* A number in that base, of eight digits at most. */
static bool number(struct bytes f, unsigned base, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < f.len; i++) {
        unsigned digit = (unsigned)(f.ptr[i] - '0');

        if (digit >= base)
            return false;
        *out = *out * base + digit;
    }
    return f.len > 0 && f.len <= 8;
}

static bool is_letter(char c)
{
    return c != 0 && strchr(".MTADRCU", c);
}

/* "XY" and the submodule's "N..." or "S<c><m><u>". */
static bool take_letters(struct bytes *rest, struct git_status_entry *x)
{
    struct bytes xy = field(rest), sub = field(rest);

    if (xy.len != 2 || !is_letter(xy.ptr[0]) || !is_letter(xy.ptr[1]) || sub.len != 4)
        return false;
    x->staged = xy.ptr[0];
    x->unstaged = xy.ptr[1];
    x->submodule = sub.ptr[0] == 'S';
    x->new_commits = sub.ptr[1] == 'C';
    x->modified = sub.ptr[2] == 'M';
    x->untracked = sub.ptr[3] == 'U';
    return true;
}

/* --- records --------------------------------------------------------------------------------- */

/* "1 XY sub mH mI mW hH hI path", and behind a "2" also "Xscore" before the path. */
static bool parse_changed(struct bytes rest, bool renamed, struct git_status_entry *x)
{
    struct bytes score;

    if (!take_letters(&rest, x) || !number(field(&rest), 8, &x->head_mode) ||
        !number(field(&rest), 8, &x->index_mode) || !number(field(&rest), 8, &x->worktree_mode))
        return false;
    for (int i = 0; i < 2; i++)
        if (field(&rest).len == 0)
            return false;
    if (renamed) {
        score = field(&rest);
        if (score.len < 2 || !number((struct bytes){score.ptr + 1, score.len - 1}, 10, &x->score))
            return false;
    }
    x->path = rest;
    return rest.len > 0;
}

/* "u XY sub m1 m2 m3 mW h1 h2 h3 path". */
static bool parse_unmerged(struct bytes rest, struct git_status_entry *x)
{
    x->kind = GIT_STATUS_UNMERGED;
    if (!take_letters(&rest, x))
        return false;
    for (unsigned i = 0; i < 3; i++) /* the stages' modes: what is in the index is no single thing */
        if (field(&rest).len == 0)
            return false;
    if (!number(field(&rest), 8, &x->worktree_mode))
        return false;
    for (unsigned i = 0; i < 3; i++)
        if (field(&rest).len == 0)
            return false;
    x->path = rest;
    return rest.len > 0;
}

/* A rename's record is complete only with the next one: it is kept until then. */
static int keep(struct git_status *s, struct bytes record, struct err *e)
{
    s->pending = malloc(record.len);
    if (!s->pending)
        return err_nomem(e, "read what git says");
    memcpy(s->pending, record.ptr, record.len);
    s->pending_len = record.len;
    s->renamed = true;
    return 0;
}

static int finish_rename(struct git_status *s, struct bytes original, struct err *e)
{
    CLEANUP_FREE char *pending = TAKE(s->pending);
    struct git_status_entry x = {.original_path = original};

    s->renamed = false;
    if (!parse_changed((struct bytes){pending + 2, s->pending_len - 2}, true, &x))
        return strange((struct bytes){pending, s->pending_len}, e);
    return s->events->entry(s->arg, &x, e);
}

static int on_record(struct git_records *r, struct bytes record, struct err *e)
{
    struct git_status *s = CONTAINER_OF(r, struct git_status, records);
    struct git_status_entry x = {0};
    struct bytes rest;
    bool good = false;

    if (s->renamed)
        return finish_rename(s, record, e);
    if (record.len < 3 || record.ptr[1] != ' ')
        return strange(record, e);
    rest = (struct bytes){record.ptr + 2, record.len - 2};
    switch (record.ptr[0]) {
    case '#': {
        struct bytes name = field(&rest);

        return s->events->header(s->arg, &(struct git_status_header){name, rest}, e);
    }
    case '1':
        good = parse_changed(rest, false, &x);
        break;
    case '2':
        return keep(s, record, e);
    case 'u':
        good = parse_unmerged(rest, &x);
        break;
    case '?':
    case '!':
        x.kind = record.ptr[0] == '?' ? GIT_STATUS_UNTRACKED : GIT_STATUS_IGNORED;
        x.path = rest;
        good = true;
        break;
    }
    return good ? s->events->entry(s->arg, &x, e) : strange(record, e);
}

/* --- what its owner does --------------------------------------------------------------------- */

void git_status_init(struct git_status *s, const struct git_status_events *events, void *arg)
{
    *s = (struct git_status){.records = {.end = 0, .record = on_record}, .events = events, .arg = arg};
}

int git_status_feed(struct git_status *s, struct bytes data, struct err *e)
{
    return git_records_feed(&s->records, data, e);
}

int git_status_end(struct git_status *s, struct err *e)
{
    if (s->renamed)
        return err_set(e, STATUS_INTERNAL, 0, "what git wrote ends inside a rename");
    return git_records_end(&s->records, e);
}

void git_status_clear(struct git_status *s)
{
    git_records_clear(&s->records);
    free(TAKE(s->pending));
}
