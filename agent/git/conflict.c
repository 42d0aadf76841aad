#include "git/conflict.h"

#include "core/limits.h"
#include "git/plain.h"

static int on_path(struct git_records *r, struct bytes path, struct err *e)
{
    struct git_conflict *x = CONTAINER_OF(r, struct git_conflict, records);
    ProtobufCBinaryData *paths;

    if (x->count == GIT_ENTRIES_MAX) {
        x->truncated = true;
        return 0;
    }
    paths = git_plain_room(x->call, x->paths, x->count, sizeof *paths, e);
    if (!paths || git_call_bytes(x->call, path, &paths[x->count], e) < 0)
        return -1;
    x->paths = paths;
    x->count++;
    return 0;
}

static int feed(struct git_sink *s, struct bytes data, struct err *e)
{
    return git_records_feed(&CONTAINER_OF(s, struct git_conflict, out)->records, data, e);
}

bool git_conflict_ask(struct git_call *c, const struct err *error)
{
    struct git_conflict *x;
    struct err e;

    if (c->reason != GIT_CONFLICT || c->conflict || c->verb->access != GIT_WRITES)
        return false;
    x = git_call_alloc(c, sizeof *x, &e);
    if (!x)
        return false;
    x->error = *error;
    x->call = c;
    x->out.feed = feed;
    x->records.record = on_path;
    if (git_call_keep(c, &e) < 0)
        return false;
    git_call_again(c);
    c->out = &x->out;
    if (git_plain_words(c, "diff-files --name-only --no-relative --diff-filter=U -z", &e) < 0)
        return false;
    c->conflict = x;
    return true;
}

void git_conflict_clear(struct git_call *c)
{
    if (c->conflict)
        git_records_clear(&c->conflict->records);
}
