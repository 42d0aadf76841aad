#include "guest/paths.h"

#include <stdio.h>

void path_clean(char *path)
{
    bool rooted = path[0] == '/';
    char *out = path + rooted, *floor = out; /* ".." does not go below floor */
    const char *in = path;

    while (*in) {
        size_t n = strcspn(in, "/");

        if (n == 0 || (n == 1 && in[0] == '.')) {
            ;
        } else if (n == 2 && in[0] == '.' && in[1] == '.') {
            if (out > floor) {
                while (--out > floor && *out != '/')
                    ;
            } else if (!rooted) {
                if (out > path)
                    *out++ = '/';
                memmove(out, "..", 2);
                out += 2;
                floor = out;
            }
        } else {
            if (out > path + rooted)
                *out++ = '/';
            memmove(out, in, n);
            out += n;
        }
        in += n;
        in += *in == '/';
    }
    if (out == path)
        *out++ = '.';
    *out = 0;
}

static char *join(const char *dir, const char *rest)
{
    char *path = malloc(strlen(dir) + strlen(rest) + 3);

    if (path) {
        sprintf(path, "%s/%s", dir, rest);
        path_clean(path);
    }
    return path;
}

char *path_resolve(const char *path, const char *home, const char *workdir, struct err *e)
{
    char *resolved;

    if (!path || !*path)
        path = workdir && *workdir ? workdir : "";
    if (path[0] == '~' && path[1] && path[1] != '/') {
        err_set(e, STATUS_INVALID_ARGUMENT, 0, "cannot expand user-specific home dir");
        return NULL;
    }
    if (path[0] == '~')
        resolved = join(home, path + 1);
    else if (path[0] == '/')
        resolved = strdup(path);
    else
        resolved = join(home, path);
    if (!resolved)
        err_nomem(e, "resolve a path");
    return resolved;
}

struct bytes path_base(const char *path)
{
    size_t end = strlen(path), begin;

    if (end == 0)
        return BYTES_LIT(".");
    while (end > 1 && path[end - 1] == '/')
        end--;
    for (begin = end; begin > 0 && path[begin - 1] != '/'; begin--)
        ;
    return begin == end ? BYTES_LIT("/") : (struct bytes){path + begin, end - begin};
}
