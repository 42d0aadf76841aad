/* Writing a file for a user: made with the directories above it, owned by the user, and written as bytes come. In place, as E2B's envd does it, or under another name until it is whole. In a worker, not always the same one.
 *
 * States: fs_write_open -> fs_write_append... -> fs_write_finish, or fs_write_abandon at any time.
 * Who owns: the caller the struct; what it points at goes with finish and abandon. */
#ifndef GUEST_FS_WRITE_H
#define GUEST_FS_WRITE_H

#include <sys/uio.h>
#include <time.h>

#include "guest/fs/temp.h"
#include "guest/users.h"

enum fs_sync { FS_SYNC_NONE, FS_SYNC_FILE, FS_SYNC_ALL /* the directory that names it, too */ };

struct fs_write_options {
    bool
        atomic; /* the old file stays until the new one is whole; its mode, owner and attributes pass to that */
    bool special; /* FIFOs, devices and so on are written to, too; never with atomic */
    bool has_mode, has_mtime, has_offset;
    mode_t mode;           /* 07777; else 0666 less the umask, or what an old file had */
    struct timespec mtime; /* of the whole file */
    off_t
        offset; /* writing begins there, in a file that is there and stays as it is elsewhere; never with atomic */
    enum fs_sync sync; /* what is on the disk when finish returns */
};

struct fs_write {
    struct fs_write_options options;
    int fd;              /* -1: not open */
    char *path;          /* the file; with atomic what a link meant */
    struct fs_temp temp; /* with atomic; fd is its descriptor then, and belongs to it */
};

#define FS_WRITE_NONE ((struct fs_write){.fd = -1, .temp = {.fd = -1}})

/* Opens the file at `path` (absolute). Returns 0, or -1 with *e: invalid_argument for a directory, or a special file that is not
 * asked for; not_found where options.offset needs a file; resource_exhausted with errnum ENOSPC or EDQUOT (no room for a new
 * file, or a directory); permission_denied; internal. */
MUST_CHECK int fs_write_open(struct fs_write *w, const char *path, const struct user *u,
                             const struct fs_write_options *o, struct err *e);

/* Appends; iov is used up. Returns 0, or -1 with *e: resource_exhausted "not enough disk space available", else internal. */
MUST_CHECK int fs_write_append(struct fs_write *w, struct iovec *iov, int count, struct err *e);

/* Makes it what the options say and closes it. Returns 0, or -1 with *e; either way it is not open any more. */
MUST_CHECK int fs_write_finish(struct fs_write *w, struct err *e);

/* Closes it. In place what was written stays; with atomic there is nothing left. Nothing happens when it is not open. */
void fs_write_abandon(struct fs_write *w);

#endif
