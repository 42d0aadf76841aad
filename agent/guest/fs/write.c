#include "guest/fs/write.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <linux/limits.h>

#include "core/fd.h"
#include "guest/fs/dirs.h"
#include "guest/fs/status.h"

#define LINKS_MAX 40 /* path_resolution(7) */

/* --- opening --------------------------------------------------------------------------------- */

/* Whether what is there may be written to. */
static int check_kind(const struct fs_write_options *o, const char *path, mode_t mode, struct err *e)
{
    if (S_ISDIR(mode))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "path is a directory: %s", path);
    if (!S_ISREG(mode) && (!o->special || o->atomic))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "path is not a regular file: %s", path);
    return 0;
}

/* An agent without the right to give files away makes files of its own user. */
static bool owned(int ret)
{
    return ret == 0 || errno == EPERM;
}

/* Opens the file to write to it from its start; the directories above it are made when it turns out that they are missing. */
static int create(const struct fs_write *w, int flags, const struct user *u, struct err *e)
{
    int fd = RETRY_EINTR(open(w->path, flags | O_CREAT | O_TRUNC, 0666));

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        if (fs_make_parents(w->path, u->uid, u->gid, e) < 0)
            return err_wrap(e, "error ensuring directories");
        fd = RETRY_EINTR(open(w->path, flags | O_CREAT | O_TRUNC, 0666));
    }
    if (fd < 0 && (errno == ENOSPC || errno == EDQUOT))
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, errno, "not enough inodes available: %s", w->path);
    return fd < 0 ? err_set(e, fs_status(errno), errno, "error opening file: %s", w->path) : fd;
}

/* Opens a file that is there, and leaves what it holds. */
static int reopen(const struct fs_write *w, int flags, struct err *e)
{
    int fd = RETRY_EINTR(open(w->path, flags));

    return fd < 0 ? err_set(e, fs_status_strict(errno), errno, "error opening file: %s", w->path) : fd;
}

/* What is there gets its owner before it loses its contents: for watchers the order is envd's. */
static int open_in_place(struct fs_write *w, const struct user *u, struct err *e)
{
    /* Not to wait for a FIFO's reader; what is written to one may wait. */
    int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    const struct fs_write_options *o = &w->options;
    struct stat st;
    bool there = stat(w->path, &st) == 0;

    if (!there && errno != ENOENT && errno != ENOTDIR)
        return err_set(e, fs_status(errno), errno, "error getting file info: %s", w->path);
    if (there && check_kind(o, w->path, st.st_mode, e) < 0)
        return -1;
    if (there && !o->has_offset && S_ISREG(st.st_mode) && !owned(chown(w->path, u->uid, u->gid)))
        return err_set(e, fs_status(errno), errno, "error changing file ownership: %s", w->path);
    w->fd = o->has_offset ? reopen(w, flags, e) : create(w, flags, u, e);
    if (w->fd < 0)
        return -1;
    if (fstat(w->fd, &st) < 0)
        return err_set(e, STATUS_INTERNAL, errno, "error getting file info: %s", w->path);
    if (check_kind(o, w->path, st.st_mode, e) < 0) /* it may be another than that of before */
        return -1;
    if (!S_ISREG(st.st_mode))
        fcntl(w->fd, F_SETFL, O_WRONLY);
    if (!there && !owned(fchown(w->fd, u->uid, u->gid)))
        return err_set(e, fs_status(errno), errno, "error changing file ownership: %s", w->path);
    if (o->has_offset && lseek(w->fd, o->offset, SEEK_SET) < 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, errno, "error seeking to offset %lld: %s",
                       (long long)o->offset, w->path);
    return 0;
}

/* Replaces w->path by what a link there means, as often as it is one: the link itself stays. */
static int follow_links(struct fs_write *w, struct err *e)
{
    for (int i = 0; i < LINKS_MAX; i++) {
        char link[PATH_MAX], *next;
        ssize_t n = readlink(w->path, link, sizeof link - 1);

        if (n < 0)
            return 0; /* not a link; or what follows says why not */
        link[n] = 0;
        if (asprintf(&next, "%.*s%s", link[0] == '/' ? 0 : (int)(strrchr(w->path, '/') - w->path) + 1,
                     w->path, link) < 0)
            return err_nomem(e, "follow a link");
        free(w->path);
        w->path = next;
    }
    return err_set(e, STATUS_INTERNAL, ELOOP, "error opening file: %s", w->path);
}

/* Copies one attribute; one that does not exist there, or cannot, is left out. */
static int copy_attribute(const char *from, int to, const char *name, struct err *e)
{
    CLEANUP_FREE char *value = NULL;
    ssize_t n = getxattr(from, name, NULL, 0);

    if (n < 0)
        return 0;
    value = malloc((size_t)n + 1);
    if (!value)
        return err_nomem(e, "copy attributes");
    n = getxattr(from, name, value, (size_t)n);
    if (n >= 0 && fsetxattr(to, name, value, (size_t)n, 0) < 0 && (errno == ENOSPC || errno == EDQUOT))
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, errno, "copy attribute '%s'", name);
    return 0;
}

