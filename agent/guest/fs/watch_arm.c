#include "guest/fs/watch_arm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "core/fd.h"
#include "core/limits.h"
#include "guest/fs/status.h"

/* The mask of envd's watcher (fsnotify). All watchers share a directory's watch, so all have the same. */
#define MASK                                                                                                 \
    (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE |            \
     IN_DELETE_SELF | IN_ONLYDIR)

/* linux/magic.h, and SMB's, which is in fs/smb of the kernel only. */
bool watch_arm_network(uint32_t type)
{
    static const uint32_t types[] = {0x6969, 0xFF534D42, 0x517B, 0xFE534D42, 0x65735546};

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (types[i] == type)
            return true;
    return false;
}

/* --- what is found --------------------------------------------------------------------------- */

/* The list with room for `want` elements, perhaps elsewhere; NULL when out of memory: it is as it was. */
static void *room(void *list, size_t *cap, size_t want, size_t size)
{
    size_t larger = MAX(*cap, (size_t)16);
    void *moved;

    if (*cap >= want)
        return list;
    while (larger < want)
        larger *= 2;
    moved = realloc(list, larger * size);
    if (moved)
        *cap = larger;
    return moved;
}

/* Makes room for one more, whose name has that size. */
static int grow(struct watch_arm *a, size_t size)
{
    struct watch_found *found = room(a->found, &a->cap, a->count + 1, sizeof *a->found);
    char *names;

    if (!found)
        return err_nomem(&a->error, "watch a directory");
    a->found = found;
    names = room(a->names, &a->names_cap, a->names_len + size, 1);
    if (!names)
        return err_nomem(&a->error, "watch a directory");
    a->names = names;
    return 0;
}

static int add(struct watch_arm *a, size_t parent, const char *name, int wd)
{
    size_t size = strlen(name) + 1;

    if (wd == WATCH_NO_DIR ? a->file_count >= WATCH_EVENTS_MAX : a->count - a->file_count >= a->max) {
        a->partial = true;
        return 0;
    }
    if (grow(a, size) < 0)
        return -1;
    memcpy(a->names + a->names_len, name, size);
    a->found[a->count++] = (struct watch_found){(uint32_t)parent, (uint32_t)a->names_len, wd};
    a->names_len += size;
    a->file_count += wd == WATCH_NO_DIR;
    return 0;
}

/* Writes the path of a found directory. Returns 0, or -1 when it is longer than a path can be. */
static int path_of(const struct watch_arm *a, const char *root, size_t index, char out[PATH_MAX])
{
    size_t root_len = strlen(root), length = root_len, at;

    for (size_t i = index; i > 0; i = a->found[i].parent)
        length += strlen(a->names + a->found[i].name) + 1;
    if (length >= PATH_MAX)
        return -1;
    out[at = length] = 0;
    for (size_t i = index; i > 0; i = a->found[i].parent) {
        const char *name = a->names + a->found[i].name;
        size_t part = strlen(name);

        at -= part;
        memcpy(out + at, name, part);
        out[--at] = '/';
    }
    memcpy(out, root, root_len);
    return 0;
}

/* --- the walk -------------------------------------------------------------------------------- */

/* Watches one. Returns its number, WATCH_NOT_ARMED, or -1 with a->error when there can be no more watches. */
static int watch(struct watch_arm *a, const char *path, bool follow)
{
    int wd = inotify_add_watch(a->inotify_fd, path, MASK | (follow ? 0 : IN_DONT_FOLLOW));

    if (wd >= 0)
        return wd;
    if (errno == ENOSPC)
        return err_set(
            &a->error, STATUS_RESOURCE_EXHAUSTED, 0,
            "cannot watch %s: the limit of inotify watches is reached (sysctl fs.inotify.max_user_watches)",
            path);
    if (errno == ENOMEM)
        return err_nomem(&a->error, "watch a directory");
    return WATCH_NOT_ARMED;
}

static bool is_dir(DIR *d, const struct dirent *e)
{
    struct stat st;

    if (e->d_type != DT_UNKNOWN)
        return e->d_type == DT_DIR;
    return fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* A directory cannot be read. Most likely it is gone, or may not be read: it is left out. But what is only short of descriptors
 * or memory would be missed for good, and is told. */
static int unreadable(struct watch_arm *a, const char *path)
{
    if (fs_status(errno) != STATUS_RESOURCE_EXHAUSTED)
        return 0;
    return err_set(&a->error, STATUS_RESOURCE_EXHAUSTED, errno, "cannot watch %s", path);
}

/* Adds what is in a directory. */
static int read_dir(struct watch_arm *a, DIR *d, const char *path, size_t index)
{
    struct dirent *e;

    while (errno = 0, (e = readdir(d))) {
        bool dir = is_dir(d, e);

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || (!dir && !a->files))
            continue;
        if (add(a, index, e->d_name, dir ? WATCH_NOT_ARMED : WATCH_NO_DIR) < 0)
            return -1;
    }
    return unreadable(a, path);
}

