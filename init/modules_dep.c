#include "init/modules_dep.h"

static char folded(char c)
{
    if (c == '-')
        return '_';
    return c;
}

bool modules_dep_is(struct bytes path, const char *name)
{
    const char *slash = memrchr(path.ptr, '/', path.len);
    size_t n = strlen(name);

    if (slash) {
        path.len -= (size_t)(slash + 1 - path.ptr);
        path.ptr = slash + 1;
    }
    if (n == 0 || path.len < n + 3 || memcmp(path.ptr + n, ".ko", 3) != 0 ||
        (path.len > n + 3 && path.ptr[n + 3] != '.'))
        return false;
    for (size_t i = 0; i < n; i++)
        if (folded(path.ptr[i]) != folded(name[i]))
            return false;
    return true;
}

bool modules_dep_find(struct bytes text, const char *name, struct bytes *path, struct bytes *needs)
{
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t n = end ? (size_t)(end - text.ptr) : text.len;
        const char *colon = memchr(text.ptr, ':', n);

        *path = bytes_trim((struct bytes){text.ptr, colon ? (size_t)(colon - text.ptr) : n});
        *needs = (struct bytes){text.ptr + n, 0};
        if (colon)
            *needs = (struct bytes){colon + 1, (size_t)(text.ptr + n - colon) - 1};
        if (path->len > 0 && modules_dep_is(*path, name))
            return true;
        n += end != NULL;
        text.ptr += n;
        text.len -= n;
    }
    return false;
}

bool modules_dep_last(struct bytes *needs, struct bytes *path)
{
    size_t begin;

    if (needs->len == 0)
        return false;
    *needs = bytes_trim(*needs);
    for (begin = needs->len; begin > 0 && needs->ptr[begin - 1] != ' ' && needs->ptr[begin - 1] != '\t';
         begin--)
        ;
    *path = (struct bytes){needs->ptr + begin, needs->len - begin};
    needs->len = begin;
    return path->len > 0;
}
