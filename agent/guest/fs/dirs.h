/* Directories above what is to be made. In a worker. */
#ifndef GUEST_FS_DIRS_H
#define GUEST_FS_DIRS_H

#include <sys/types.h>

#include "core/err.h"

/* Makes `path` (absolute) and every directory above it that is missing: mode 0755 less the umask, owned by uid and gid; those
 * that are there are left alone, links to directories are followed. Returns 0, or -1 with *e: internal, "path is a file: ..."
 * where something else is in the way; resource_exhausted without space (ENOSPC, EDQUOT); permission_denied. */
MUST_CHECK int fs_make_dirs(const char *path, uid_t uid, gid_t gid, struct err *e);

/* The same of the directories above `path`, whose last part need not exist. */
MUST_CHECK int fs_make_parents(const char *path, uid_t uid, gid_t gid, struct err *e);

#endif
