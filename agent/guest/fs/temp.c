#include "guest/fs/temp.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>

#include "core/fd.h"
#include "guest/fs/status.h"

/* How long the part of a path before its last name is, with its slash; 0 when it is but a name. */
static int parent_len(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (int)(slash - path) + 1 : 0;
}

/* A file without a name, of which nothing stays when the agent is killed. Not every file system can: -1, whatever the reason;
 * to open one with a name tells it. */
static int open_unnamed(int dir, const char *target, mode_t mode)
{
    int len = parent_len(target);
    CLEANUP_FREE char *parent = len ? strndup(target, (size_t)len) : strdup(".");

    return parent ? RETRY_EINTR(openat(dir, parent, O_WRONLY | O_TMPFILE | O_CLOEXEC, mode)) : -1;
}

int fs_temp_open(struct fs_temp *t, const char *target, mode_t mode, struct err *e)
{
    return fs_temp_open_at(t, AT_FDCWD, target, mode, e);
}

int fs_temp_open_at(struct fs_temp *t, int dir, const char *target, mode_t mode, struct err *e)
{
    uint64_t random;

    *t = FS_TEMP_NONE;
    t->dir = dir;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return err_set(e, STATUS_INTERNAL, errno, "no random bytes for a name");
    if (asprintf(&t->path, "%.*s.guestd-%016llx.tmp", parent_len(target), target,
                 (unsigned long long)random) < 0) {
        t->path = NULL;
        return err_nomem(e, "name a temporary file");
    }
    t->fd = open_unnamed(dir, target, mode);
    if (t->fd >= 0)
        return 0;
    t->fd = RETRY_EINTR(openat(dir, t->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    t->named = t->fd >= 0;
    if (t->named)
        return 0;
    err_set(e, fs_status(errno), errno, "create a temporary file beside %s", target);
    free(TAKE(t->path));
    return -1;
}

/* Gives it its name of the moment, when it has none: linkat(2) cannot replace a file, but rename(2) can. */
static int name_it(struct fs_temp *t)
{
    char self[sizeof "/proc/self/fd/" + 3 * sizeof(int)];

    if (t->named)
        return 0;
    snprintf(self, sizeof self, "/proc/self/fd/%d", t->fd);
    t->named = linkat(AT_FDCWD, self, t->dir, t->path, AT_SYMLINK_FOLLOW) == 0;
    return t->named ? 0 : -1;
}

int fs_temp_publish(struct fs_temp *t, const char *target, struct err *e)
{
    int ret;

    if ((ret = name_it(t)) < 0)
        err_set(e, fs_status(errno), errno, "name a temporary file beside %s", target);
    else if ((ret = close(fd_take(&t->fd))) < 0) /* it may be what says that the disk is full */
        err_set(e, fs_status(errno), errno, "close %s", target);
    else if ((ret = renameat(t->dir, t->path, t->dir, target)) < 0)
        err_set(e, fs_status(errno), errno, "rename to %s", target);
    else
        free(TAKE(t->path));
    fs_temp_discard(t);
    return ret;
}

void fs_temp_discard(struct fs_temp *t)
{
    fd_close(&t->fd);
    if (t->path && t->named)
        unlinkat(t->dir, t->path, 0);
    free(TAKE(t->path));
}

int fs_sync_parent(const char *path, struct err *e)
{
    CLEANUP_FREE char *parent = strndup(path, (size_t)parent_len(path));
    CLEANUP_FD int fd = parent ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (!parent)
        return err_nomem(e, "sync a directory");
    if (fd < 0 || fsync(fd) < 0)
        return err_set(e, fs_status(errno), errno, "sync directory %s", parent);
    return 0;
}
