#include "guest/git/branches.h"

#include "core/limits.h"

#define TIME_MAX 253402300799 /* the end of the year 9999, behind which a date has no text in JSON */

/* --- fields ---------------------------------------------------------------------------------- */

/* The next field, which a NUL ends, cut off the front of *rest; false: there is none. */
static bool field(struct bytes *rest, struct bytes *out)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, 0, rest->len) : NULL;

    if (!end)
        return false;
    *out = (struct bytes){rest->ptr, (size_t)(end - rest->ptr)};
    rest->ptr = end + 1;
    rest->len -= out->len + 1;
    return true;
}

/* A whole decimal number of that many digits at most. */
static bool number(struct bytes text, size_t digits, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(text.ptr[i] - '0');

        if (digit > 9 || i >= digits)
            return false;
        *out = *out * 10 + (int64_t)digit;
    }
    return text.len > 0;
}

/* "ahead 1, behind 2", either half, "gone", or nothing. */
static bool take_track(struct bytes text, struct git_branch *b)
{
    b->gone = bytes_are(text, "gone");
    while (!b->gone && text.len > 0) {
        const char *comma = memchr(text.ptr, ',', text.len);
        struct bytes part = {text.ptr, comma ? (size_t)(comma - text.ptr) : text.len};
        bool ahead = bytes_cut(&part, "ahead ");
        int64_t n;

        if ((!ahead && !bytes_cut(&part, "behind ")) || !number(part, 9, &n))
            return false;
        *(ahead ? &b->ahead : &b->behind) = (uint32_t)n;
        if (!comma)
            break;
        text = (struct bytes){comma + 1, text.len - (size_t)(comma + 1 - text.ptr)};
        if (!bytes_cut(&text, " "))
            return false;
    }
    return true;
}

/* --- lines ----------------------------------------------------------------------------------- */

static bool parse(struct bytes line, struct git_branch *b)
{
    struct bytes head, symref, track, time;

    if (!field(&line, &b->refname) || !field(&line, &head) || !field(&line, &symref) ||
        !field(&line, &b->commit) || !field(&line, &b->upstream) || !field(&line, &track) ||
        !field(&line, &time))
        return false;
    b->name = b->refname;
    b->remote = bytes_cut(&b->name, "refs/remotes/");
    if (!b->remote && !bytes_cut(&b->name, "refs/heads/"))
        return false;
    b->current = bytes_are(head, "*");
    b->symbolic = symref.len > 0;
    if (!bytes_cut(&b->upstream, "refs/remotes/"))
        (void)bytes_cut(&b->upstream, "refs/heads/");
    b->has_time = number(time, 12, &b->time) && b->time <= TIME_MAX;
    b->subject = line;
    return take_track(track, b);
}

static int on_line(struct git_records *records, struct bytes line, struct err *e)
{
    struct git_branches *r = CONTAINER_OF(records, struct git_branches, records);
    struct git_branch b = {0};

    if (!parse(line, &b))
        return err_set(e, STATUS_INTERNAL, 0, "git for-each-ref wrote '%.*s'",
                       (int)MIN(line.len, (size_t)100), line.ptr);
    return r->branch(r->arg, &b, e);
}

void git_branches_init(struct git_branches *r,
                       int (*branch)(void *arg, const struct git_branch *b, struct err *e), void *arg)
{
    *r = (struct git_branches){
        .records = {.end = '\n', .most = GIT_RECORD_MAX, .record = on_line}, .branch = branch, .arg = arg};
}

int git_branches_feed(struct git_branches *r, struct bytes data, struct err *e)
{
    return git_records_feed(&r->records, data, e);
}

int git_branches_end(const struct git_branches *r, struct err *e)
{
    return git_records_end(&r->records, e);
}

void git_branches_clear(struct git_branches *r)
{
    git_records_clear(&r->records);
}
