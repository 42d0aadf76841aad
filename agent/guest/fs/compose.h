/* One file out of several: what clients that upload a large file in parallel pieces do with them. In a worker. */
#ifndef GUEST_FS_COMPOSE_H
#define GUEST_FS_COMPOSE_H

#include "core/err.h"
#include "guest/users.h"

/* Makes the file `destination` of the contents of the sources, one behind the other, owned by the user, with the directories
 * above it; then removes the sources. All paths are absolute. names[i] is what the client calls sources[i]. The destination is
 * replaced when the new file is whole; on failure it is as it was, and the sources stay. Returns 0, or -1 with *e: not_found
 * "source file not found: <name>", invalid_argument (a source that is not a regular file, or is the destination; a destination
 * that is a directory), resource_exhausted with errnum ENOSPC or EDQUOT, permission_denied, internal. */
MUST_CHECK int fs_compose(char *const *sources, char *const *names, size_t count, const char *destination,
                          const struct user *u, struct err *e);

#endif
