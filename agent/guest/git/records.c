#include "guest/git/records.h"

#include "core/limits.h"

static int keep(struct git_records *r, struct bytes data, struct err *e)
{
    if (r->cut)
        data.len = MIN(data.len, GIT_RECORD_MAX - r->len);
    if (data.len > GIT_RECORD_MAX - r->len)
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
        if (r->len > 0)
            record = (struct bytes){r->part, r->len};
        r->len = 0;
        if (r->cut)
            record.len = MIN(record.len, GIT_RECORD_MAX);
        if (r->record(r, record, e) < 0)
            return -1;
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
