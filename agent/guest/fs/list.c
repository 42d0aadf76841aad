#include "guest/fs/list.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/limits.h"
#include "guest/fs/status.h"
#include "guest/fs/walk.h"
#include "guest/paths.h"

/* The names of one directory, sorted, and how far they have been told. */
struct names {
    char *text; /* NUL-terminated, one behind the other */
    size_t len, size;
    const char **list;
    size_t count, next;
    size_t path; /* length of the directory's own path */
};

struct listing {
    const struct fs_list *l;
    struct fs_walk walk;
    struct names *levels; /* as the walk's */
    size_t depth, room;
    size_t entries; /* told or waiting */
    bool entered;   /* one of its directories was made the thread's working one */
    char *path;     /* of the current directory, without a slash at its end; its parents' are its beginning */
    size_t path_room;
};

/* --- names ----------------------------------------------------------------------------------- */

static void names_clear(struct names *n)
{
    free(TAKE(n->text));
    free(TAKE(n->list));
}

static int names_add(struct names *n, const char *name)
{
    size_t len = strlen(name) + 1;

    if (n->len + len > n->size) {
        size_t size = n->size ? 2 * n->size : 1024;
        char *text = realloc(n->text, size);

        if (!text)
            return -1;
        n->text = text;
        n->size = size;
    }
    memcpy(n->text + n->len, name, len);
    n->len += len;
    n->count++;
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int names_sort(struct names *n)
{
    const char *at = n->text;

    if (n->count == 0)
        return 0;
    n->list = malloc(n->count * sizeof *n->list);
    if (!n->list)
        return -1;
    for (size_t i = 0; i < n->count; i++) {
        n->list[i] = at;
        at += strlen(at) + 1;
    }
    qsort(n->list, n->count, sizeof *n->list, by_bytes);
    return 0;
}

/* --- the working directory ------------------------------------------------------------------- */

/* Makes the walk's directory the working one, which spares the kernel the way to it for each entry. A thread shares its own with
 * all others until it asks for one of its own; where it may not have one the paths are walked. */
static void enter(struct listing *s)
{
    static _Thread_local bool own;

    own = own || unshare(CLONE_FS) == 0;
    s->l->reader->here = own && fchdir(fs_walk_fd(&s->walk)) == 0;
    s->entered = s->entered || s->l->reader->here;
}

/* Not to stay on a file system that somebody wants to unmount. */
static void leave(const struct listing *s)
{
    s->l->reader->here = false;
    if (s->entered)
        (void)!chdir("/");
}

/* --- directories ----------------------------------------------------------------------------- */

static int too_many(const struct listing *s, struct err *e)
{
    return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0,
                   "more than %u entries (LIST_ENTRIES_MAX) in '%s': guest.v1.Files/List has pages",
                   (unsigned)LIST_ENTRIES_MAX, s->l->path);
}

/* All names of the walk's current directory, which becomes the lowest level. One below that cannot be read to its end has the
 * names that could be. */
static int read_level(struct listing *s, size_t path_len, struct err *e)
{
    struct fs_walk_entry entry;
    struct names *n;
    int ret;

    if (s->depth == s->room) {
        size_t room = s->room ? 2 * s->room : 8;
        struct names *levels = realloc(s->levels, room * sizeof *levels);

        if (!levels)
            return err_nomem(e, "list a directory");
        s->levels = levels;
        s->room = room;
    }
    n = &s->levels[s->depth++];
    *n = (struct names){.path = path_len};
    enter(s);
    while ((ret = fs_walk_next(&s->walk, &entry)) > 0) {
        if (++s->entries > LIST_ENTRIES_MAX)
            return too_many(s, e);
        if (names_add(n, entry.name) < 0)
            return err_nomem(e, "list a directory");
    }
    if (ret < 0 && (s->walk.depth == 1 || fs_status(errno) == STATUS_RESOURCE_EXHAUSTED))
        return err_set(e, fs_status(errno), errno, "error reading directory %s", s->l->path);
    return names_sort(n) < 0 ? err_nomem(e, "list a directory") : 0;
}

