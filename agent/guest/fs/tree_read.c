#include "guest/fs/tree_read.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/limits.h"
#include "guest/fs/status.h"

int fs_tree_read_begin(struct fs_tree_reader *r, int root, struct err *e)
{
    *r = FS_TREE_READER_NONE;
    if (fs_walk_begin(&r->walk, root) < 0)
        return err_set(e, fs_status(errno), errno, "read a tree");
    r->path = malloc(TREE_PATH_MAX);
    r->target = malloc(PATH_MAX);
    return r->path && r->target ? 0 : err_nomem(e, "read a tree");
}

void fs_tree_read_end(struct fs_tree_reader *r)
{
    fd_close(&r->fd);
    fs_walk_end(&r->walk);
    free(TAKE(r->path));
    free(TAKE(r->target));
}

/* --- items ----------------------------------------------------------------------------------- */

/* The item is that something failed. Returns 1. */
static int problem(struct fs_tree_item *item, enum status status, int errnum, const char *what)
{
    item->kind = FS_TREE_PROBLEM;
    item->len = 0;
    item->more = false;
    err_set(&item->problem, status, errnum, "%s", what);
    return 1;
}

/* The same with what errno says. Returns 1; 0 where something only has vanished. */
static int failed(struct fs_tree_item *item, const char *what)
{
    return errno == ENOENT ? 0 : problem(item, fs_status_strict(errno), errno, what);
}

/* Reads what there is room for of the file under way. Returns 1. */
static int read_content(struct fs_tree_reader *r, uint8_t *buffer, size_t room, struct fs_tree_item *item)
{
    bool ended = false;
    ssize_t n = 0;

    while (r->left > 0 && item->len < room && !ended) {
        n = RETRY_EINTR(read(r->fd, buffer + item->len, (size_t)MIN(r->left, (uint64_t)(room - item->len))));
        ended = n <= 0;
        if (n > 0 && r->left != UINT64_MAX)
            r->left -= (uint64_t)n;
        if (n > 0)
            item->len += (size_t)n;
    }
    item->more = r->left > 0 && !ended;
    if (item->more)
        return 1;
    if (n < 0)
        problem(item, fs_status_strict(errno), errno, "read");
    else if (r->left > 0 && r->left != UINT64_MAX)
        problem(item, STATUS_ABORTED, 0, "it became shorter while it was read");
    fd_close(&r->fd);
    return 1;
}

/* O_NONBLOCK: what has become a FIFO meanwhile does not hold us up. */
static int open_file(struct fs_tree_reader *r, const char *name, uint8_t *buffer, size_t room,
                     struct fs_tree_item *item)
{
    r->fd = openat(fs_walk_fd(&r->walk), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (r->fd < 0)
        return failed(item, "open");
    if (fstat(r->fd, &item->st) < 0)
        problem(item, fs_status_strict(errno), errno, "stat");
    else if (!S_ISREG(item->st.st_mode))
        problem(item, STATUS_ABORTED, 0, "it was replaced while it was read");
    if (item->kind == FS_TREE_PROBLEM) {
        fd_close(&r->fd);
        return 1;
    }
    r->left = item->st.st_blocks > 0 ? (uint64_t)item->st.st_size : UINT64_MAX;
    return read_content(r, buffer, room, item);
}

static int read_link(struct fs_tree_reader *r, const char *name, struct fs_tree_item *item)
{
    int dir = fs_walk_fd(&r->walk);
    ssize_t n = readlinkat(dir, name, r->target, PATH_MAX - 1);

    if (n < 0 || fstatat(dir, name, &item->st, AT_SYMLINK_NOFOLLOW) < 0)
        return failed(item, "read link");
    if (!S_ISLNK(item->st.st_mode))
        return problem(item, STATUS_ABORTED, 0, "it was replaced while it was read");
    r->target[n] = 0;
    item->target = r->target;
    return 1;
}

/* Goes down; the directory's own place in the path is kept in the level. */
static int enter(struct fs_tree_reader *r, const char *name, struct fs_tree_item *item)
{
    if (fs_walk_down(&r->walk, name) < 0)
        return failed(item, "open");
    fs_walk_level(&r->walk)->mark = r->directory;
    r->directory = item->path.len + 1;
    r->path[item->path.len] = '/';
    if (fstat(fs_walk_fd(&r->walk), &item->st) < 0)
        return problem(item, fs_status_strict(errno), errno, "stat");
    return 1;
}

/* --- the way --------------------------------------------------------------------------------- */

/* Leaves a directory that is at its end. Returns 1, 0 where that was the root, or -1. */
static int leave(struct fs_tree_reader *r, struct err *e)
{
    size_t mark = fs_walk_level(&r->walk)->mark;

    if (r->walk.depth == 1)
        return 0;
    if (fs_walk_up(&r->walk) < 0)
        return err_set(e, STATUS_ABORTED, errno, "read '%.*s': the directory above it is gone",
                       (int)r->directory, r->path);
    r->directory = mark;
    return 1;
}

/* One entry of the current directory. Returns 1, 0 where it is none any more, or -1 with errno: its path is too long. */
static int visit(struct fs_tree_reader *r, const struct fs_walk_entry *entry, uint8_t *buffer, size_t room,
                 struct fs_tree_item *item)
{
    size_t n = strlen(entry->name);

    if (r->directory + n + 1 >= TREE_PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(r->path + r->directory, entry->name, n);
    r->length = r->directory + n;
    item->path = (struct bytes){r->path, r->length};
    switch (entry->type) {
    case DT_REG:
        return open_file(r, entry->name, buffer, room, item);
    case DT_DIR:
        return enter(r, entry->name, item);
    case DT_LNK:
        return read_link(r, entry->name, item);
    default:
        return problem(item, STATUS_FAILED_PRECONDITION, 0, "neither a file, a directory nor a link");
    }
}

/* The current directory cannot be read (any further), says errno: a problem of its own path, and then what comes behind it. */
static int abandon_directory(struct fs_tree_reader *r, struct fs_tree_item *item, struct err *e)
{
    int errnum = errno, ret;

    item->path = (struct bytes){r->path, r->directory > 0 ? r->directory - 1 : 0};
    problem(item, fs_status_strict(errnum), errnum, "read directory");
    ret = leave(r, e);
    if (ret == 0) { /* the root: the next call finds it at its end */
        fs_walk_end(&r->walk);
        ret = 1;
    }
    return ret;
}

int fs_tree_read(struct fs_tree_reader *r, uint8_t *buffer, size_t room, struct fs_tree_item *item,
                 struct err *e)
{
    struct fs_walk_entry entry;
    int ret = 0;

    *item = (struct fs_tree_item){.kind = FS_TREE_ENTRY, .path = {r->path, 0}};
    if (!r->begun) {
        r->begun = true;
        return fstat(fs_walk_fd(&r->walk), &item->st) < 0
                   ? problem(item, fs_status_strict(errno), errno, "stat")
                   : 1;
    }
    if (r->fd >= 0) {
        item->kind = FS_TREE_DATA;
        item->path.len = r->length;
        return read_content(r, buffer, room, item);
    }
    while (ret == 0) {
        if (r->walk.depth == 0)
            return 0;
        ret = fs_walk_next(&r->walk, &entry);
        if (ret == 0) {
            ret = leave(r, e);
            if (ret <= 0)
                return ret;
            ret = 0;
        } else if (ret < 0 || (ret = visit(r, &entry, buffer, room, item)) < 0) {
            return abandon_directory(r, item, e);
        }
    }
    return ret;
}
