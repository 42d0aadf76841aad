/* One entry of the file system as envd's clients see it: lstat(2), where a link leads, who owns it, what is attached.
 *
 * What an entry points to lies in the arena and in the reader; it is valid until either is cleared. In a worker. */
#ifndef GUEST_FS_ENTRY_H
#define GUEST_FS_ENTRY_H

#include <sys/stat.h>

#include "core/arena.h"
#include "core/err.h"
#include "guest/fs/metadata.h"
#include "guest/fs/mounts.h"
#include "guest/fs/owners.h"

enum fs_type {
    FS_OTHER, /* a device, a FIFO, a socket, or a link to nowhere */
    FS_FILE,
    FS_DIRECTORY,
};

/* The longest is all eleven letters and nine bits. */
#define FS_PERMISSIONS_MAX 24

struct fs_entry {
    const char *name;  /* bytes, perhaps not UTF-8; the caller's */
    const char *path;  /* the same */
    enum fs_type type; /* of a link its target's */
    uint32_t mode;     /* the nine permission bits; of a link its target's, 0 when that is missing */
    char permissions[FS_PERMISSIONS_MAX]; /* Go's FileMode.String */
    const char *owner, *group;            /* names, or numbers without one */
    const char *
        symlink_target; /* of a link: where it leads in the end, its own path when that is nowhere; NULL: no link */
    struct fs_metadata metadata;
    struct stat st; /* of the entry itself, a link not followed */
};

/* Reads entries: who is who, looked up once. */
struct fs_entry_reader {
    struct arena *arena;
    struct owners *owners;
    uid_t uid; /* the last ones, and their names */
    gid_t gid;
    const char *owner, *group; /* in the arena; NULL: none yet */
    bool here;                 /* `dir` of fs_entry_read_at is the thread's working directory */
};

/* Returns 0, or -1 with *e: resource_exhausted. */
MUST_CHECK int fs_entry_reader_init(struct fs_entry_reader *r, struct arena *a, struct err *e);
void fs_entry_reader_clear(struct fs_entry_reader *r);

/* The entry `at` of the open directory `dir` (or AT_FDCWD and a path), which is told as `name` and `path`. Both must live as
 * long as *out. Returns 0, or -1 with *e, errnum set: not_found "file not found: lstat PATH: ...", else fs_status "error getting
 * file info: ...". */
MUST_CHECK int fs_entry_read_at(struct fs_entry_reader *r, int dir, const char *at, const char *name,
                                const char *path, struct fs_entry *out, struct err *e);

/* The entry at the absolute path, told as `name`; NULL: as the last part of the path. Names are copied to the arena. */
MUST_CHECK int fs_entry_read(const char *path, const char *name, struct arena *a, struct fs_entry *out,
                             struct err *e);

/* What is needed to describe an entry without waiting for anything. */
struct fs_cached {
    const struct mounts *mounts;
    struct owners *owners;
};

/* The same on the loop's thread, of what the kernel has in memory (guest/cached.h): an entry on no slow mount, no link, that is known
 * to have no metadata. False for every other, for errors and without memory: fs_entry_read will tell. */
bool fs_entry_cached(const char *path, const struct fs_cached *known, struct arena *a, struct fs_entry *out);

/* Where the link `at` of `dir` leads in the end: an absolute path in the arena, and its stat. NULL without *e when that is
 * nowhere (or where no path leads to), NULL with *e set when there is no memory or descriptor to tell. Clear e->status before. */
const char *fs_link_target(int dir, const char *at, struct arena *a, struct stat *st, struct err *e);

/* Go's FileMode.String of a st_mode: "-rw-r--r--", "dtrwxrwxrwx", "Dcrw-rw-rw-". */
void fs_permissions(mode_t mode, char out[FS_PERMISSIONS_MAX]);

#endif