static int copy_attributes(const char *from, int to, struct err *e)
{
    CLEANUP_FREE char *names = NULL;
    ssize_t n = listxattr(from, NULL, 0);

    if (n <= 0)
        return 0;
    names = malloc((size_t)n);
    if (!names)
        return err_nomem(e, "copy attributes");
    n = listxattr(from, names, (size_t)n);
    for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1)
        if (copy_attribute(from, to, names + i, e) < 0)
            return -1;
    return 0;
}

/* The new file as the old one was; without one it is the user's. */
static int inherit(struct fs_write *w, const struct stat *old, const struct user *u, struct err *e)
{
    if (!owned(fchown(w->fd, old ? old->st_uid : u->uid, old ? old->st_gid : u->gid)))
        return err_set(e, fs_status(errno), errno, "error changing file ownership: %s", w->path);
    if (!old)
        return 0;
    if (fchmod(w->fd, old->st_mode & 07777) < 0)
        return err_set(e, fs_status(errno), errno, "error changing file mode: %s", w->path);
    return copy_attributes(w->path, w->fd, e);
}

static int open_beside(struct fs_write *w, const struct user *u, struct err *e)
{
    struct stat st;
    bool there;

    if (fs_make_parents(w->path, u->uid, u->gid, e) < 0)
        return err_wrap(e, "error ensuring directories");
    if (follow_links(w, e) < 0)
        return -1;
    there = stat(w->path, &st) == 0;
    if (there && check_kind(&w->options, w->path, st.st_mode, e) < 0)
        return -1;
    if (fs_temp_open(&w->temp, w->path, there ? 0600 : 0666, e) < 0)
        return -1;
    w->fd = w->temp.fd;
    return inherit(w, there ? &st : NULL, u, e);
}

int fs_write_open(struct fs_write *w, const char *path, const struct user *u,
                  const struct fs_write_options *o, struct err *e)
{
    *w = FS_WRITE_NONE;
    w->options = *o;
    w->path = strdup(path);
    if (!w->path)
        return err_nomem(e, "open a file");
    if ((o->atomic ? open_beside(w, u, e) : open_in_place(w, u, e)) == 0)
        return 0;
    fs_write_abandon(w);
    return -1;
}

/* --- writing --------------------------------------------------------------------------------- */

/* Takes n bytes off the front. Returns how many entries they emptied. */
static int advance(struct iovec *iov, size_t n)
{
    int done = 0;

    for (; n > 0 && n >= iov[done].iov_len; done++)
        n -= iov[done].iov_len;
    if (n > 0) {
        iov[done].iov_base = (char *)iov[done].iov_base + n;
        iov[done].iov_len -= n;
    }
    return done;
}

int fs_write_append(struct fs_write *w, struct iovec *iov, int count, struct err *e)
{
    while (count > 0) {
        ssize_t n = RETRY_EINTR(writev(w->fd, iov, MIN(count, IOV_MAX)));
        int done;

        if (n < 0 && (errno == ENOSPC || errno == EDQUOT)) {
            err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "not enough disk space available");
            e->errnum = ENOSPC;
            return -1;
        }
        if (n <= 0) /* a device may take nothing without an error */
            return err_set(e, STATUS_INTERNAL, n < 0 ? errno : EIO, "error writing file: %s", w->path);
        done = advance(iov, (size_t)n);
        iov += done;
        count -= done;
    }
    return 0;
}

/* --- the end --------------------------------------------------------------------------------- */

static int settle(struct fs_write *w, struct err *e)
{
    const struct fs_write_options *o = &w->options;
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, o->mtime};

    if (o->has_mode && fchmod(w->fd, o->mode) < 0)
        return err_set(e, fs_status(errno), errno, "error changing file mode: %s", w->path);
    if (o->has_mtime && futimens(w->fd, times) < 0)
        return err_set(e, fs_status(errno), errno, "error changing file times: %s", w->path);
    if (o->sync != FS_SYNC_NONE && fsync(w->fd) < 0 && errno != EINVAL) /* what cannot be synced needs not */
        return err_set(e, fs_status(errno), errno, "error writing file: %s", w->path);
    return 0;
}

/* The close may be what says that the disk is full (NFS). */
static int close_in_place(struct fs_write *w, struct err *e)
{
    return close(fd_take(&w->fd)) == 0
               ? 0
               : err_set(e, fs_status(errno), errno, "error writing file: %s", w->path);
}

int fs_write_finish(struct fs_write *w, struct err *e)
{
    int ret = settle(w, e);

    if (ret == 0 && w->options.atomic) {
        w->fd = -1;
        ret = fs_temp_publish(&w->temp, w->path, e);
    } else if (ret == 0) {
        ret = close_in_place(w, e);
    }
    if (ret == 0 && w->options.sync == FS_SYNC_ALL)
        ret = fs_sync_parent(w->path, e);
    fs_write_abandon(w);
    return ret;
}

void fs_write_abandon(struct fs_write *w)
{
    if (w->temp.path) {
        w->fd = -1;
        fs_temp_discard(&w->temp);
    }
    fd_close(&w->fd);
    free(TAKE(w->path));
}
