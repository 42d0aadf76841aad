/* What clients attach to files: extended attributes "user.e2b.NAME" (xattr(7)), text in both. In a worker. */
#ifndef GUEST_FS_METADATA_H
#define GUEST_FS_METADATA_H

#include "core/arena.h"
#include "core/err.h"

#define FS_METADATA_PREFIX "user.e2b."

struct fs_meta {
    char *name; /* without the prefix */
    char *value;
};

struct fs_metadata {
    struct fs_meta *list; /* in the arena */
    size_t count;
};

/* What is attached to the path, a link not followed; an empty list where there is nothing, or it cannot be read, or the file
 * system has none. Names and values that are not UTF-8 or hold a NUL are left out. Returns 0, or -1 when memory is short. */
MUST_CHECK int fs_metadata_read(const char *path, struct arena *a, struct fs_metadata *out);

/* The same of an open file. */
MUST_CHECK int fs_metadata_read_fd(int fd, struct arena *a, struct fs_metadata *out);

/* Makes `wanted` all that is attached to the open file. What is there already is not written again, what is not there not
 * removed: each would be an event for who watches. Returns 0 (also where the file system has no attributes), or -1 with *e:
 * resource_exhausted (ENOSPC, EDQUOT), else internal. */
MUST_CHECK int fs_metadata_replace(int fd, const struct fs_metadata *wanted, struct err *e);

#endif
