#include "guest/cached.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fd.h"
#include "core/kernel.h"
#include "core/limits.h"

#define WANTED (STATX_BASIC_STATS | STATX_MNT_ID)

/* A descriptor by which nothing but the entry itself is known; -1. */
static int open_cached(const char *path, bool follow)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC | (follow ? 0 : (unsigned)O_NOFOLLOW),
                           .resolve = RESOLVE_CACHED};
    int fd;

    if (!kernel_has(KERNEL_OPENAT2) || !kernel_has(KERNEL_STATX))
        return -1;
    fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (fd < 0)
        (void)!kernel_lacks(KERNEL_OPENAT2, errno);
    return fd;
}

/* All that is wanted of it. Without the call libc asks in the older way, which knows no mounts. */
static bool look_at(int fd, struct statx *x)
{
    int ret = statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, WANTED, x);

    if (ret == 0 && (x->stx_mask & WANTED) == WANTED)
        return true;
    (void)!kernel_lacks(KERNEL_STATX, ret < 0 ? errno : ENOSYS);
    return false;
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

/* What the inode in memory says. */
static bool tell(int fd, struct cached_file *out)
{
    struct statx x;

    if (!look_at(fd, &x))
        return false;
    *out = (struct cached_file){.st = stat_of(&x), .mount = x.stx_mnt_id};
    return true;
}

bool cached_stat(const char *path, bool follow, struct cached_file *out)
{
    CLEANUP_FD int fd = open_cached(path, follow);

    return fd >= 0 && tell(fd, out);
}

/* --- pins ------------------------------------------------------------------------------------ */

/* A link is not pinned: what it leads to would be. */
static bool pin(struct cached_pin *p, const char *path, struct stat *out)
{
    CLEANUP_FD int fd = open_cached(path, false);
    struct cached_file file;

    if (fd < 0 || !tell(fd, &file))
        return false;
    if (S_ISLNK(file.st.st_mode)) {
        if (!cached_stat(path, true, &file))
            return false;
    } else {
        *p = (struct cached_pin){fd_take(&fd), file.st, clock_mono_ms()};
    }
    *out = file.st;
    return true;
}

/* Whether nobody has written, renamed or removed it: each of them changes its ctime. */
static bool is_as_it_was(const struct cached_pin *p)
{
    struct cached_file now;

    return tell(p->fd, &now) && now.st.st_nlink > 0 && now.st.st_ctim.tv_sec == p->st.st_ctim.tv_sec &&
           now.st.st_ctim.tv_nsec == p->st.st_ctim.tv_nsec;
}

/* Whether the path leads to it, which a mount or another directory's name may have changed. Once in a while: it costs most. */
static bool is_there(struct cached_pin *p, const char *path)
{
    struct cached_file file;
    uint64_t now = clock_mono_ms();

    if (now - p->looked_ms < PIN_TRUSTED_MS)
        return true;
    if (!cached_stat(path, false, &file) || file.st.st_dev != p->st.st_dev || file.st.st_ino != p->st.st_ino)
        return false;
    p->looked_ms = now;
    return true;
}

bool cached_stat_pinned(struct cached_pin *p, const char *path, struct stat *out)
{
    if (p->fd < 0)
        return pin(p, path, out);
    if (!is_as_it_was(p) || !is_there(p, path))
        return false;
    *out = p->st;
    return true;
}

void cached_unpin(struct cached_pin *p)
{
    fd_close(&p->fd);
}
