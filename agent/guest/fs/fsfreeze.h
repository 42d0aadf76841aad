/* Freezing a file system: what is written to it waits, and its image on the disk is whole. Blocks until all writes that were
 * under way are on the disk: in a worker. Source: Documentation/filesystems/locking.rst (freeze_super), fsfreeze(8). */
#ifndef GUEST_FS_FSFREEZE_H
#define GUEST_FS_FSFREEZE_H

#include "core/err.h"

/* Freezes or thaws the file system that the path is on; one that is so already is left so. Returns 0, or -1 with *e: internal
 * (the errno: EOPNOTSUPP where a file system cannot, as tmpfs and overlay; EPERM). */
MUST_CHECK int fs_freeze(const char *path, struct err *e);
MUST_CHECK int fs_thaw(const char *path, struct err *e);

#endif
