/* A mount, as mount(8) makes it: with options in words, a type that may be left to us, and the module of a type that the kernel
 * has not loaded. */
#ifndef INIT_FILESYSTEM_H
#define INIT_FILESYSTEM_H

#include "init/mount_options.h"

/* Makes a directory and those above it, mode 0755. Returns 0, or -1 with *e. */
MUST_CHECK int filesystem_mkdirs(const char *path, struct err *e);

/* Mounts. `type` NULL or "auto": what the superblock says, else each of /proc/filesystems in its order. A bind mount with flags
 * and a propagation are calls of their own. Returns 0, or -1 with *e, which names the source. */
MUST_CHECK int filesystem_mount(const char *source, const char *target, const char *type,
                                const struct mount_options *o, struct err *e);

#endif
