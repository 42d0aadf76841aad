#include "guest/fs/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>

#include "core/fd.h"
#include "guest/fs/copy_file.h"
#include "guest/fs/status.h"
#include "guest/fs/temp.h"
#include "guest/fs/walk.h"

struct copying {
    struct fs_copy *c;
    struct fs_walk from, to; /* always at the same depth */
};

/* One entry on its way: from where it is to where it will be. Directories are open, names lie in them. */
struct way {
    int from_dir, to_dir;
    const char *from, *to;
    const char *
        made; /* what it is called until it is whole: `to`, or `name` where something is replaced; NULL: `temp` */
    char name[32];
    struct fs_temp temp; /* of a file that replaces something */
    struct stat st;      /* of the source */
};

static int fail(const struct copying *s, const char *name, struct err *e)
{
    int errnum = errno;
    char path[ERR_TEXT_MAX];

    fs_walk_path(&s->from, s->c->source, name, path, sizeof path);
    return err_set(e, errnum == ECANCELED ? STATUS_CANCELED : fs_status_strict(errnum), errnum, "copy '%s'",
                   path);
}

/* --- one entry ------------------------------------------------------------------------------- */

static int make_link(const struct way *w)
{
    char text[PATH_MAX];
    ssize_t n = readlinkat(w->from_dir, w->from, text, sizeof text - 1);

    if (n < 0)
        return -1;
    text[n] = 0;
    return symlinkat(text, w->to_dir, w->made);
}

