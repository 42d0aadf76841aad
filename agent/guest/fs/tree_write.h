/* Writing a directory with all that is in it, from entries in the order of fs_tree_read. In a worker, not always the same one.
 *
 * Who says what is to be written is not trusted: a path is names below the root, each is opened in the directory before it, and no
 * link is followed, whether it was there or came with the tree.
 *
 * What is there: a directory stays as it is, and is filled; a file, a link or a special file is replaced, or with keep_old is a
 * problem; a directory does not give way to anything else. A file has its name only when it is whole: until then it has none
 * (O_TMPFILE), or, where the file system has no such files, one of its own.
 *
 * States: fs_tree_write_begin -> (fs_tree_write_entry -> fs_tree_write_data while there was `more`)... -> fs_tree_write_finish,
 * or fs_tree_write_abandon at any time.
 * Memory: that of fs_walk, with 32 bytes for each level of the current path. */
#ifndef GUEST_FS_TREE_WRITE_H
#define GUEST_FS_TREE_WRITE_H

#include <sys/stat.h>

#include "core/err.h"
#include "guest/fs/walk.h"

enum { FS_TREE_REFUSED = 1 };

struct fs_tree_write_options {
    bool keep_old;  /* nothing is replaced */
    bool made_root; /* the root is new: it gets the bits and the time of its entry, 0755 without one */
    bool give;      /* what is made gets an owner, if we may: */
    bool owners;    /* each entry's own; else these */
    uid_t uid;
    gid_t gid;
    mode_t mode_mask; /* of the bits that entries have: 07777, or less */
};

/* What to make. Strings and bytes are the caller's. */
struct fs_tree_entry {
    struct bytes path; /* below the root, whose own is empty */
    mode_t mode;       /* a regular file, a directory, or a link, and 07777 */
    bool has_mtime;
    struct timespec mtime;
    struct bytes target; /* of a link */
    uid_t uid;           /* with options.owners */
    gid_t gid;
};

/* What a directory gets when all is in it. */
struct fs_tree_level {
    bool made;
    mode_t mode;
    struct timespec mtime; /* tv_nsec UTIME_OMIT: none */
};

struct fs_tree_file {
    int fd;        /* -1: none is under way */
    bool named;    /* it is there as `temporary`, else nowhere */
    bool skipping; /* what comes of its content is dropped */
    char temporary[32];
    char name[256];             /* NAME_MAX */
    struct fs_tree_entry entry; /* without its path and target */
    uint64_t bytes;             /* written so far */
};

struct fs_tree_writer {
    struct fs_tree_write_options options;
    struct fs_walk walk;
    struct fs_tree_level *levels; /* as many as the walk has */
    size_t levels_room;
    struct fs_tree_file file;
    struct bytes path; /* of the file that comes in pieces; owned; empty without memory for it */
    char *lost;        /* path of a directory that could not be made: nothing in it is tried; NULL: none */
    size_t lost_len;
    bool links_by_path;   /* a file without a name is named through /proc only */
    int unsettled;        /* errno of a directory that did not get its bits or time, or 0 */
    uint64_t files;       /* out: files and links that were made */
    uint64_t directories; /* that were made, or there */
    uint64_t bytes;       /* of files */
};

#define FS_TREE_WRITER_NONE ((struct fs_tree_writer){.file = {.fd = -1}})

/* Begins in the open directory, which it takes over. Returns 0, or -1 with *e: resource_exhausted; internal, where it
 * cannot be looked at. */
MUST_CHECK int fs_tree_write_begin(struct fs_tree_writer *w, int root, const struct fs_tree_write_options *o,
                                   struct err *e);

/* Makes an entry; of a file these are the first bytes, and with `more` others follow. Returns 0; FS_TREE_REFUSED with *e, whose text
 * does not name the path: this one could not be made, and the tree goes on; -1 with *e (invalid_argument: this is no tree): it
 * cannot. */
MUST_CHECK int fs_tree_write_entry(struct fs_tree_writer *w, const struct fs_tree_entry *entry,
                                   struct bytes content, bool more, struct err *e);

/* The next bytes of the file that came last. Returns as fs_tree_write_entry. */
MUST_CHECK int fs_tree_write_data(struct fs_tree_writer *w, struct bytes content, bool more, struct err *e);

/* There is no more of that file, and it is not whole: it goes. Nothing happens where none is under way. */
void fs_tree_write_forget(struct fs_tree_writer *w);

/* The tree is complete: the directories that are still open get their bits and times. Returns as fs_tree_write_entry: refused where
 * one of all directories did not get them, invalid_argument where a file is not complete. fs_tree_write_abandon is due in any case. */
MUST_CHECK int fs_tree_write_finish(struct fs_tree_writer *w, struct err *e);

/* Ends it here: a file that is not whole goes, the directories on the way get their bits, and what was made stays. */
void fs_tree_write_abandon(struct fs_tree_writer *w);

/* Whether only a worker may end it. */
static inline bool fs_tree_write_is_open(const struct fs_tree_writer *w)
{
    return w->walk.depth > 0;
}

#endif
