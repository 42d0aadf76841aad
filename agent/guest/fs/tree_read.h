/* Reading a directory with all that is in it, piece by piece: entries, and what files hold. A directory comes before what is in
 * it, and all of that before anything else. In a worker, not always the same one.
 *
 * States: fs_tree_read_begin -> fs_tree_read... until it returns something else than 1 -> fs_tree_read_end, at any time.
 * Memory: that of fs_walk, and a path of TREE_PATH_MAX. */
#ifndef GUEST_FS_TREE_READ_H
#define GUEST_FS_TREE_READ_H

#include <sys/stat.h>

#include "core/err.h"
#include "guest/fs/walk.h"

enum fs_tree_kind {
    FS_TREE_ENTRY, /* of a file its first bytes, too */
    FS_TREE_DATA,  /* the next bytes of the file that was the last entry */
    FS_TREE_PROBLEM, /* what is at `path` cannot be read, or not to its end: if it is the file of the last entry, that ends here */
};

struct fs_tree_item {
    enum fs_tree_kind kind;
    struct bytes path;  /* below the tree's root, whose own is empty; valid until the next call */
    struct stat st;     /* of an entry: a file, a directory, or a link */
    const char *target; /* of a link; valid until the next call */
    size_t len;         /* bytes that were put into the buffer */
    bool more;          /* of a file: the next item goes on with it */
    struct err problem; /* its text does not name the path */
};

struct fs_tree_reader {
    struct fs_walk walk;
    char *
        path; /* of the current directory with a slash behind it (the root's: ""), then a name; TREE_PATH_MAX */
    size_t directory; /* how long the first part is */
    size_t length;    /* of the last entry's path */
    char *target;     /* PATH_MAX */
    int fd;           /* the file under way, or -1 */
    uint64_t left;    /* bytes of it to be read; UINT64_MAX: to its end, wherever that is */
    bool begun;       /* the root was told */
};

#define FS_TREE_READER_NONE ((struct fs_tree_reader){.fd = -1})

/* Begins at the open directory, which it takes over. Returns 0, or -1 with *e: resource_exhausted; internal, where it
 * cannot be looked at; fs_tree_read_end is due in any case. */
MUST_CHECK int fs_tree_read_begin(struct fs_tree_reader *r, int root, struct err *e);

/* The next item. Bytes of a file go into the buffer, of which `room` is free, at least one. What vanishes meanwhile is left out. A file
 * comes as long as its size was when it was opened, one without blocks (proc(5)) as long as it is; of a sparse file the holes come
 * as zeros. Returns 1; 0 at the end; -1 with *e: the way is lost, for a directory above was moved or removed (aborted). */
MUST_CHECK int fs_tree_read(struct fs_tree_reader *r, uint8_t *buffer, size_t room, struct fs_tree_item *item,
                            struct err *e);

void fs_tree_read_end(struct fs_tree_reader *r);

#endif
