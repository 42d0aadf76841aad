/* What is below a directory, as ListDir of envd tells it. In a worker. */
#ifndef GUEST_FS_LIST_H
#define GUEST_FS_LIST_H

#include <stdatomic.h>

#include "guest/fs/entry.h"

struct fs_list {
    const char
        *path;      /* absolute; a link is followed, but entries have this path before their names, cleaned */
    uint32_t depth; /* levels; 0 means 1 */
    const atomic_bool *stop;        /* ends it early */
    struct fs_entry_reader *reader; /* with the arena that names and paths of entries lie in */
    /* Called with each entry, a directory before its content, sorted by bytes in each. It ends the listing by -1 with *e. */
    int (*found)(void *arg, const struct fs_entry *entry, struct err *e);
    void *arg;
};

/* Entries that vanish meanwhile are left out, and the content of directories below that cannot be read. Returns 0, or -1 with
 * *e: not_found "path not found: lstat PATH: ..."; invalid_argument "path is not a directory: PATH"; failed_precondition
 * "cyclic symlink or chain >255 links at PATH"; resource_exhausted beyond LIST_ENTRIES_MAX or the arena; canceled; else
 * fs_status "error reading directory PATH: ...". */
MUST_CHECK int fs_list(const struct fs_list *l, struct err *e);

/* Opens the directory that is listed, with the same errors. */
int fs_list_open(const char *path, struct err *e);

#endif
