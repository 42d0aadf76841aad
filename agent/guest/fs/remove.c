#include "guest/fs/remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/fd.h"
#include "guest/fs/status.h"
#include "guest/fs/walk.h"
#include "guest/paths.h"

#define TRIES 16 /* when others put something there as fast as it is removed */

struct removal {
    struct fs_walk walk;
    const char *root;
    bool failed;
    struct err *e; /* the first that went wrong */
};

/* Remembers the first failure, with errno. */
static void fail(struct removal *r, const char *name)
{
    int errnum = errno;
    char path[ERR_TEXT_MAX];

    if (r->failed)
        return;
    fs_walk_path(&r->walk, r->root, name, path, sizeof path);
    r->failed = true;
    err_set(r->e, fs_status(errnum), errnum, "error removing file or directory: unlinkat %s", path);
}

/* One entry of the current directory. A directory is gone down into. Whatever it is by now: it is asked for by name. */
static void remove_entry(struct removal *r, const struct fs_walk_entry *entry)
{
    struct fs_walk *w = &r->walk;

    if (entry->type != DT_DIR) {
        if (unlinkat(fs_walk_fd(w), entry->name, 0) == 0)
            fs_walk_level(w)->mark++;
        else if (errno != ENOENT && errno != EISDIR) /* the next pass sees the directory that it became */
            fail(r, entry->name);
        return;
    }
    if (fs_walk_down(w, entry->name) < 0) {
        if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
            fail(r, entry->name);
        return;
    }
    fs_walk_level(w)->mark = 0;
}

/* The current directory has been read to its end. What was removed may have hidden other entries from the reading: only a
 * reading that removed nothing is the last. Returns 1: there may be more to do; 0: all is done; -1: the walk has lost its way. */
static int finish_level(struct removal *r)
{
    struct fs_walk *w = &r->walk;
    CLEANUP_FREE char *name = NULL;

    if (fs_walk_level(w)->mark > 0) {
        fs_walk_level(w)->mark = 0;
        fs_walk_rewind(w);
        return 1;
    }
    if (w->depth == 1)
        return 0;
    name = strdup(fs_walk_level(w)->name);
    if (!name || fs_walk_up(w) < 0) {
        fail(r, NULL);
        return -1;
    }
    if (unlinkat(fs_walk_fd(w), name, AT_REMOVEDIR) == 0)
        fs_walk_level(w)->mark++;
    else if (errno != ENOENT)
        fail(r, name);
    return 1;
}

static int empty(struct removal *r, const atomic_bool *stop)
{
    struct fs_walk_entry entry;
    int ret = 1;

    while (ret > 0) {
        if (atomic_load(stop)) {
            err_set(r->e, STATUS_CANCELED, 0, "removing '%s' was stopped", r->root);
            return -1;
        }
        ret = fs_walk_next(&r->walk, &entry);
        if (ret > 0) {
            remove_entry(r, &entry);
        } else if (ret < 0 && r->walk.depth == 1) {
            fail(r, NULL);
        } else {
            if (ret < 0)
                fail(r, NULL);
            ret = finish_level(r);
        }
    }
    return r->failed ? -1 : 0;
}

/* Returns 0, 1: it is something else by now, or has new entries; or -1 with *e. */
static int remove_tree(const char *path, const atomic_bool *stop, struct err *e)
{
    struct removal r = {.root = path, .e = e};
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), ret = 0;

    if (fd >= 0 && fs_walk_begin(&r.walk, fd) == 0) {
        ret = empty(&r, stop);
        fs_walk_end(&r.walk);
        if (ret < 0 || rmdir(path) == 0)
            return ret;
    }
    err_set(e, fs_status(errno), errno, "error removing file or directory: unlinkat %s", path);
    return e->errnum == ENOENT || e->errnum == ENOTDIR || e->errnum == ELOOP || e->errnum == ENOTEMPTY ? 1
                                                                                                       : -1;
}

/* The path without slashes at its end, on the heap: they would follow a link. */
static char *trim(const char *path)
{
    size_t n = strlen(path);

    while (n > 1 && path[n - 1] == '/')
        n--;
    return strndup(path, n);
}

int fs_remove(const char *path, const atomic_bool *stop, struct err *e)
{
    CLEANUP_FREE char *trimmed = trim(path), *clean = strdup(path);
    size_t n = strlen(path);

    if (!trimmed || !clean)
        return err_nomem(e, "remove a file");
    path_clean(clean);
    if (n > 0 && path[n - 1] == '.' && (n == 1 || path[n - 2] == '/'))
        return err_set(e, STATUS_INTERNAL, EINVAL, "error removing file or directory: RemoveAll %s", path);
    if (strcmp(clean, "/") == 0)
        return err_set(e, STATUS_INTERNAL, EBUSY, "error removing file or directory: RemoveAll %s", path);
    for (int tries = 0; tries < TRIES; tries++) {
        int ret;

        if (unlink(trimmed) == 0 || errno == ENOENT)
            return 0;
        if (errno != EISDIR)
            return err_set(e, fs_status(errno), errno, "error removing file or directory: unlinkat %s", path);
        ret = remove_tree(trimmed, stop, e);
        if (ret <= 0)
            return ret;
    }
    return -1;
}

int fs_remove_one(const char *path, struct err *e)
{
    if (unlink(path) == 0)
        return 0;
    if (errno == EISDIR && rmdir(path) == 0)
        return 0;
    return err_set(e, fs_status_strict(errno), errno, "remove '%s'", path);
}
