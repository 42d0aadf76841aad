/* Removing. In a worker. */
#ifndef GUEST_FS_REMOVE_H
#define GUEST_FS_REMOVE_H

#include <stdatomic.h>

#include "core/err.h"

/* Removes what is at the absolute path and all below it; of a link, the link. What is not there counts as removed. What cannot
 * be removed does not keep the rest, and the first of it is the error. Ends early when *stop is set. Returns 0, or -1 with *e:
 * internal "error removing file or directory: ...": among others for a path that ends in ".", and for "/"; permission_denied;
 * canceled. */
MUST_CHECK int fs_remove(const char *path, const atomic_bool *stop, struct err *e);

/* Removes one entry. Returns 0, or -1 with *e: fs_status_strict. */
MUST_CHECK int fs_remove_one(const char *path, struct err *e);

#endif
