/* A file beside the one that it will become: who reads sees the old file or the new one, whole. It has no name until then, where
 * the file system has such files, else one of its own. In a worker. */
#ifndef GUEST_FS_TEMP_H
#define GUEST_FS_TEMP_H

#include <fcntl.h>
#include <sys/types.h>

#include "core/err.h"

struct fs_temp {
    int fd;     /* for writing; -1: none */
    int dir;    /* where the paths begin that are not absolute; the caller's, open as long as this is */
    char *path; /* ".guestd-<16 digits>.tmp" in the directory of the target; NULL: none */
    bool named; /* it is there under that path */
};

#define FS_TEMP_NONE ((struct fs_temp){.fd = -1, .dir = AT_FDCWD})

/* Makes it with that mode less the umask, in the directory of `target` (absolute). Returns 0, or -1 with *e: as fs_status. */
MUST_CHECK int fs_temp_open(struct fs_temp *t, const char *target, mode_t mode, struct err *e);

/* The same with a `target` in the open directory `dir`. */
MUST_CHECK int fs_temp_open_at(struct fs_temp *t, int dir, const char *target, mode_t mode, struct err *e);

/* Closes it, and gives it the name `target`. Returns 0, or -1 with *e; it is gone then. */
MUST_CHECK int fs_temp_publish(struct fs_temp *t, const char *target, struct err *e);

/* Closes and removes it, if there is one. */
void fs_temp_discard(struct fs_temp *t);

/* Writes the directory of `path` to the disk: a name that was made in it stays. Returns 0, or -1 with *e. */
MUST_CHECK int fs_sync_parent(const char *path, struct err *e);

#endif
