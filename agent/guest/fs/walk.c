#include "guest/fs/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/fd.h"
#include "core/limits.h"

#define OPEN_LEVELS 16         /* so many of the lowest are open, each with a buffer */
#define BUFFER      (16 * KIB) /* of entries */
#define FLAGS       (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

struct fs_walk_level *fs_walk_level(const struct fs_walk *w)
{
    return &w->levels[w->depth - 1];
}

int fs_walk_fd(const struct fs_walk *w)
{
    return fs_walk_level(w)->fd;
}

/* Gives up what can be had again. */
static void shed(struct fs_walk_level *l)
{
    fd_close(&l->fd);
    free(TAKE(l->buffer));
    l->at = l->len = 0;
}

static int make_room(struct fs_walk *w)
{
    size_t room = w->room ? 2 * w->room : 16;
    struct fs_walk_level *levels;

    if (w->depth < w->room)
        return 0;
    levels = realloc(w->levels, room * sizeof *levels);
    if (!levels)
        return -1;
    w->levels = levels;
    w->room = room;
    return 0;
}

/* Takes over fd when it returns 0. */
static int push(struct fs_walk *w, int fd, const char *name)
{
    size_t bytes = strlen(name) + 1;
    struct stat st;
    char *copy;

    if (fstat(fd, &st) < 0)
        return -1;
    if (w->names + bytes + (w->depth + 1) * sizeof *w->levels > WALK_MAX) {
        errno = ENOMEM;
        return -1;
    }
    copy = strdup(name);
    if (!copy || make_room(w) < 0) {
        free(copy);
        return -1;
    }
    w->names += bytes;
    w->levels[w->depth++] =
        (struct fs_walk_level){.fd = fd, .dev = st.st_dev, .ino = st.st_ino, .name = copy};
    if (w->depth > OPEN_LEVELS)
        shed(&w->levels[w->depth - 1 - OPEN_LEVELS]);
    return 0;
}

static void pop(struct fs_walk *w)
{
    struct fs_walk_level *l = fs_walk_level(w);

    shed(l);
    w->names -= strlen(l->name) + 1;
    free(l->name);
    w->depth--;
}

int fs_walk_begin(struct fs_walk *w, int fd)
{
    *w = (struct fs_walk){0};
    if (push(w, fd, "") == 0)
        return 0;
    fd_close(&fd);
    return -1;
}

void fs_walk_end(struct fs_walk *w)
{
    while (w->depth > 0)
        pop(w);
    free(TAKE(w->levels));
    w->room = 0;
}

static int fill(struct fs_walk_level *l)
{
    ssize_t n;

    if (!l->buffer && !(l->buffer = malloc(BUFFER)))
        return -1;
    n = getdents64(l->fd, l->buffer, BUFFER);
    l->at = 0;
    l->len = n > 0 ? (size_t)n : 0;
    if (n < 0 && errno == ENOENT) /* it was removed: it is empty */
        return 0;
    return n < 0 ? -1 : n > 0;
}

static bool is_self(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Some file systems do not tell the type. Returns false when the entry has gone. */
static bool find_type(int dir, struct fs_walk_entry *entry)
{
    struct stat st;

    if (entry->type == DT_UNKNOWN && fstatat(dir, entry->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        entry->type = IFTODT(st.st_mode);
    return entry->type != DT_UNKNOWN;
}

int fs_walk_next(struct fs_walk *w, struct fs_walk_entry *entry)
{
    struct fs_walk_level *l = fs_walk_level(w);

    for (;;) {
        const struct dirent64 *d;

        if (l->at == l->len) {
            int ret = fill(l);

            if (ret <= 0)
                return ret;
        }
        d = (const struct dirent64 *)(const void *)(l->buffer + l->at);
        l->at += d->d_reclen;
        l->place = d->d_off;
        *entry = (struct fs_walk_entry){.name = d->d_name, .type = d->d_type};
        if (!is_self(d->d_name) && find_type(l->fd, entry))
            return 1;
    }
}

void fs_walk_rewind(struct fs_walk *w)
{
    struct fs_walk_level *l = fs_walk_level(w);

    l->at = l->len = 0;
    l->place = 0;
    lseek(l->fd, 0, SEEK_SET);
}

int fs_walk_down(struct fs_walk *w, const char *name)
{
    CLEANUP_FD int fd = openat(fs_walk_fd(w), name, FLAGS | O_NOFOLLOW);

    if (fd < 0 || push(w, fd, name) < 0)
        return -1;
    fd_take(&fd);
    return 0;
}

/* Opens the level above the current one again. */
static int find_parent(const struct fs_walk *w)
{
    struct fs_walk_level *parent = &w->levels[w->depth - 2];
    CLEANUP_FD int fd = openat(fs_walk_fd(w), "..", FLAGS | O_NOFOLLOW);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -1;
    if (st.st_dev != parent->dev || st.st_ino != parent->ino) {
        errno = ESTALE;
        return -1;
    }
    if (lseek(fd, parent->place, SEEK_SET) < 0)
        return -1;
    parent->fd = fd_take(&fd);
    return 0;
}

int fs_walk_up(struct fs_walk *w)
{
    if (w->levels[w->depth - 2].fd < 0 && find_parent(w) < 0)
        return -1;
    pop(w);
    return 0;
}

void fs_walk_path(const struct fs_walk *w, const char *root, const char *name, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "%s", root);

    for (size_t i = 1; i < w->depth && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "/%s", w->levels[i].name);
    if (name && n < size)
        snprintf(out + n, size - n, "/%s", name);
}
