#include "guest/fs/copy_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "core/fd.h"
#include "core/kernel.h"
#include "core/limits.h"

#define STEP   (16 * MIB)  /* of one copy_file_range: between two of them the stop is seen */
#define BUFFER (128 * KIB) /* of reading and writing */

struct copy {
    int from, to;
    const atomic_bool *stop;
    bool by_hand; /* copy_file_range cannot do it here */
    char *buffer; /* NULL until it is needed */
};

static int stopped(const struct copy *c)
{
    if (!atomic_load(c->stop))
        return 0;
    errno = ECANCELED;
    return -1;
}

static int write_all(int fd, const char *data, size_t n, off_t at)
{
    while (n > 0) {
        ssize_t done = RETRY_EINTR(pwrite(fd, data, n, at));

        if (done < 0)
            return -1;
        data += done;
        n -= (size_t)done;
        at += done;
    }
    return 0;
}

/* Copies some bytes at an offset. Returns how many, 0 at the end of the file, -1. */
static ssize_t step_by_hand(struct copy *c, off_t at, size_t n)
{
    ssize_t got;

    if (!c->buffer && !(c->buffer = malloc(BUFFER)))
        return -1;
    got = RETRY_EINTR(pread(c->from, c->buffer, MIN(n, BUFFER), at));
    if (got > 0 && write_all(c->to, c->buffer, (size_t)got, at) < 0)
        return -1;
    return got;
}

/* Whether copy_file_range, which said so, cannot copy between these two, but whoever reads and writes can. */
static bool not_between_these(int errnum)
{
    return kernel_lacks(KERNEL_COPY_FILE_RANGE, errnum) || errnum == EXDEV || errnum == EINVAL ||
           errnum == EOPNOTSUPP || errnum == ENOSYS || errnum == ETXTBSY;
}

static ssize_t step(struct copy *c, off_t at, size_t n)
{
    off_t in = at, out = at;
    ssize_t done;

    if (c->by_hand)
        return step_by_hand(c, at, n);
    done = RETRY_EINTR(copy_file_range(c->from, &in, c->to, &out, MIN(n, STEP), 0));
    if (done > 0 || (done < 0 && !not_between_these(errno)))
        return done;
    c->by_hand = true; /* 0, too: files of the kernel have no bytes for it */
    return step_by_hand(c, at, n);
}

/* Copies [at, end), or to the end of the file if that comes first. Returns where it ended, or -1. */
static off_t copy_range(struct copy *c, off_t at, off_t end)
{
    while (at < end) {
        ssize_t n = stopped(c) < 0 ? -1 : step(c, at, (size_t)(end - at));

        if (n < 0)
            return -1;
        if (n == 0)
            break;
        at += n;
    }
    return at;
}

/* Copies what is data, and leaves out the holes between. Returns how long the copy is to be, or -1. */
static off_t copy_data(struct copy *c, off_t size)
{
    off_t at = 0;

    while (at < size) {
        off_t data = lseek(c->from, at, SEEK_DATA), hole, end;

        if (data < 0 && errno == ENXIO) /* nothing but a hole, up to its end as it is now */
            return MIN(size, lseek(c->from, 0, SEEK_END));
        if (data < 0) /* it knows no holes */
            return copy_range(c, at, INT64_MAX);
        hole = lseek(c->from, data, SEEK_HOLE);
        if (hole < 0)
            return -1;
        end = copy_range(c, data, hole);
        if (end < hole) /* it is shorter than it tells, or that failed */
            return end;
        at = hole;
    }
    return at;
}

int fs_copy_content(int from, int to, const struct stat *st, const atomic_bool *stop, uint64_t *copied)
{
    struct copy c = {.from = from, .to = to, .stop = stop};
    off_t length;

    *copied = (uint64_t)st->st_size;
    if (st->st_size > 0 && ioctl(to, FICLONE, from) == 0)
        return 0;
    /* A file that the kernel makes while it is read has no blocks, and its size says nothing. */
    c.by_hand = st->st_blocks == 0 || !kernel_has(KERNEL_COPY_FILE_RANGE);
    length = st->st_size == 0 ? copy_range(&c, 0, INT64_MAX) : copy_data(&c, st->st_size);
    free(c.buffer);
    *copied = length < 0 ? 0 : (uint64_t)length;
    return length < 0 ? -1 : ftruncate(to, length); /* a hole at the end */
}

/* --- attributes ------------------------------------------------------------------------------ */

/* What the caller, or the file system there, may not have is left out, as cp -a does. */
static bool not_here(int errnum)
{
    return errnum == EOPNOTSUPP || errnum == EPERM || errnum == EACCES || errnum == ENODATA ||
           errnum == EINVAL;
}

static int copy_xattr(int from, int to, const char *name)
{
    CLEANUP_FREE char *value = malloc(XATTR_SIZE_MAX);
    ssize_t n;

    if (!value)
        return -1;
    n = fgetxattr(from, name, value, XATTR_SIZE_MAX);
    if (n < 0 || fsetxattr(to, name, value, (size_t)n, 0) < 0)
        return not_here(errno) ? 0 : -1;
    return 0;
}

static int copy_xattrs(int from, int to)
{
    CLEANUP_FREE char *names = NULL;
    ssize_t n = flistxattr(from, NULL, 0);

    if (n <= 0)
        return n == 0 || not_here(errno) ? 0 : -1;
    names = malloc(XATTR_LIST_MAX);
    if (!names)
        return -1;
    n = flistxattr(from, names, XATTR_LIST_MAX);
    if (n < 0)
        return not_here(errno) ? 0 : -1;
    for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1)
        if (copy_xattr(from, to, names + i) < 0)
            return -1;
    return 0;
}

int fs_copy_attributes(int from, int to, const struct stat *st)
{
    struct timespec times[2] = {st->st_atim, st->st_mtim};
    mode_t mode = st->st_mode & 07777;

    if (fchown(to, st->st_uid, st->st_gid) < 0) {
        if (errno != EPERM && errno != EINVAL)
            return -1;
        mode &= 01777; /* another's program must not run as us */
    }
    if (copy_xattrs(from, to) < 0 ||
        fchmod(to, mode) < 0) /* the mode last: chown takes the set-id bits away */
        return -1;
    return futimens(to, times);
}
