#include "guest/fs/dirs.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/fs/status.h"

static int make_one(const char *path, uid_t uid, gid_t gid, struct err *e)
{
    struct stat st;

    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) ? 0 : err_set(e, STATUS_INTERNAL, 0, "path is a file: %s", path);
    if (errno != ENOENT)
        return err_set(e, fs_status(errno), errno, "failed to stat directory: %s", path);
    if (mkdir(path, 0755) < 0) {
        if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) /* somebody else was faster */
            return 0;
        return err_set(e, fs_status(errno), errno, "failed to create directory: %s", path);
    }
    if (chown(path, uid, gid) < 0 && errno != EPERM) /* without the right to, it is ours anyway */
        return err_set(e, fs_status(errno), errno, "failed to chown directory: %s", path);
    return 0;
}

int fs_make_dirs(const char *path, uid_t uid, gid_t gid, struct err *e)
{
    CLEANUP_FREE char *part = strdup(path);

    if (!part)
        return err_nomem(e, "make directories");
    for (char *end = part; *end; *end = '/') {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        if (!*end)
            return make_one(part, uid, gid, e);
        *end = 0;
        if (make_one(part, uid, gid, e) < 0)
            return -1;
    }
    return 0;
}

int fs_make_parents(const char *path, uid_t uid, gid_t gid, struct err *e)
{
    CLEANUP_FREE char *parent = strdup(path);
    size_t n = strlen(path);

    if (!parent)
        return err_nomem(e, "make directories");
    while (n > 1 && parent[n - 1] == '/')
        n--;
    while (n > 1 && parent[n - 1] != '/')
        n--;
    parent[n] = 0;
    return fs_make_dirs(parent, uid, gid, e);
}