/* Watches a found directory and adds what is in it. */
static int walk_one(struct watch_arm *a, const char *root, size_t index)
{
    bool follow = a->follow && index == 0;
    char path[PATH_MAX];
    struct statfs fs;
    DIR *d;
    int fd, wd, ret;

    if (path_of(a, root, index, path) < 0)
        return 0;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
    if (fd < 0)
        return unreadable(a, path);
    if (!a->network && fstatfs(fd, &fs) == 0 && watch_arm_network((uint32_t)fs.f_type)) {
        close(fd);
        return 0;
    }
    d = fdopendir(fd);
    if (!d) {
        ret = unreadable(a, path);
        close(fd);
        return ret;
    }
    wd = watch(a, path, follow);
    ret = wd == -1 ? -1 : 0;
    if (wd >= 0) {
        a->found[index].wd = wd;
        ret = read_dir(a, d, path, index);
    }
    closedir(d);
    return ret;
}

/* Breadth first: the list of what is found is the list of what is to be looked at. */
static int walk(struct watch_arm *a, const char *root)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->found[i].wd == WATCH_NOT_ARMED && walk_one(a, root, i) < 0)
            return -1;
    return 0;
}

/* --- the watcher's own directory ------------------------------------------------------------- */

static int check_root(struct watch_arm *a)
{
    struct statfs fs;
    struct stat st;

    if (stat(a->root, &st) < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? err_set(&a->error, STATUS_NOT_FOUND, errno, "path %s not found: stat %s", a->root,
                             a->root)
                   : err_set(&a->error, errno == EACCES ? STATUS_PERMISSION_DENIED : STATUS_INTERNAL, errno,
                             "error statting path %s: stat %s", a->root, a->root);
    if (!S_ISDIR(st.st_mode))
        return err_set(&a->error, STATUS_INVALID_ARGUMENT, 0, "path %s not a directory", a->root);
    if (statfs(a->root, &fs) < 0)
        return err_set(&a->error, STATUS_INTERNAL, errno, "error checking mount status: statfs %s", a->root);
    if (!a->network && watch_arm_network((uint32_t)fs.f_type))
        return err_set(&a->error, STATUS_INVALID_ARGUMENT, 0, "cannot watch path on network filesystem: %s",
                       a->root);
    return 0;
}

/* Watches the root itself, so that a failure has its reason; a recursive walk watches it once more, which changes nothing. */
static int arm_root(struct watch_arm *a)
{
    int wd;

    if (check_root(a) < 0)
        return -1;
    wd = watch(a, a->root, true);
    if (wd == WATCH_NOT_ARMED)
        err_set(&a->error, errno == EACCES ? STATUS_PERMISSION_DENIED : STATUS_INTERNAL, errno,
                "error adding path %s to watcher", a->root);
    if (wd < 0)
        return -1;
    if (a->recursive && walk(a, a->root) < 0)
        return -1;
    a->found[0].wd = wd;
    return 0;
}

static int arm_first(struct watch_arm *a, const struct user *u)
{
    int ret;

    a->root = fs_caller_path(&a->caller, u, a->path, &a->error);
    if (!a->root || fs_caller_enter(&a->caller, u, &a->error) < 0)
        return -1;
    ret = arm_root(a);
    fs_caller_leave(&a->caller);
    return ret;
}

static int arm_below(struct watch_arm *a, const struct user *u)
{
    int ret;

    if (fs_caller_enter(&a->caller, u, &a->error) < 0)
        return -1;
    ret = walk(a, a->path);
    fs_caller_leave(&a->caller);
    return ret;
}

void watch_arm_run(struct watch_arm *a)
{
    CLEANUP_FREE struct user *u = fs_caller_user(&a->caller, &a->error);

    a->result = -1;
    if (u && add(a, 0, "", WATCH_NOT_ARMED) == 0)
        a->result = a->first ? arm_first(a, u) : arm_below(a, u);
}

void watch_arm_clear(struct watch_arm *a)
{
    fs_caller_clear(&a->caller);
    free(a->path);
    free(a->root);
    free(a->found);
    free(a->names);
}
