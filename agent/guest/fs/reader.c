#include "guest/fs/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "core/fd.h"
#include "core/kernel.h"
#include "core/limits.h"

/* Not in every linux/magic.h. */
#ifndef CONFIGFS_MAGIC
#define CONFIGFS_MAGIC 0x62656570 /* fs/configfs/mount.c */
#endif

static enum status status_of(int errnum)
{
    switch (errnum) {
    case ENOENT:
        return STATUS_NOT_FOUND;
    case EACCES:
    case EPERM:
        return STATUS_PERMISSION_DENIED;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return STATUS_RESOURCE_EXHAUSTED;
    default:
        return STATUS_INTERNAL;
    }
}

static int fail(struct err *e, const char *path)
{
    if (errno == ENOENT)
        return err_set(e, STATUS_NOT_FOUND, 0, "path '%s' does not exist", path);
    return err_set(e, status_of(errno), errno, "error opening '%s'", path);
}

/* What may not be opened. Returns 0 or -1. */
static int check_type(const char *path, mode_t mode, bool special, struct err *e)
{
    const char *what = S_ISFIFO(mode)  ? "a FIFO"
                       : S_ISCHR(mode) ? "a character device"
                       : S_ISBLK(mode) ? "a block device"
                                       : "a socket";

    if (S_ISREG(mode))
        return 0;
    if (S_ISDIR(mode))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "path '%s' is a directory", path);
    if (S_ISSOCK(mode))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "path '%s' is a socket", path);
    if (!special)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "path '%s' is %s: special=1 reads it", path, what);
    return 0;
}

enum storage { ON_DISK, IN_MEMORY, INVENTED };

/* Where the file's bytes come from: some file systems make them when they are read, whatever size they tell. */
static enum storage storage_of(int fd)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) < 0)
        return INVENTED;
    switch ((unsigned long)fs.f_type) {
    case TMPFS_MAGIC:
    case RAMFS_MAGIC:
        return IN_MEMORY;
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
    case SELINUX_MAGIC:
    case CONFIGFS_MAGIC:
    case BPF_FS_MAGIC:
    case PSTOREFS_MAGIC:
    case EFIVARFS_MAGIC:
    case BINFMTFS_MAGIC:
    case RDTGROUP_SUPER_MAGIC:
        return INVENTED;
    default:
        return ON_DISK;
    }
}

static enum fs_reader_kind kind_of(const struct stat *st, enum storage storage)
{
    if (!S_ISREG(st->st_mode))
        return FS_READER_WAITS;
    return st->st_size > 0 && storage != INVENTED ? FS_READER_SIZED : FS_READER_TO_END;
}

static uint64_t nanoseconds(const struct timespec *t)
{
    return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

int fs_reader_open(const char *path, bool special, struct fs_reader *out, struct err *e)
{
    CLEANUP_FD int fd = -1;
    enum storage storage;
    struct stat st;

    /* Looked at before it is opened, and again: it may be another by then. */
    if (stat(path, &st) < 0)
        return fail(e, path);
    if (check_type(path, st.st_mode, special, e) < 0)
        return -1;
    fd = RETRY_EINTR(open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (fd < 0 || fstat(fd, &st) < 0)
        return fail(e, path);
    if (check_type(path, st.st_mode, special, e) < 0)
        return -1;
    storage = storage_of(fd);
    *out = (struct fs_reader){
        .kind = kind_of(&st, storage),
        .fifo = S_ISFIFO(st.st_mode),
        .invented = storage == INVENTED,
        .in_memory = storage == IN_MEMORY,
        .size = (uint64_t)st.st_size,
        .inode = st.st_ino,
        .modified_s = st.st_mtim.tv_sec,
        .modified_ns = nanoseconds(&st.st_mtim),
        .changed_ns = nanoseconds(&st.st_ctim),
    };
    if (out->kind == FS_READER_SIZED && out->size > DOWNLOAD_BLOCK)
        posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    out->fd = fd_take(&fd);
    return 0;
}

/* Takes n bytes off the front of the list. Returns how many entries are left; *iov is the first of them. */
static int advance(struct iovec **iov, int count, size_t n)
{
    while (count > 0 && n >= (*iov)->iov_len) {
        n -= (*iov)->iov_len;
        (*iov)++;
        count--;
    }
    if (count > 0) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
    return count;
}

ssize_t fs_reader_read(const struct fs_reader *r, struct iovec *iov, int count, uint64_t offset)
{
    ssize_t sum = 0, n;

    while (count > 0) {
        n = r->kind == FS_READER_SIZED
                ? RETRY_EINTR(preadv(r->fd, iov, count, (off_t)(offset + (uint64_t)sum)))
                : RETRY_EINTR(readv(r->fd, iov, count));
        if (n < 0 && sum == 0)
            return errno == EAGAIN ? FS_READER_AGAIN : -1;
        if (n <= 0) /* an error comes again with the next read */
            break;
        sum += n;
        if (r->kind == FS_READER_WAITS) /* whoever waits for it wants it now */
            break;
        count = advance(&iov, count, (size_t)n);
    }
    return sum;
}

ssize_t fs_reader_try(const struct fs_reader *r, const struct iovec *iov, int count, uint64_t offset,
                      bool *never)
{
    ssize_t n;

    if (!kernel_has(KERNEL_PREADV2)) {
        *never = true;
        return FS_READER_AGAIN;
    }
    n = preadv2(r->fd, iov, count, (off_t)offset, r->in_memory ? 0 : RWF_NOWAIT);
    if (n >= 0)
        return n;
    if (errno == EAGAIN || errno == EINTR)
        return FS_READER_AGAIN;
    *never = kernel_lacks(KERNEL_PREADV2, errno) || errno == EOPNOTSUPP || errno == ENOSYS;
    return *never ? FS_READER_AGAIN : -1;
}
