/* What the kernel knows of a file without asking a disk or anybody else: for the loop, which must not wait.
 *
 * openat2(2) with RESOLVE_CACHED (Linux 5.12) resolves a path by the kernel's cache of names only; statx(2) with
 * AT_STATX_DONT_SYNC tells what the inode in memory says. Threads: the loop's. */
#ifndef GUEST_CACHED_H
#define GUEST_CACHED_H

#include <sys/stat.h>

#include "core/base.h"

struct cached_file {
    struct stat st;
    uint64_t mount; /* its id, as the first field of /proc/self/mountinfo */
};

/* lstat(2), or with `follow` stat(2), of the path. False when that cannot be said without waiting, and for every error: who wants
 * to know better asks in a worker. */
bool cached_stat(const char *path, bool follow, struct cached_file *out);

/* A file that is asked for again and again: it stays open, so that its path is not walked each time, which is most of the cost. */
struct cached_pin {
    int fd;             /* O_PATH; -1: none */
    struct stat st;     /* of it, when it was opened */
    uint64_t looked_ms; /* when the path led to it; monotonic */
};

/* stat(2) of the path, with the same *p each time, which becomes a pin where it can. What is done to the file itself is noticed at
 * once; that something was mounted over it, or a directory above it renamed, within PIN_TRUSTED_MS. False as cached_stat, and when
 * the pinned file has changed, or the path leads elsewhere: then somebody lets go of it (cached_unpin) before this succeeds again. */
bool cached_stat_pinned(struct cached_pin *p, const char *path, struct stat *out);

/* In a worker: to close a file that was removed may be to free its blocks. */
void cached_unpin(struct cached_pin *p);

#endif
