/* A way through a tree of directories: down and up by descriptors, never by paths, so that nothing that is renamed or replaced
 * by a link meanwhile leads elsewhere.
 *
 * No depth needs more stack or descriptors than another: only the lowest levels are open, and one above is found again through
 * "..", if it still is the same directory. Memory for the names of the levels is bounded (WALK_MAX). In a worker. */
#ifndef GUEST_FS_WALK_H
#define GUEST_FS_WALK_H

#include <sys/types.h>

#include "core/base.h"

struct fs_walk_level {
    int fd; /* -1: closed for now */
    dev_t dev;
    ino_t ino;
    char *name;   /* in the level above; owned */
    char *buffer; /* what getdents64(2) gave; NULL: nothing is at hand; owned */
    size_t at, len;
    off_t place; /* where the next entry is */
    size_t mark; /* the caller's own */
};

struct fs_walk {
    struct fs_walk_level
        *levels;        /* the directory that the walk began at, and those below it down to the current one */
    size_t depth, room; /* depth 0: it has not begun */
    size_t names;       /* bytes */
};

struct fs_walk_entry {
    const char *name;   /* valid until the next call */
    unsigned char type; /* DT_DIR and so on, never DT_UNKNOWN */
};

/* Begins at the open directory, which it takes over. A zeroed struct is a walk that has not begun. Returns 0, or -1 with errno. */
MUST_CHECK int fs_walk_begin(struct fs_walk *w, int fd);
void fs_walk_end(struct fs_walk *w);

/* The current directory. */
int fs_walk_fd(const struct fs_walk *w);
struct fs_walk_level *fs_walk_level(const struct fs_walk *w);

/* The next entry of the current directory, in its own order, without "." and "..". Returns 1; 0 at the end; -1 with errno. */
MUST_CHECK int fs_walk_next(struct fs_walk *w, struct fs_walk_entry *entry);

/* From the directory's beginning again. */
void fs_walk_rewind(struct fs_walk *w);

/* Goes down; a link is not followed (ELOOP or ENOTDIR). Returns 0, or -1 with errno and stays where it is; ENOMEM at WALK_MAX. */
MUST_CHECK int fs_walk_down(struct fs_walk *w, const char *name);

/* Goes up: what is next goes on behind the entry that was left. Returns 0, or -1 with errno: ESTALE when the level above is not
 * there any more; the walk is then of no use but for fs_walk_end. Not from the first level. */
MUST_CHECK int fs_walk_up(struct fs_walk *w);

/* Writes for a message: root, the names down to the current directory, and `name` (NULL: none); cut at size. */
void fs_walk_path(const struct fs_walk *w, const char *root, const char *name, char *out, size_t size);

#endif
