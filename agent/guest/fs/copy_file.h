/* Copying what one file holds and what it carries. In a worker. */
#ifndef GUEST_FS_COPY_FILE_H
#define GUEST_FS_COPY_FILE_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "core/base.h"

/* Copies the content of an open file to an open, empty one: shared where the file system can (FICLONE), else in the kernel
 * (copy_file_range(2)), else by reading and writing; holes stay holes. Files of the kernel are read to their end, whatever size
 * they tell. *copied: bytes that the copy is long. Returns 0, or -1 with errno: ECANCELED when *stop was set. */
MUST_CHECK int fs_copy_content(int from, int to, const struct stat *st, const atomic_bool *stop,
                               uint64_t *copied);

/* Gives the open file or directory `to` the owner (where we may), the mode, the extended attributes (where it can have them)
 * and the times of `from`, whose stat is st. Returns 0, or -1 with errno. */
MUST_CHECK int fs_copy_attributes(int from, int to, const struct stat *st);

#endif
