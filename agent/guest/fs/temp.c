#include "guest/fs/temp.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>

#include "core/fd.h"
#include "guest/fs/status.h"

/* How long the part of an absolute path before its last name is, with its slash. */
static int parent_len(const char *path)
{
    return (int)(strrchr(path, '/') - path) + 1;
}

int fs_temp_open(struct fs_temp *t, const char *target, mode_t mode, struct err *e)
{
    uint64_t random;

    *t = FS_TEMP_NONE;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return err_set(e, STATUS_INTERNAL, errno, "no random bytes for a name");
    if (asprintf(&t->path, "%.*s.guestd-%016llx.tmp", parent_len(target), target,
                 (unsigned long long)random) < 0) {
        t->path = NULL;
        return err_nomem(e, "name a temporary file");
    }
    t->fd = RETRY_EINTR(open(t->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (t->fd >= 0)
        return 0;
    err_set(e, fs_status(errno), errno, "create a temporary file beside %s", target);
    free(TAKE(t->path));
    return -1;
}

int fs_temp_publish(struct fs_temp *t, const char *target, struct err *e)
{
    int ret = close(fd_take(&t->fd)); /* it may be what says that the disk is full */

    if (ret < 0)
        err_set(e, fs_status(errno), errno, "close %s", target);
    else if ((ret = rename(t->path, target)) < 0)
        err_set(e, fs_status(errno), errno, "rename to %s", target);
    else
        free(TAKE(t->path));
    fs_temp_discard(t);
    return ret;
}

void fs_temp_discard(struct fs_temp *t)
{
    fd_close(&t->fd);
    if (t->path)
        unlink(t->path);
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
