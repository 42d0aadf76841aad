/* One strict step at a time: no parents are made, nothing is replaced, what is not there is an error. In a worker.
 *
 * All return 0, or -1 with *e: fs_status_strict. */
#ifndef GUEST_FS_CHANGE_H
#define GUEST_FS_CHANGE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "core/err.h"

#define FS_KEEP ((uint32_t)-1) /* an id that does not change, as chown(2) has it */

/* Makes one directory with exactly these mode bits, for uid and gid. */
MUST_CHECK int fs_make_dir(const char *path, mode_t mode, uid_t uid, gid_t gid, struct err *e);

/* Makes a symbolic link with that text, for uid and gid. */
MUST_CHECK int fs_symlink(const char *target, const char *path, uid_t uid, gid_t gid, struct err *e);

/* What is to be changed: of one entry, or of a directory and all below it. */
struct fs_change {
    const char *path;
    bool recursive;
    const atomic_bool *stop; /* ends a recursive one early: canceled */
};

/* Sets the mode bits. A link is followed when it is the path itself; links below are left alone. */
MUST_CHECK int fs_chmod(const struct fs_change *c, mode_t mode, struct err *e);

/* Sets owner and group, or one of them (FS_KEEP). Of a link its own. */
MUST_CHECK int fs_chown(const struct fs_change *c, uid_t uid, gid_t gid, struct err *e);

#endif
