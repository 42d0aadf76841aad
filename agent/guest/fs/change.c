#include "guest/fs/change.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fd.h"
#include "guest/fs/status.h"
#include "guest/fs/walk.h"

int fs_make_dir(const char *path, mode_t mode, uid_t uid, gid_t gid, struct err *e)
{
    if (mkdir(path, mode) < 0)
        return err_set(e, fs_status_strict(errno), errno, "make directory '%s'", path);
    if (lchown(path, uid, gid) < 0 && errno != EPERM) /* without the right to, it is ours */
        return err_set(e, fs_status_strict(errno), errno, "chown '%s'", path);
    if (chmod(path, mode) < 0) /* mkdir obeys the umask */
        return err_set(e, fs_status_strict(errno), errno, "chmod '%s'", path);
    return 0;
}

int fs_symlink(const char *target, const char *path, uid_t uid, gid_t gid, struct err *e)
{
    if (symlink(target, path) < 0)
        return err_set(e, fs_status_strict(errno), errno, "make link '%s'", path);
    if (lchown(path, uid, gid) < 0 && errno != EPERM)
        return err_set(e, fs_status_strict(errno), errno, "chown '%s'", path);
    return 0;
}

/* --- trees ----------------------------------------------------------------------------------- */

struct change {
    const struct fs_change *what;
    const char *verb; /* "chmod" */
    mode_t mode;
    uid_t uid;
    gid_t gid;
    /* Changes the entry `name` of `dir`. Returns 0, or -1 with errno. */
    int (*one)(const struct change *c, int dir, const struct fs_walk_entry *entry);
    struct fs_walk walk;
};

static int chmod_one(const struct change *c, int dir, const struct fs_walk_entry *entry)
{
    if (entry->type == DT_LNK)
        return 0;
    /* EOPNOTSUPP: it has become a link. */
    return fchmodat(dir, entry->name, c->mode, AT_SYMLINK_NOFOLLOW) < 0 && errno != EOPNOTSUPP ? -1 : 0;
}

static int chown_one(const struct change *c, int dir, const struct fs_walk_entry *entry)
{
    return fchownat(dir, entry->name, c->uid, c->gid, AT_SYMLINK_NOFOLLOW);
}

static int fail(const struct change *c, const char *name, struct err *e)
{
    int errnum = errno;
    char path[ERR_TEXT_MAX];

    fs_walk_path(&c->walk, c->what->path, name, path, sizeof path);
    return err_set(e, fs_status_strict(errnum), errnum, "%s '%s'", c->verb, path);
}

/* An entry, and the way down into it. What vanishes needs no change. */
static int visit(struct change *c, const struct fs_walk_entry *entry, struct err *e)
{
    bool down = entry->type == DT_DIR;

    if (c->one(c, fs_walk_fd(&c->walk), entry) < 0)
        return errno == ENOENT ? 0 : fail(c, entry->name, e);
    if (down && fs_walk_down(&c->walk, entry->name) < 0 && errno != ENOENT && errno != ENOTDIR &&
        errno != ELOOP)
        return fail(c, entry->name, e);
    return 0;
}

static int visit_all(struct change *c, struct err *e)
{
    struct fs_walk_entry entry;

    for (;;) {
        int ret = fs_walk_next(&c->walk, &entry);

        if (atomic_load(c->what->stop))
            return err_set(e, STATUS_CANCELED, 0, "%s of '%s' was stopped", c->verb, c->what->path);
        if (ret < 0)
            return fail(c, NULL, e);
        if (ret == 0 && c->walk.depth == 1)
            return 0;
        if (ret == 0 && fs_walk_up(&c->walk) < 0)
            return fail(c, NULL, e);
        if (ret > 0 && visit(c, &entry, e) < 0)
            return -1;
    }
}

/* The root has been changed; all below it. What is no directory has nothing below. */
static int change_below(struct change *c, int flags, struct err *e)
{
    int fd = open(c->what->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags), ret;

    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return 0;
    if (fd < 0 || fs_walk_begin(&c->walk, fd) < 0)
        return fail(c, NULL, e);
    ret = visit_all(c, e);
    fs_walk_end(&c->walk);
    return ret;
}

int fs_chmod(const struct fs_change *what, mode_t mode, struct err *e)
{
    struct change c = {.what = what, .verb = "chmod", .mode = mode, .one = chmod_one};

    if (chmod(what->path, mode) < 0)
        return fail(&c, NULL, e);
    return what->recursive ? change_below(&c, 0, e) : 0;
}

int fs_chown(const struct fs_change *what, uid_t uid, gid_t gid, struct err *e)
{
    struct change c = {.what = what, .verb = "chown", .uid = uid, .gid = gid, .one = chown_one};

    if (lchown(what->path, uid, gid) < 0)
        return fail(&c, NULL, e);
    return what->recursive ? change_below(&c, O_NOFOLLOW, e) : 0;
}
