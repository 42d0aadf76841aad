/* One entry of the file system as the kernel has it, a link as a link. In a worker. */
#ifndef GUEST_FS_FILE_H
#define GUEST_FS_FILE_H

#include "guest/fs/entry.h"

struct fs_file {
    struct stat st;
    const char *owner, *group; /* "" without a name; in the arena */
    const char *link_target;   /* of a link: its text, in the arena; NULL: no link */
};

/* Returns 0, or -1 with *e, errnum set: fs_status_strict, "stat 'SHOWN': ...". */
MUST_CHECK int fs_file_read_at(struct fs_entry_reader *r, int dir, const char *at, const char *shown,
                               struct fs_file *out, struct err *e);

/* The text of a link, in the arena. NULL with *e: failed_precondition for what is no link, else fs_status_strict. */
const char *fs_read_link(int dir, const char *at, struct arena *a, struct err *e);

#endif
