#include "git/revisions.h"

#include "git/plain.h"

int git_revisions_ask(struct git_call *c, const char *const *words, const char *const *what, size_t count,
                      struct err *e)
{
    git_plain_hear(c);
    if (git_call_arg(c, "rev-parse", e) < 0)
        return -1;
    if (count == 0)
        return git_call_arg(c, "--is-inside-work-tree", e);
    for (size_t i = 0; i < count; i++)
        if (git_call_text(c, "", words[i], what[i], e) < 0)
            return -1;
    return git_call_arg(c, "--", e); /* no word is a file's name */
}

struct bytes git_revisions_next(struct bytes *text)
{
    const char *end = text->len > 0 ? memchr(text->ptr, '\n', text->len) : NULL;
    struct bytes name = {text->ptr, end ? (size_t)(end - text->ptr) : text->len};

    text->ptr += end ? name.len + 1 : name.len;
    text->len -= end ? name.len + 1 : name.len;
    return git_revisions_valid(name) ? name : (struct bytes){0};
}

bool git_revisions_valid(struct bytes name)
{
    if (name.len > 0 && name.ptr[0] == '^') {
        name.ptr++;
        name.len--;
    }
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] == 0 || !strchr("0123456789abcdef", name.ptr[i]))
            return false;
    return name.len == 40 || name.len == 64;
}
