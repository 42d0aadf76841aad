#include "guest/fs/compose.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/fd.h"
#include "core/kernel.h"
#include "core/limits.h"
#include "guest/fs/dirs.h"
#include "guest/fs/status.h"
#include "guest/fs/temp.h"

#define COPY_MAX ((size_t)1 << 30) /* by one call */

static int no_space(struct err *e)
{
    err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "not enough disk space available");
    e->errnum = ENOSPC;
    return -1;
}

static int failed(const char *name, struct err *e)
{
    if (errno == ENOSPC || errno == EDQUOT)
        return no_space(e);
    return err_set(e, STATUS_INTERNAL, errno, "error copying source file: %s", name);
}

/* All sources are there, and none is what they become. */
static int check(char *const *sources, char *const *names, size_t count, const char *destination,
                 struct err *e)
{
    struct stat st, to;
    bool there = stat(destination, &to) == 0;

    if (there && S_ISDIR(to.st_mode))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "destination is a directory: %s", destination);
    for (size_t i = 0; i < count; i++) {
        if (stat(sources[i], &st) < 0)
            return errno == ENOENT || errno == ENOTDIR
                       ? err_set(e, STATUS_NOT_FOUND, 0, "source file not found: %s", names[i])
                       : err_set(e, fs_status(errno), errno, "error getting file info: %s", names[i]);
        if (!S_ISREG(st.st_mode))
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "source is not a regular file: %s", names[i]);
        if (there && st.st_dev == to.st_dev && st.st_ino == to.st_ino)
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "source and destination are the same file: %s",
                           names[i]);
    }
    return 0;
}

/* Where the kernel cannot copy between two files. */
static int copy_by_hand(int from, int to, const char *name, struct err *e)
{
    CLEANUP_FREE char *buffer = malloc(64 * KIB);
    ssize_t n;

    if (!buffer)
        return err_nomem(e, "copy a file");
    while ((n = RETRY_EINTR(read(from, buffer, 64 * KIB))) > 0) {
        for (ssize_t done = 0, k; done < n; done += k) {
            k = RETRY_EINTR(write(to, buffer + done, (size_t)(n - done)));
            if (k < 0)
                return failed(name, e);
        }
    }
    return n < 0 ? failed(name, e) : 0;
}

static int append(const char *source, const char *name, int to, struct err *e)
{
    CLEANUP_FD int from = RETRY_EINTR(open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    ssize_t n;

    if (from < 0)
        return err_set(e, fs_status_strict(errno), errno, "error opening source file: %s", name);
    if (!kernel_has(KERNEL_COPY_FILE_RANGE))
        return copy_by_hand(from, to, name, e);
    do
        n = RETRY_EINTR(copy_file_range(from, NULL, to, NULL, COPY_MAX, 0));
    while (n > 0);
    if (n == 0)
        return 0;
    if (kernel_lacks(KERNEL_COPY_FILE_RANGE, errno) || errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
        errno == EOPNOTSUPP)
        return copy_by_hand(from, to, name, e);
    return failed(name, e);
}

/* The new file under its name of the moment. */
static int fill(struct fs_temp *t, char *const *sources, char *const *names, size_t count,
                const struct user *u, struct err *e)
{
    if (fchown(t->fd, u->uid, u->gid) < 0 && errno != EPERM)
        return err_set(e, fs_status(errno), errno, "error changing file ownership: %s", t->path);
    for (size_t i = 0; i < count; i++)
        if (append(sources[i], names[i], t->fd, e) < 0)
            return -1;
    return 0;
}

int fs_compose(char *const *sources, char *const *names, size_t count, const char *destination,
               const struct user *u, struct err *e)
{
    struct fs_temp t = FS_TEMP_NONE;

    if (check(sources, names, count, destination, e) < 0)
        return -1;
    if (fs_make_parents(destination, u->uid, u->gid, e) < 0)
        return err_wrap(e, "error ensuring directories");
    if (fs_temp_open(&t, destination, 0666, e) < 0)
        return e->errnum == ENOSPC || e->errnum == EDQUOT ? no_space(e) : -1;
    if (fill(&t, sources, names, count, u, e) < 0 || fs_temp_publish(&t, destination, e) < 0) {
        fs_temp_discard(&t);
        return -1;
    }
    for (size_t i = 0; i < count; i++)
        unlink(sources[i]); /* one that stays does no harm */
    return 0;
}