/* Makes it, still without content. Returns a descriptor of a file, -2 for others, -1 with errno. */
static int make_node(const struct way *w)
{
    if (S_ISREG(w->st.st_mode))
        return openat(w->to_dir, w->made, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (S_ISLNK(w->st.st_mode))
        return make_link(w) < 0 ? -1 : -2;
    return mknodat(w->to_dir, w->made, w->st.st_mode & (S_IFMT | 0777), w->st.st_rdev) < 0 ? -1 : -2;
}

/* A file that has no name until it is whole. Returns its descriptor, which belongs to w->temp, or -1 with errno. */
static int make_unnamed(struct way *w)
{
    struct err e;

    w->made = NULL;
    if (fs_temp_open_at(&w->temp, w->to_dir, w->to, 0600, &e) == 0)
        return w->temp.fd;
    errno = e.errnum ? e.errnum : ENOMEM;
    return -1;
}

/* The same under its own name, or, where something is to be replaced, under one that nobody else uses, or none. */
static int make(struct way *w, bool overwrite)
{
    static atomic_uint number;
    struct stat there;
    int fd;

    w->made = w->to;
    fd = make_node(w);
    if (fd != -1 || errno != EEXIST || !overwrite)
        return fd;
    if (fstatat(w->to_dir, w->to, &there, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(there.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    if (S_ISREG(w->st.st_mode))
        return make_unnamed(w);
    do {
        snprintf(w->name, sizeof w->name, ".guestd-copy-%x", atomic_fetch_add(&number, 1));
        w->made = w->name;
        fd = make_node(w);
    } while (fd == -1 && errno == EEXIST); /* left behind by an agent that was killed */
    return fd;
}

/* Owner, mode and times of what cannot be opened: a link, a device. */
static int dress(const struct way *w)
{
    struct timespec times[2] = {w->st.st_atim, w->st.st_mtim};

    if (fchownat(w->to_dir, w->made, w->st.st_uid, w->st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != EPERM)
        return -1;
    if (!S_ISLNK(w->st.st_mode) &&
        fchmodat(w->to_dir, w->made, w->st.st_mode & 07777, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    return utimensat(w->to_dir, w->made, times, AT_SYMLINK_NOFOLLOW);
}

/* O_NONBLOCK: what has become a FIFO meanwhile does not hold us up. */
static int open_source(struct way *w)
{
    CLEANUP_FD int fd = openat(w->from_dir, w->from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &w->st) < 0)
        return -1;
    if (!S_ISREG(w->st.st_mode)) {
        errno = ESTALE;
        return -1;
    }
    return fd_take(&fd);
}

/* It is whole: it gets its own name. Returns 0, or -1 with errno. */
static int settle(struct way *w)
{
    struct err e;

    if (w->made)
        return w->made == w->to ? 0 : renameat(w->to_dir, w->made, w->to_dir, w->to);
    if (fs_temp_publish(&w->temp, w->to, &e) == 0)
        return 0;
    errno = e.errnum;
    return -1;
}

/* Leaves nothing of it behind, and errno as it was. */
static void undo(struct way *w)
{
    int errnum = errno;

    if (w->made)
        unlinkat(w->to_dir, w->made, 0);
    else
        fs_temp_discard(&w->temp);
    errno = errnum;
}

/* Returns 0, or -1 with errno and nothing left behind. */
static int copy_one(struct copying *s, struct way *w)
{
    CLEANUP_FD int from = -1, own = -1;
    uint64_t bytes = 0;
    int to, ret;

    if (S_ISREG(w->st.st_mode) && (from = open_source(w)) < 0)
        return -1;
    to = make(w, s->c->overwrite);
    if (to == -1)
        return -1;
    own = w->made ? to : -1;
    (void)own;               /* it closes it */
    if (from < 0 && w->made) /* as all that is no file */
        ret = dress(w);
    else
        ret = fs_copy_content(from, to, &w->st, s->c->stop, &bytes) < 0
                  ? -1
                  : fs_copy_attributes(from, to, &w->st);
    if (ret == 0)
        ret = settle(w);
    if (ret < 0) {
        undo(w);
        return -1;
    }
    s->c->files++;
    s->c->bytes += bytes;
    return 0;
}

/* --- trees ----------------------------------------------------------------------------------- */

/* Goes down into a directory and its copy, which is made where it is missing. Returns 0, or -1 with errno: at the same depth in
 * both, or lost. */
static int descend(struct copying *s, const char *name)
{
    int dir = fs_walk_fd(&s->to);

    if (fs_walk_down(&s->from, name) < 0)
        return errno == ENOENT ? 0 : -1;
    if (mkdirat(dir, name, 0700) < 0 && (errno != EEXIST || !s->c->overwrite))
        return -1;
    s->c->directories++;
    return fs_walk_down(&s->to, name);
}

/* The current directory is complete: now it gets what each entry would have changed. */
static int finish_directory(struct copying *s)
{
    struct stat st;

    if (fstat(fs_walk_fd(&s->from), &st) < 0)
        return -1;
    return fs_copy_attributes(fs_walk_fd(&s->from), fs_walk_fd(&s->to), &st);
}

/* One entry of the current directory. What vanished is left out. */
static int copy_entry(struct copying *s, const char *name)
{
    struct way w = {.from_dir = fs_walk_fd(&s->from), .to_dir = fs_walk_fd(&s->to), .from = name, .to = name};

    if (atomic_load(s->c->stop)) {
        errno = ECANCELED;
        return -1;
    }
    if (fstatat(w.from_dir, name, &w.st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -1;
    return S_ISDIR(w.st.st_mode) ? descend(s, name) : copy_one(s, &w);
}

static int copy_all(struct copying *s, struct err *e)
{
    struct fs_walk_entry entry;

    for (;;) {
        int ret = fs_walk_next(&s->from, &entry);

        if (ret < 0 || (ret == 0 && finish_directory(s) < 0))
            return fail(s, NULL, e);
        if (ret == 0 && s->from.depth == 1)
            return 0;
        if (ret == 0 && (fs_walk_up(&s->from) < 0 || fs_walk_up(&s->to) < 0))
            return fail(s, NULL, e);
        if (ret > 0 && copy_entry(s, entry.name) < 0)
            return fail(s, s->from.depth == s->to.depth ? entry.name : NULL, e);
    }
}

/* Whether the directory `dir` is the one of that stat, or lies in it. -1 with errno. */
static int lies_in(int dir, const struct stat *source)
{
    CLEANUP_FD int at = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat st, above;

    if (at < 0 || fstat(at, &st) < 0)
        return -1;
    for (;;) {
        int up;

        if (st.st_dev == source->st_dev && st.st_ino == source->st_ino)
            return 1;
        up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (up < 0)
            return -1;
        fd_close(&at);
        at = up;
        if (fstat(at, &above) < 0)
            return -1;
        if (above.st_dev == st.st_dev && above.st_ino == st.st_ino) /* the root is its own parent */
            return 0;
        st = above;
    }
}

/* A tree into the directory `parent`, as `name`. */
static int copy_tree(struct copying *s, int parent, const char *name, const struct stat *st, struct err *e)
{
    int from, to, inside = lies_in(parent, st);

    if (inside > 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "copy '%s': '%s' lies in it", s->c->source,
                       s->c->destination);
    from = inside < 0 ? -1 : open(s->c->source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0 || fs_walk_begin(&s->from, from) < 0)
        return fail(s, NULL, e);
    if (mkdirat(parent, name, 0700) < 0 && (errno != EEXIST || !s->c->overwrite))
        return fail(s, NULL, e);
    to = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0 || fs_walk_begin(&s->to, to) < 0)
        return fail(s, NULL, e);
    if (lies_in(fs_walk_fd(&s->to), st) > 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "copy '%s': onto itself", s->c->source);
    s->c->directories++;
    return copy_all(s, e);
}

/* Opens the directory above the path, and finds the name in it; `path` is changed. Returns -1 with errno. */
static int open_parent(char *path, const char **name)
{
    size_t n = strlen(path);
    char *slash;

    while (n > 1 && path[n - 1] == '/')
        path[--n] = 0;
    slash = strrchr(path, '/');
    *name = slash + 1;
    if (slash == path)
        return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *slash = 0;
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int fs_copy(struct fs_copy *c, struct err *e)
{
    struct copying s = {.c = c};
    CLEANUP_FREE char *path = strdup(c->destination);
    CLEANUP_FD int parent = -1;
    struct way w = {.from_dir = AT_FDCWD, .from = c->source};
    int ret;

    c->files = c->directories = c->bytes = 0;
    if (!path)
        return err_nomem(e, "copy a file");
    if (lstat(c->source, &w.st) < 0)
        return fail(&s, NULL, e);
    parent = open_parent(path, &w.to);
    if (parent < 0)
        return err_set(e, fs_status_strict(errno), errno, "copy to '%s'", c->destination);
    w.to_dir = parent;
    if (S_ISDIR(w.st.st_mode) && !c->recursive) {
        errno = EISDIR;
        return fail(&s, NULL, e);
    }
    if (S_ISDIR(w.st.st_mode))
        ret = copy_tree(&s, parent, w.to, &w.st, e);
    else
        ret = copy_one(&s, &w) < 0 ? fail(&s, NULL, e) : 0;
    fs_walk_end(&s.from);
    fs_walk_end(&s.to);
    return ret;
}
