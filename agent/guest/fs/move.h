/* Making directories and moving entries, as envd's clients know it. In a worker. */
#ifndef GUEST_FS_MOVE_H
#define GUEST_FS_MOVE_H

#include <sys/types.h>

#include "core/err.h"

/* Makes the directory and those above it: fs_make_dirs. Returns 0, or -1 with *e: already_exists "directory already exists:
 * ..."; invalid_argument "path already exists but it is not a directory: ..."; else fs_make_dirs'. */
MUST_CHECK int fs_make_new_dirs(const char *path, uid_t uid, gid_t gid, struct err *e);

/* Makes the directories above the destination, then renames (rename(2)). Returns 0, or -1 with *e: not_found "source file not
 * found: ..."; else fs_status "error renaming: ...". */
MUST_CHECK int fs_move(const char *source, const char *destination, uid_t uid, gid_t gid, struct err *e);

#endif
