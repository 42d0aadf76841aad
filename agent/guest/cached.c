#include "guest/cached.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/fd.h"

/* Not in the headers of Linux before 5.12. */
#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

/* A descriptor by which nothing but the entry itself is known; -1. */
static int open_cached(const char *path, bool follow)
{
    static bool never; /* the kernel, or who filters its calls, does not have it */
    struct open_how how = {.flags = O_PATH | O_CLOEXEC | (follow ? 0 : (unsigned)O_NOFOLLOW),
                           .resolve = RESOLVE_CACHED};
    int fd;

    if (never)
        return -1;
    fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    never = fd < 0 && (errno == ENOSYS || errno == EINVAL || errno == EPERM);
    return fd;
}

static struct timespec timespec_of(const struct statx_timestamp *t)
{
    return (struct timespec){t->tv_sec, t->tv_nsec};
}

static struct stat stat_of(const struct statx *x)
{
    return (struct stat){
        .st_dev = makedev(x->stx_dev_major, x->stx_dev_minor),
        .st_ino = x->stx_ino,
        .st_mode = x->stx_mode,
        .st_nlink = x->stx_nlink,
        .st_uid = x->stx_uid,
        .st_gid = x->stx_gid,
        .st_rdev = makedev(x->stx_rdev_major, x->stx_rdev_minor),
        .st_size = (off_t)x->stx_size,
        .st_blksize = (blksize_t)x->stx_blksize,
        .st_blocks = (blkcnt_t)x->stx_blocks,
        .st_atim = timespec_of(&x->stx_atime),
        .st_mtim = timespec_of(&x->stx_mtime),
        .st_ctim = timespec_of(&x->stx_ctime),
    };
}

bool cached_stat(const char *path, bool follow, struct cached_file *out)
{
    const unsigned wanted = STATX_BASIC_STATS | STATX_MNT_ID;
    CLEANUP_FD int fd = open_cached(path, follow);
    struct statx x;

    if (fd < 0 || statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, wanted, &x) < 0 ||
        (x.stx_mask & wanted) != wanted)
        return false;
    *out = (struct cached_file){.st = stat_of(&x), .mount = x.stx_mnt_id};
    return true;
}
