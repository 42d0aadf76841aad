#include "guest/git/records.h"

#include "core/limits.h"

/* As much of a record's next bytes as it may have. */
static struct bytes cut(struct git_records *r, struct bytes data)
{
    if (r->most && data.len > r->most - r->len) {
        data.len = r->most - r->len;
        r->cut = true;
    }
    return data;
}

static int keep(struct git_records *r, struct bytes data, struct err *e)
{
    data = cut(r, data);
    if (data.len > GIT_RECORD_MAX - r->len && !r->most)
        return err_set(e, STATUS_INTERNAL, 0, "git wrote a record of more than %zu bytes",
                       (size_t)GIT_RECORD_MAX);
    if (r->len + data.len > r->cap) {
        size_t cap = MAX(2 * (r->len + data.len), 256);
        char *part = realloc(r->part, cap);

        if (!part)
            return err_nomem(e, "read what git says");
        r->part = part;
        r->cap = cap;
    }
    if (data.len > 0)
        memcpy(r->part + r->len, data.ptr, data.len);
    r->len += data.len;
    return 0;
}

int git_records_feed(struct git_records *r, struct bytes data, struct err *e)
{
    while (data.len > 0) {
        const char *end = memchr(data.ptr, r->end, data.len);
        struct bytes record = {data.ptr, end ? (size_t)(end - data.ptr) : data.len};

        if ((!end || r->len > 0) && keep(r, record, e) < 0)
            return -1;
        if (!end)
            return 0;
        record = r->len > 0 ? (struct bytes){r->part, r->len} : cut(r, record);
        r->len = 0;
        if (r->record(r, record, e) < 0)
            return -1;
        r->cut = false;
        data.len -= (size_t)(end + 1 - data.ptr);
        data.ptr = end + 1;
    }
    return 0;
}

int git_records_end(const struct git_records *r, struct err *e)
{
    return r->len == 0 ? 0 : err_set(e, STATUS_INTERNAL, 0, "what git wrote ends inside a record");
}

void git_records_clear(struct git_records *r)
{
    free(TAKE(r->part));
    r->len = r->cap = 0;
}
