#include "core/dirs.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

static int make_one(const char *path)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -1;
}

int dirs_make_above(const char *path)
{
    size_t len = strlen(path);
    char copy[PATH_MAX];

    if (len >= sizeof copy) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(copy, path, len + 1);
    for (char *slash = copy; *slash && (slash = strchr(slash + 1, '/')); *slash = '/') {
        *slash = 0;
        if (make_one(copy) < 0)
            return -1;
    }
    return 0;
}

int dirs_make(const char *path)
{
    if (make_one(path) == 0)
        return 0;
    return errno != ENOENT || dirs_make_above(path) < 0 ? -1 : make_one(path);
}
