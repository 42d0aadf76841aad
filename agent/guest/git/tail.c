#include "guest/git/tail.h"

#include "core/limits.h"

/* Room for `more` bytes behind the text: twice the bound at most, so that it moves rarely. */
static bool grow(struct git_tail *t, size_t more)
{
    size_t cap = MIN(MAX(2 * (t->len + more), 512), (size_t)2 * GIT_STDERR_MAX);
    char *text;

    if (t->len + more <= t->cap)
        return true;
    text = malloc(cap);
    if (!text)
        return false;
    if (t->len > 0)
        memcpy(text, t->text, t->len);
    if (t->text)
        explicit_bzero(t->text, t->cap);
    free(t->text);
    t->text = text;
    t->cap = cap;
    return true;
}

int git_tail_add(struct git_tail *t, struct bytes data, struct err *e)
{
    if (data.len > GIT_STDERR_MAX) {
        data.ptr += data.len - GIT_STDERR_MAX;
        data.len = GIT_STDERR_MAX;
    }
    if (t->len + data.len > (size_t)2 * GIT_STDERR_MAX) {
        memmove(t->text, t->text + t->len - GIT_STDERR_MAX, GIT_STDERR_MAX);
        t->len = GIT_STDERR_MAX;
    }
    if (data.len == 0)
        return 0;
    if (!grow(t, data.len))
        return err_nomem(e, "read what git says");
    memcpy(t->text + t->len, data.ptr, data.len);
    t->len += data.len;
    return 0;
}

struct bytes git_tail_text(const struct git_tail *t)
{
    size_t skip = t->len - MIN(t->len, (size_t)GIT_STDERR_MAX);

    return (struct bytes){t->text ? t->text + skip : "", t->len - skip};
}

void git_tail_clear(struct git_tail *t)
{
    if (t->text)
        explicit_bzero(t->text, t->cap);
    free(t->text);
    *t = (struct git_tail){0};
}
