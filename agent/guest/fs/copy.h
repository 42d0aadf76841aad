/* Copying entries and trees. In a worker. */
#ifndef GUEST_FS_COPY_H
#define GUEST_FS_COPY_H

#include <stdatomic.h>

#include "core/err.h"

struct fs_copy {
    const char *source;      /* absolute, as the destination; a link is copied as a link */
    const char *destination; /* what the copy is called; the directory above it must be there */
    bool recursive;          /* directories, too */
    bool overwrite; /* files that are there are replaced at once when the copy is whole, directories filled */
    const atomic_bool *stop; /* ends it early */
    uint64_t files; /* out, also after a failure: what was copied; links and devices count as files */
    uint64_t directories;
    uint64_t bytes; /* of files */
};

/* Content, mode, times, extended attributes, and owners where the caller may. A file with several names becomes several files.
 * On failure what was copied stays, but not the file that was under way. Returns 0, or -1 with *e: fs_status_strict;
 * failed_precondition for a directory without `recursive`; invalid_argument for a directory into itself; canceled. */
MUST_CHECK int fs_copy(struct fs_copy *c, struct err *e);

#endif
