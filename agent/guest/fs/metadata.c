#include "guest/fs/metadata.h"

#include <errno.h>
#include <linux/limits.h>
#include <sys/xattr.h>

#include "core/utf8.h"

#define PREFIX_LEN (sizeof FS_METADATA_PREFIX - 1)

/* A path or a descriptor. */
struct file {
    const char *path; /* NULL: fd */
    int fd;
};

static ssize_t list_names(const struct file *f, char *out, size_t size)
{
    return f->path ? llistxattr(f->path, out, size) : flistxattr(f->fd, out, size);
}

static ssize_t get_value(const struct file *f, const char *name, char *out, size_t size)
{
    return f->path ? lgetxattr(f->path, name, out, size) : fgetxattr(f->fd, name, out, size);
}

/* Adds one attribute that was found, if it is text. */
static int add(const struct file *f, const char *name, struct arena *a, struct fs_metadata *out)
{
    CLEANUP_FREE char *value = NULL;
    ssize_t n = get_value(f, name, NULL, 0);
    struct fs_meta *m;

    if (n < 0 || !utf8_valid(bytes_of(name)))
        return 0;
    value = malloc((size_t)n + 1);
    if (!value)
        return -1;
    n = get_value(f, name, value, (size_t)n);
    if (n < 0 || memchr(value, 0, (size_t)n) || !utf8_valid((struct bytes){value, (size_t)n}))
        return 0;
    m = &out->list[out->count];
    m->name = arena_string(a, bytes_of(name + PREFIX_LEN));
    m->value = arena_string(a, (struct bytes){value, (size_t)n});
    if (!m->name || !m->value)
        return -1;
    out->count++;
    return 0;
}

static bool ours(const char *name)
{
    return strncmp(name, FS_METADATA_PREFIX, PREFIX_LEN) == 0 && name[PREFIX_LEN];
}

static int read_all(const struct file *f, struct arena *a, struct fs_metadata *out)
{
    char few[1024], *names = few;
    CLEANUP_FREE char *many = NULL;
    ssize_t n = list_names(f, few, sizeof few);
    size_t count = 0;

    *out = (struct fs_metadata){.count = 0};
    if (n < 0 && errno == ERANGE) {
        names = many = malloc(XATTR_LIST_MAX);
        if (!many)
            return -1;
        n = list_names(f, many, XATTR_LIST_MAX);
    }
    for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1)
        count += ours(names + i);
    if (count == 0)
        return 0;
    out->list = arena_array(a, count, sizeof *out->list);
    if (!out->list)
        return -1;
    for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1)
        if (ours(names + i) && add(f, names + i, a, out) < 0)
            return -1;
    return 0;
}

int fs_metadata_read(const char *path, struct arena *a, struct fs_metadata *out)
{
    return read_all(&(struct file){.path = path}, a, out);
}

int fs_metadata_read_fd(int fd, struct arena *a, struct fs_metadata *out)
{
    return read_all(&(struct file){.fd = fd}, a, out);
}

static const struct fs_meta *find(const struct fs_metadata *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->list[i].name, name) == 0)
            return &list->list[i];
    return NULL;
}

/* Sets one, or with a NULL value removes it. Returns 0 too where the file system has none. */
static int change(int fd, const char *name, const char *value, struct err *e)
{
    char attribute[XATTR_NAME_MAX + 1];

    if (strlen(name) > XATTR_NAME_MAX - PREFIX_LEN)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "metadata name '%s' is too long", name);
    memcpy(attribute, FS_METADATA_PREFIX, PREFIX_LEN);
    memcpy(attribute + PREFIX_LEN, name, strlen(name) + 1);
    if ((value ? fsetxattr(fd, attribute, value, strlen(value), 0) : fremovexattr(fd, attribute)) == 0 ||
        errno == EOPNOTSUPP || errno == ENODATA)
        return 0;
    return err_set(e, errno == ENOSPC || errno == EDQUOT ? STATUS_RESOURCE_EXHAUSTED : STATUS_INTERNAL, errno,
                   "metadata '%s'", name);
}

int fs_metadata_replace(int fd, const struct fs_metadata *wanted, struct err *e)
{
    struct arena arena = {.max = 2 * XATTR_LIST_MAX + XATTR_SIZE_MAX};
    struct fs_metadata there;
    int ret = fs_metadata_read_fd(fd, &arena, &there) < 0 ? err_nomem(e, "read metadata") : 0;

    for (size_t i = 0; ret == 0 && i < there.count; i++)
        if (!find(wanted, there.list[i].name))
            ret = change(fd, there.list[i].name, NULL, e);
    for (size_t i = 0; ret == 0 && i < wanted->count; i++) {
        const struct fs_meta *old = find(&there, wanted->list[i].name);

        if (!old || strcmp(old->value, wanted->list[i].value) != 0)
            ret = change(fd, wanted->list[i].name, wanted->list[i].value, e);
    }
    arena_clear(&arena);
    return ret;
}
