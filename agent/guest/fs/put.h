/* A small file of the agent's own making, written whole. In a worker. */
#ifndef GUEST_FS_PUT_H
#define GUEST_FS_PUT_H

#include <sys/types.h>

#include "core/err.h"

/* Makes the file at `path` (absolute) hold that text, with exactly that mode, and the directories above it, 0755. Who reads sees the
 * old text or the new one; only where the file is a mount of its own, which cannot be replaced, it is written in place. Returns 0,
 * or -1 with *e. */
MUST_CHECK int fs_put(const char *path, const char *text, size_t len, mode_t mode, struct err *e);

#endif
