#include "guest/git/log.h"

#include "core/limits.h"

const char git_log_format[] =
    "--format=tformat:%H%x00%P%x00%T%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%D%x00%s%x00%b";

/* --- records --------------------------------------------------------------------------------- */

/* Whether the text is an object's name: SHA-1 or SHA-256, in hexadecimal. */
static bool is_object(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!strchr("0123456789abcdef", text.ptr[i]) || text.ptr[i] == 0)
            return false;
    return text.len == 40 || text.len == 64;
}

static int on_record(struct git_records *r, struct bytes record, struct err *e)
{
    struct git_log *l = CONTAINER_OF(r, struct git_log, records);
    enum git_log_field f = l->next;

    if ((f == GIT_LOG_COMMIT || f == GIT_LOG_TREE) && !is_object(record))
        return err_set(e, STATUS_INTERNAL, 0, "git log wrote '%.*s'", (int)MIN(record.len, (size_t)100),
                       record.ptr);
    l->next = (f + 1) % GIT_LOG_FIELDS;
    return l->field(l->arg, f, record, r->cut, e);
}

void git_log_init(struct git_log *l,
                  int (*field)(void *, enum git_log_field, struct bytes, bool, struct err *), void *arg)
{
    *l = (struct git_log){
        .records = {.end = 0, .record = on_record, .most = GIT_MESSAGE_MAX}, .field = field, .arg = arg};
}

int git_log_feed(struct git_log *l, struct bytes data, struct err *e)
{
    return git_records_feed(&l->records, data, e);
}

int git_log_end(const struct git_log *l, struct err *e)
{
    if (l->next != GIT_LOG_COMMIT)
        return err_set(e, STATUS_INTERNAL, 0, "what git wrote ends inside a commit");
    return git_records_end(&l->records, e);
}

void git_log_clear(struct git_log *l)
{
    git_records_clear(&l->records);
}

/* --- refs ------------------------------------------------------------------------------------ */

/* "tag: refs/tags/v1" and "refs/heads/main" without what says what they are; empty: it is something else. */
static struct bytes short_name(struct bytes ref)
{
    static const char *const before[] = {"tag: refs/tags/", "refs/heads/", "refs/remotes/"};

    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        size_t n = strlen(before[i]);

        if (ref.len > n && memcmp(ref.ptr, before[i], n) == 0)
            return (struct bytes){ref.ptr + n, ref.len - n};
    }
    return (struct bytes){0};
}

/* No ref has a space in its name (git-check-ref-format(1)), so that ", " stands between two. */
struct bytes git_log_ref(struct bytes *refs)
{
    struct bytes name = {0};

    while (name.len == 0 && refs->len > 0) {
        const char *end = memmem(refs->ptr, refs->len, ", ", 2);
        size_t n = end ? (size_t)(end - refs->ptr) : refs->len, skip = end ? n + 2 : n;

        name = short_name((struct bytes){refs->ptr, n});
        refs->ptr += skip;
        refs->len -= skip;
    }
    return name;
}
