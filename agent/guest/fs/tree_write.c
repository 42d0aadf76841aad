#include "guest/fs/tree_write.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/limits.h"
#include "guest/fs/status.h"

/* What errno says of an entry. Returns FS_TREE_REFUSED. */
static int refuse(struct err *e, const char *what)
{
    err_set(e, fs_status_strict(errno), errno, "%s", what);
    return FS_TREE_REFUSED;
}

/* This is no tree. Returns -1. */
static int reject(struct err *e, const char *what, struct bytes path)
{
    return err_set(e, STATUS_INVALID_ARGUMENT, 0, "%s: '%.*s'", what, (int)MIN(path.len, (size_t)PATH_MAX),
                   path.ptr);
}

/* --- directories ----------------------------------------------------------------------------- */

/* Room for one more level, so that no directory is entered of which nothing can be noted. Returns 0, or -1 with errno. */
static int make_room(struct fs_tree_writer *w)
{
    size_t room = w->levels_room ? 2 * w->levels_room : 16;
    struct fs_tree_level *levels;

    if (w->walk.depth < w->levels_room)
        return 0;
    levels = realloc(w->levels, room * sizeof *levels);
    if (!levels)
        return -1;
    w->levels = levels;
    w->levels_room = room;
    return 0;
}

/* Goes down into a directory that will get this. Returns 0, or -1 with errno. */
static int enter(struct fs_tree_writer *w, const char *name, const struct fs_tree_level *level)
{
    if (make_room(w) < 0 || fs_walk_down(&w->walk, name) < 0)
        return -1;
    w->levels[w->walk.depth - 1] = *level;
    return 0;
}

/* The current directory is complete: it gets what each entry would have changed. */
static void settle(struct fs_tree_writer *w)
{
    const struct fs_tree_level *level = &w->levels[w->walk.depth - 1];
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, level->mtime};
    int fd = fs_walk_fd(&w->walk);

    if (level->made && (fchmod(fd, level->mode) < 0 || futimens(fd, times) < 0))
        w->unsettled = errno;
}

/* Leaves the current directory. Returns 0, or -1 with *e. */
static int leave(struct fs_tree_writer *w, struct err *e)
{
    settle(w);
    if (fs_walk_up(&w->walk) < 0)
        return err_set(e, STATUS_ABORTED, errno, "write a tree: the directory above is gone");
    return 0;
}

/* How much of the path the current directory is: the levels that stand in it, from the root on; *depth: how many. */
static size_t common(const struct fs_tree_writer *w, struct bytes path, size_t *depth)
{
    size_t at = 0;

    for (*depth = 1; *depth < w->walk.depth; ++*depth) {
        const char *name = w->walk.levels[*depth].name;
        size_t n = strlen(name);

        if (path.len - at <= n || memcmp(path.ptr + at, name, n) != 0 || path.ptr[at + n] != '/')
            break;
        at += n + 1;
    }
    return at;
}

/* The length of the first name of a path; 0 where it is none: no way to another directory is one. */
static size_t name_len(struct bytes path)
{
    const char *slash = memchr(path.ptr, '/', path.len);
    size_t n = slash ? (size_t)(slash - path.ptr) : path.len;
    bool dots = (n == 1 || n == 2) && memcmp(path.ptr, "..", n) == 0;

    return n > NAME_MAX || dots || memchr(path.ptr, 0, n) ? 0 : n;
}

/* Whether the path is names with a slash between them. */
static bool is_path(struct bytes path)
{
    size_t n = name_len(path);

    while (n > 0 && n < path.len) {
        path.ptr += n + 1;
        path.len -= n + 1;
        n = name_len(path);
    }
    return n > 0;
}

/* Goes to the directory of the path's last name, which is then in w->file.name. Returns as fs_tree_write_entry. */
static int go_to(struct fs_tree_writer *w, struct bytes path, struct err *e)
{
    static const struct fs_tree_level there = {.made = false};
    size_t depth, at = common(w, path, &depth);

    while (w->walk.depth > depth)
        if (leave(w, e) < 0)
            return -1;
    for (;;) {
        struct bytes rest = {path.ptr + at, path.len - at};
        size_t n = name_len(rest);

        memcpy(w->file.name, rest.ptr, n);
        w->file.name[n] = 0;
        if (n == rest.len)
            return 0;
        if (enter(w, w->file.name, &there) < 0)
            return refuse(e, "open the directory above");
        at += n + 1;
    }
}

/* --- entries --------------------------------------------------------------------------------- */

