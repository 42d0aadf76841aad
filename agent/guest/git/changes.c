#include "guest/git/changes.h"

static int strange(struct bytes record, struct err *e)
{
    return err_set(e, STATUS_INTERNAL, 0, "git diff wrote '%.*s'", (int)MIN(record.len, (size_t)100),
                   record.ptr);
}

/* --- how a file begins ----------------------------------------------------------------------- */

/* The next word, which that byte ends, cut off the front of *rest; empty: there is none. */
static struct bytes word(struct bytes *rest, char end)
{
    const char *at = rest->len > 0 ? memchr(rest->ptr, end, rest->len) : NULL;
    struct bytes w = {rest->ptr, at ? (size_t)(at - rest->ptr) : 0};

    if (!at)
        return (struct bytes){0};
    rest->ptr = at + 1;
    rest->len -= w.len + 1;
    return w;
}

/* ":100644 100644 OLD NEW M", and of a rename or copy "R087". */
static int take_raw(struct git_changes *x, struct bytes record, struct err *e)
{
    struct bytes rest = {record.ptr + 1, record.len - 1};
    struct bytes old = word(&rest, ' '), new = word(&rest, ' ');

    if (old.len == 0 || new.len == 0 || word(&rest, ' ').len == 0 || word(&rest, ' ').len == 0 ||
        rest.len == 0 || rest.ptr[0] == 0 || !strchr("ACDMRTU", rest.ptr[0]))
        return strange(record, e);
    x->letter = rest.ptr[0];
    x->same_mode = bytes_equal(old, new);
    x->counts = false;
    x->state = x->letter == 'R' || x->letter == 'C' ? GIT_CHANGES_ORIGINAL : GIT_CHANGES_PATH;
    return 0;
}

/* A number of lines, of 18 digits at most; "-" of a binary file. */
static bool take_count(struct git_changes *x, struct bytes w, uint64_t *out)
{
    *out = 0;
    if (bytes_are(w, "-")) {
        x->binary = true;
        return true;
    }
    for (size_t i = 0; i < w.len; i++) {
        unsigned digit = (unsigned)(w.ptr[i] - '0');

        if (digit > 9)
            return false;
        *out = *out * 10 + digit;
    }
    return w.len > 0 && w.len <= 18;
}

/* "3\t1\tpath"; of a rename or copy the path is empty, and both follow. */
static int take_lines(struct git_changes *x, struct bytes record, struct err *e)
{
    struct bytes rest = record;

    x->binary = false;
    if (!take_count(x, word(&rest, '\t'), &x->added) || !take_count(x, word(&rest, '\t'), &x->deleted))
        return strange(record, e);
    if (rest.len > 0)
        return x->events->lines(x->arg, rest, x->added, x->deleted, x->binary, e);
    x->counts = true;
    x->state = GIT_CHANGES_ORIGINAL;
    return 0;
}

/* --- the paths that follow ------------------------------------------------------------------- */

static int take_original(struct git_changes *x, struct bytes record, struct err *e)
{
    x->original = malloc(record.len + 1);
    if (!x->original)
        return err_nomem(e, "read what git says");
    memcpy(x->original, record.ptr, record.len);
    x->original_len = record.len;
    x->state = GIT_CHANGES_PATH;
    return 0;
}

static int take_path(struct git_changes *x, struct bytes path, struct err *e)
{
    CLEANUP_FREE char *held = TAKE(x->original);
    struct bytes original = {held, held ? x->original_len : 0};

    x->state = GIT_CHANGES_START;
    if (x->counts)
        return x->events->lines(x->arg, path, x->added, x->deleted, x->binary, e);
    return x->events->file(x->arg, x->letter, x->same_mode, path, original, e);
}

static int on_record(struct git_records *r, struct bytes record, struct err *e)
{
    struct git_changes *x = CONTAINER_OF(r, struct git_changes, records);

    if (record.len == 0)
        return strange(record, e);
    switch (x->state) {
    case GIT_CHANGES_ORIGINAL:
        return take_original(x, record, e);
    case GIT_CHANGES_PATH:
        return take_path(x, record, e);
    default:
        return record.ptr[0] == ':' ? take_raw(x, record, e) : take_lines(x, record, e);
    }
}

/* --- what its owner does --------------------------------------------------------------------- */

void git_changes_init(struct git_changes *x, const struct git_changes_events *events, void *arg)
{
    *x = (struct git_changes){.records = {.end = 0, .record = on_record}, .events = events, .arg = arg};
}

int git_changes_feed(struct git_changes *x, struct bytes data, struct err *e)
{
    return git_records_feed(&x->records, data, e);
}

int git_changes_end(const struct git_changes *x, struct err *e)
{
    if (x->state != GIT_CHANGES_START)
        return err_set(e, STATUS_INTERNAL, 0, "what git wrote ends inside a file");
    return git_records_end(&x->records, e);
}

void git_changes_clear(struct git_changes *x)
{
    git_records_clear(&x->records);
    free(TAKE(x->original));
}
