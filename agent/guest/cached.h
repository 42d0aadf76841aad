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

#endif
