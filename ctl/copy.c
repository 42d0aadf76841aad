#include "ctl/copy.h"

#include <stdio.h>

char *copy_name(const struct copy_place *place, const char *source, bool is_directory, struct err *e)
{
    struct bytes base = guest_base(source);
    CLEANUP_FREE char *name = strndup(base.ptr, base.len);
    char *path = NULL;

    if (place->exists && !place->directory && is_directory) {
        err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s' is not a directory, and the source is one", place->path);
        return NULL;
    }
    if (name && place->directory && *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
        path = guest_join(place->path, name);
    else if (name)
        path = strdup(place->path);
    if (!path)
        err_nomem(e, "copy");
    return path;
}

/* FNV-1a of 64 bits, http://www.isthe.com/chongo/tech/comp/fnv/: names must not collide by chance, and nobody gains by it. */
static uint64_t hash(uint64_t h, const char *s)
{
    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 0x100000001b3u;
    return (h ^ 0xff) * 0x100000001b3u; /* an end that no text has */
}

char *copy_part(const char *path, const char *version)
{
    const char *slash = strrchr(path, '/');
    char *part;

    if (asprintf(&part, "%.*s.guestctl-%016llx.part", slash ? (int)(slash + 1 - path) : 0, path,
                 (unsigned long long)hash(hash(0xcbf29ce484222325u, path), version)) < 0)
        return NULL;
    return part;
}

int copy_failed(struct copy *c, const char *path, int errnum, const char *what)
{
    struct answer_error e = {.from_agent = true};

    err_set(&e.err, STATUS_UNKNOWN, errnum, "%s", what);
    return pool_failed(&c->pool, path, &e);
}
