#include "guest/git/refname.h"

/* What no part of a name holds, beside control bytes. */
static bool is_bad(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7f || strchr("~^:?*[\\", c) != NULL;
}

static bool ends(struct bytes s, const char *end)
{
    size_t n = strlen(end);

    return s.len >= n && memcmp(s.ptr + s.len - n, end, n) == 0;
}

/* One part, between slashes. */
static bool is_part(struct bytes part)
{
    if (part.len == 0 || part.ptr[0] == '.' || ends(part, ".lock"))
        return false;
    for (size_t i = 0; i < part.len; i++) {
        if (is_bad(part.ptr[i]))
            return false;
        if (i > 0 && part.ptr[i - 1] == '.' && part.ptr[i] == '.')
            return false;
        if (i > 0 && part.ptr[i - 1] == '@' && part.ptr[i] == '{')
            return false;
    }
    return true;
}

bool git_refname_is_valid(struct bytes name)
{
    if (name.len == 0 || *name.ptr == '-' || ends(name, ".") || bytes_are(name, "@") ||
        bytes_are(name, "HEAD"))
        return false;
    for (;;) {
        const char *slash = name.len > 0 ? memchr(name.ptr, '/', name.len) : NULL;
        size_t len = slash ? (size_t)(slash - name.ptr) : name.len;

        if (!is_part((struct bytes){name.ptr, len}))
            return false;
        if (!slash)
            return true;
        name = (struct bytes){slash + 1, name.len - len - 1};
    }
}