/* Goes down into the entry just told. */
static int descend(struct listing *s, const char *name, struct err *e)
{
    size_t len = s->levels[s->depth - 1].path, wanted = len + strlen(name) + 2;

    if (fs_walk_down(&s->walk, name) < 0)
        return fs_status(errno) == STATUS_RESOURCE_EXHAUSTED
                   ? err_set(e, STATUS_RESOURCE_EXHAUSTED, errno, "error reading directory %s", s->l->path)
                   : 0; /* it vanished, or may not be read */
    if (wanted > s->path_room) {
        char *path = realloc(s->path, 2 * wanted);

        if (!path)
            return err_nomem(e, "list a directory");
        s->path = path;
        s->path_room = 2 * wanted;
    }
    s->path[len] = '/';
    memcpy(s->path + len + 1, name, strlen(name) + 1);
    return read_level(s, wanted - 1, e);
}

/* Tells one entry of the current directory, and goes down where that is wanted. */
static int tell(struct listing *s, const char *name, struct err *e)
{
    const struct names *n = &s->levels[s->depth - 1];
    struct arena *a = s->l->reader->arena;
    char *path = arena_alloc(a, n->path + strlen(name) + 2);
    struct fs_entry entry;

    if (!path)
        return err_nomem(e, "list a directory");
    memcpy(path, s->path, n->path);
    path[n->path] = '/';
    memcpy(path + n->path + 1, name, strlen(name) + 1);
    if (fs_entry_read_at(s->l->reader, fs_walk_fd(&s->walk), name, path + n->path + 1, path, &entry, e) < 0)
        return e->status == STATUS_NOT_FOUND || (e->status != STATUS_RESOURCE_EXHAUSTED && s->walk.depth > 1)
                   ? 0
                   : -1;
    if (s->l->found(s->l->arg, &entry, e) < 0)
        return -1;
    if (S_ISDIR(entry.st.st_mode) && s->walk.depth < MAX(s->l->depth, 1))
        return descend(s, name, e);
    return 0;
}

/* The current directory has been told. Returns 1, 0 at the end of all. */
static int ascend(struct listing *s)
{
    names_clear(&s->levels[--s->depth]);
    /* One that was moved away has lost what is above it, as any directory that vanishes its content. */
    if (s->depth == 0 || fs_walk_up(&s->walk) < 0)
        return 0;
    enter(s);
    return 1;
}

static int tell_all(struct listing *s, struct err *e)
{
    int more = 1;

    if (read_level(s, strlen(s->path), e) < 0)
        return -1;
    while (more) {
        struct names *n = &s->levels[s->depth - 1];

        if (atomic_load(s->l->stop))
            return err_set(e, STATUS_CANCELED, 0, "listing '%s' was stopped", s->l->path);
        if (n->next == n->count)
            more = ascend(s);
        else if (tell(s, n->list[n->next++], e) < 0)
            return -1;
    }
    return 0;
}

int fs_list_open(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), errnum = errno;
    struct stat st;

    if (fd >= 0)
        return fd;
    if (errnum == ENOENT)
        return err_set(e, STATUS_NOT_FOUND, ENOENT, "path not found: lstat %s", path);
    if (errnum == ELOOP)
        return err_set(e, STATUS_FAILED_PRECONDITION, 0, "cyclic symlink or chain >255 links at %s", path);
    if (errnum == ENOTDIR && stat(path, &st) == 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "path is not a directory: %s", path);
    return err_set(e, fs_status(errnum), errnum, "error reading directory %s", path);
}

/* The root's own path without a slash at its end: "" of "/". */
static int set_path(struct listing *s, struct err *e)
{
    s->path_room = strlen(s->l->path) + 2;
    s->path = malloc(s->path_room);
    if (!s->path)
        return err_nomem(e, "list a directory");
    memcpy(s->path, s->l->path, strlen(s->l->path) + 1);
    path_clean(s->path);
    if (strcmp(s->path, "/") == 0)
        s->path[0] = 0;
    return 0;
}

int fs_list(const struct fs_list *l, struct err *e)
{
    struct listing s = {.l = l};
    int fd = fs_list_open(l->path, e), ret;

    if (fd < 0)
        return -1;
    if (fs_walk_begin(&s.walk, fd) < 0)
        return err_set(e, fs_status(errno), errno, "error reading directory %s", l->path);
    ret = set_path(&s, e) < 0 ? -1 : tell_all(&s, e);
    while (s.depth > 0)
        names_clear(&s.levels[--s.depth]);
    leave(&s);
    fs_walk_end(&s.walk);
    free(s.levels);
    free(s.path);
    return ret;
}