/* Gives what was made its owner, where we may: by descriptor (name ""), or by its name. Returns 0, or -1 with errno. */
static int give(const struct fs_tree_writer *w, const struct fs_tree_entry *entry, int fd, const char *name)
{
    const struct fs_tree_write_options *o = &w->options;
    uid_t uid = o->owners ? entry->uid : o->uid;
    gid_t gid = o->owners ? entry->gid : o->gid;

    if (!o->give || fchownat(fd, name, uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    return errno == EPERM ? 0 : -1;
}

static struct timespec time_of(const struct fs_tree_entry *entry)
{
    return entry->has_mtime ? entry->mtime : (struct timespec){.tv_nsec = UTIME_OMIT};
}

static struct fs_tree_level level_of(const struct fs_tree_writer *w, const struct fs_tree_entry *entry,
                                     bool made)
{
    return (struct fs_tree_level){made, entry->mode & w->options.mode_mask, time_of(entry)};
}

/* Nothing of what lies in that directory is to be tried. */
static void lose(struct fs_tree_writer *w, struct bytes path)
{
    free(TAKE(w->lost));
    w->lost = malloc(path.len + 1);
    if (!w->lost)
        return; /* then each is tried, and told */
    memcpy(w->lost, path.ptr, path.len);
    w->lost[path.len] = '/';
    w->lost_len = path.len + 1;
}

static bool is_lost(const struct fs_tree_writer *w, struct bytes path)
{
    return w->lost && path.len >= w->lost_len && memcmp(path.ptr, w->lost, w->lost_len) == 0;
}

/* Makes the directory where there is none, and goes into it. */
static int make_directory(struct fs_tree_writer *w, const struct fs_tree_entry *entry, struct err *e)
{
    const char *name = w->file.name;
    bool made = mkdirat(fs_walk_fd(&w->walk), name, 0700) == 0;
    struct fs_tree_level level = level_of(w, entry, made);

    if (!made && errno != EEXIST)
        return refuse(e, "make directory");
    if (enter(w, name, &level) < 0)
        return refuse(e, made ? "open directory" : "make directory");
    if (made && give(w, entry, fs_walk_fd(&w->walk), "") < 0)
        return refuse(e, "change owner");
    w->directories++;
    return 0;
}

/* The root's entry: what it gets in the end. */
static int take_root(struct fs_tree_writer *w, const struct fs_tree_entry *entry, struct err *e)
{
    struct fs_tree_level level = level_of(w, entry, w->options.made_root);

    if (!S_ISDIR(entry->mode))
        return reject(e, "the root of a tree is not a directory", entry->path);
    if (level.made && give(w, entry, w->walk.levels[0].fd, "") < 0)
        return refuse(e, "change owner");
    w->levels[0] = level;
    w->directories++;
    return 0;
}

/* A name in the directory that nobody else uses: left ones are of programs that were killed. */
static void next_temporary(char out[32])
{
    static atomic_uint number;

    snprintf(out, 32, ".guestd-tree-%x", atomic_fetch_add(&number, 1));
}

/* Whether what has the name may go. Returns 0, or -1 with errno. */
static int may_replace(const struct fs_tree_writer *w, int dir, const char *name)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -1;
    errno = w->options.keep_old ? EEXIST : EISDIR;
    return w->options.keep_old || S_ISDIR(st.st_mode) ? -1 : 0;
}

/* The link is made under another name where there is something to be replaced. Returns 0, or -1 with errno. */
static int place_link(struct fs_tree_writer *w, const char *target, const struct fs_tree_entry *entry)
{
    int dir = fs_walk_fd(&w->walk), errnum;
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, time_of(entry)};
    const char *made = w->file.name;

    if (symlinkat(target, dir, made) < 0) {
        if (errno != EEXIST || may_replace(w, dir, made) < 0)
            return -1;
        made = w->file.temporary;
        do
            next_temporary(w->file.temporary);
        while (symlinkat(target, dir, made) < 0 && errno == EEXIST);
    }
    utimensat(dir, made, times, AT_SYMLINK_NOFOLLOW); /* not every file system keeps it */
    if (give(w, entry, dir, made) == 0 &&
        (made == w->file.name || renameat(dir, made, dir, w->file.name) == 0))
        return 0;
    errnum = errno;
    unlinkat(dir, made, 0);
    errno = errnum;
    return -1;
}

static int make_link(struct fs_tree_writer *w, const struct fs_tree_entry *entry, struct err *e)
{
    CLEANUP_FREE char *target = strndup(entry->target.ptr ? entry->target.ptr : "", entry->target.len);

    if (!target)
        return err_nomem(e, "write a tree");
    if (!*target || strlen(target) != entry->target.len)
        return reject(e, "a link without a text", entry->path);
    if (place_link(w, target, entry) < 0)
        return refuse(e, "make link");
    w->files++;
    return 0;
}

/* --- files ----------------------------------------------------------------------------------- */

/* Opens a file without a name, or with one of its own. Returns 0, or -1 with errno. */
static int open_file(struct fs_tree_writer *w)
{
    struct fs_tree_file *f = &w->file;
    int dir = fs_walk_fd(&w->walk);

    f->named = false;
    f->fd = openat(dir, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
    if (f->fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return f->fd < 0 ? -1 : 0;
    do {
        next_temporary(f->temporary);
        f->fd = openat(dir, f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    } while (f->fd < 0 && errno == EEXIST);
    f->named = f->fd >= 0;
    return f->fd < 0 ? -1 : 0;
}

void fs_tree_write_forget(struct fs_tree_writer *w)
{
    fd_close(&w->file.fd);
    if (w->file.named)
        unlinkat(fs_walk_fd(&w->walk), w->file.temporary, 0);
    w->file.named = false;
    w->file.skipping = false;
}

/* The file cannot be written, says errno: it goes, and what else comes of it is dropped. Returns FS_TREE_REFUSED. */
static int give_up(struct fs_tree_writer *w, bool more, const char *what, struct err *e)
{
    refuse(e, what);
    fs_tree_write_forget(w);
    w->file.skipping = more;
    return FS_TREE_REFUSED;
}

static int put(const struct fs_tree_file *f, struct bytes content)
{
    while (content.len > 0) {
        ssize_t n = RETRY_EINTR(write(f->fd, content.ptr, content.len));

        if (n < 0)
            return -1;
        content.ptr += n;
        content.len -= (size_t)n;
    }
    return 0;
}

/* Gives the file without a name that one. Returns 0, or -1 with errno. */
static int link_it(struct fs_tree_writer *w, const char *name)
{
    char self[sizeof "/proc/self/fd/" + 3 * sizeof(int)];
    int dir = fs_walk_fd(&w->walk);

    if (!w->links_by_path) {
        if (linkat(w->file.fd, "", dir, name, AT_EMPTY_PATH) == 0)
            return 0;
        if (errno != ENOENT) /* linkat(2): without CAP_DAC_READ_SEARCH; before Linux 6.10 always */
            return -1;
        w->links_by_path = true;
    }
    snprintf(self, sizeof self, "/proc/self/fd/%d", w->file.fd);
    return linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW);
}

/* Gives the file without a name one: its own where that is free, else a temporary one. Returns 0, or -1 with errno. */
static int name_it(struct fs_tree_writer *w)
{
    struct fs_tree_file *f = &w->file;
    int ret = link_it(w, f->name);

    if (ret == 0 || errno != EEXIST)
        return ret;
    do {
        next_temporary(f->temporary);
        ret = link_it(w, f->temporary);
    } while (ret < 0 && errno == EEXIST);
    f->named = ret == 0;
    return ret;
}

/* The file is whole: it gets its owner, bits, time and name. */
static int complete(struct fs_tree_writer *w, struct err *e)
{
    struct fs_tree_file *f = &w->file;
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, time_of(&f->entry)};
    int dir = fs_walk_fd(&w->walk);

    if (give(w, &f->entry, f->fd, "") < 0)
        return give_up(w, false, "change owner", e);
    if (fchmod(f->fd, f->entry.mode & w->options.mode_mask) < 0 || futimens(f->fd, times) < 0)
        return give_up(w, false, "set mode and time", e);
    if (!f->named && name_it(w) < 0)
        return give_up(w, false, "name the file", e);
    if (close(fd_take(&f->fd)) < 0) /* it may be what says that the disk is full (NFS) */
        return give_up(w, false, "write", e);
    if (f->named && (may_replace(w, dir, f->name) < 0 || renameat(dir, f->temporary, dir, f->name) < 0))
        return give_up(w, false, "name the file", e);
    f->named = false;
    w->files++;
    w->bytes += f->bytes;
    return 0;
}

static int write_content(struct fs_tree_writer *w, struct bytes content, bool more, struct err *e)
{
    if (put(&w->file, content) < 0)
        return give_up(w, more, "write", e);
    w->file.bytes += content.len;
    return more ? 0 : complete(w, e);
}

static int make_file(struct fs_tree_writer *w, const struct fs_tree_entry *entry, struct bytes content,
                     bool more, struct err *e)
{
    w->file.entry = *entry;
    w->file.bytes = 0;
    if (open_file(w) < 0)
        return give_up(w, more, "make file", e);
    return write_content(w, content, more, e);
}

/* --- the tree -------------------------------------------------------------------------------- */

int fs_tree_write_begin(struct fs_tree_writer *w, int root, const struct fs_tree_write_options *o,
                        struct err *e)
{
    *w = FS_TREE_WRITER_NONE;
    w->options = *o;
    if (make_room(w) < 0) {
        fd_close(&root);
        return err_nomem(e, "write a tree");
    }
    if (fs_walk_begin(&w->walk, root) < 0) {
        free(TAKE(w->levels));
        return err_set(e, fs_status(errno), errno, "write a tree");
    }
    w->levels[0] = (struct fs_tree_level){o->made_root, 0755 & o->mode_mask, {.tv_nsec = UTIME_OMIT}};
    return 0;
}

static int make(struct fs_tree_writer *w, const struct fs_tree_entry *entry, struct bytes content, bool more,
                struct err *e)
{
    int ret;

    switch (entry->mode & S_IFMT) {
    case S_IFDIR:
        ret = make_directory(w, entry, e);
        if (ret > 0)
            lose(w, entry->path);
        return ret;
    case S_IFLNK:
        return make_link(w, entry, e);
    default:
        return make_file(w, entry, content, more, e);
    }
}

/* For messages about what comes of the file later. */
static void keep_path(struct fs_tree_writer *w, struct bytes path)
{
    free((char *)(uintptr_t)w->path.ptr);
    w->path.ptr = strndup(path.ptr, path.len);
    w->path.len = w->path.ptr ? path.len : 0;
}

int fs_tree_write_entry(struct fs_tree_writer *w, const struct fs_tree_entry *entry, struct bytes content,
                        bool more, struct err *e)
{
    bool file = S_ISREG(entry->mode);
    int ret = 0;

    if (w->file.fd >= 0 || w->file.skipping)
        return reject(e, "the file before is not complete", entry->path);
    if (!file && !S_ISDIR(entry->mode) && !S_ISLNK(entry->mode)) {
        w->file.skipping = more;
        err_set(e, STATUS_FAILED_PRECONDITION, 0, "neither a file, a directory nor a link");
        return FS_TREE_REFUSED;
    }
    if (!file && (more || content.len > 0))
        return reject(e, "content of what is no file", entry->path);
    if (entry->path.len >= TREE_PATH_MAX)
        return reject(e, "too long a path", entry->path);
    if (entry->path.len == 0)
        return take_root(w, entry, e);
    if (more)
        keep_path(w, entry->path);
    if (!is_path(entry->path))
        return reject(e, "not a path below a directory", entry->path);
    if (is_lost(w, entry->path) || (ret = go_to(w, entry->path, e)) != 0) {
        w->file.skipping = more;
        return ret;
    }
    return make(w, entry, content, more, e);
}

int fs_tree_write_data(struct fs_tree_writer *w, struct bytes content, bool more, struct err *e)
{
    static const struct bytes none = {"", 0};

    if (w->file.skipping) {
        w->file.skipping = more;
        return 0;
    }
    return w->file.fd < 0 ? reject(e, "content without a file", none) : write_content(w, content, more, e);
}

int fs_tree_write_finish(struct fs_tree_writer *w, struct err *e)
{
    static const struct bytes none = {"", 0};

    if (w->file.fd >= 0 || w->file.skipping)
        return reject(e, "the last file is not complete", none);
    while (w->walk.depth > 1)
        if (leave(w, e) < 0)
            return -1;
    settle(w);
    w->levels[0].made = false;
    errno = w->unsettled;
    return w->unsettled ? refuse(e, "set mode and time of a directory") : 0;
}

void fs_tree_write_abandon(struct fs_tree_writer *w)
{
    struct err ignored;

    fs_tree_write_forget(w);
    while (w->walk.depth > 1 && leave(w, &ignored) == 0)
        ;
    if (w->walk.depth == 1)
        settle(w);
    fs_walk_end(&w->walk);
    free(TAKE(w->levels));
    free(TAKE(w->lost));
    free((char *)(uintptr_t)TAKE(w->path.ptr));
    w->path.len = 0;
    w->levels_room = 0;
}
