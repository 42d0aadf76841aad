#include "guest/fs/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/fd.h"
#include "guest/cached.h"
#include "guest/fs/bare.h"
#include "guest/fs/status.h"
#include "guest/paths.h"

/* --- permissions ----------------------------------------------------------------------------- */

/* Letters of Go's FileMode in its order (dalTLDpSugct?), as far as a Unix file has them. */
static char *put_kind(char *p, mode_t mode)
{
    if (S_ISDIR(mode))
        *p++ = 'd';
    if (S_ISLNK(mode))
        *p++ = 'L';
    if (S_ISBLK(mode) || S_ISCHR(mode))
        *p++ = 'D';
    if (S_ISFIFO(mode))
        *p++ = 'p';
    if (S_ISSOCK(mode))
        *p++ = 'S';
    if (mode & S_ISUID)
        *p++ = 'u';
    if (mode & S_ISGID)
        *p++ = 'g';
    if (S_ISCHR(mode))
        *p++ = 'c';
    if (mode & S_ISVTX)
        *p++ = 't';
    return p;
}

void fs_permissions(mode_t mode, char out[FS_PERMISSIONS_MAX])
{
    static const char bits[] = "rwxrwxrwx";
    char *p = put_kind(out, mode);

    if (p == out)
        *p++ = '-';
    for (int i = 0; i < 9; i++)
        *p++ = (char)(mode & (0400u >> i) ? bits[i] : '-');
    *p = 0;
}

/* --- links ----------------------------------------------------------------------------------- */

/* The path of what is open. NULL: it has none (a pipe, a removed file), or memory is short. */
static const char *path_of(int fd, struct arena *a)
{
    char at[32], path[PATH_MAX];
    ssize_t n;

    snprintf(at, sizeof at, "/proc/self/fd/%d", fd);
    n = readlink(at, path, sizeof path);
    if (n <= 0 || (size_t)n == sizeof path || path[0] != '/')
        return NULL;
    return arena_string(a, (struct bytes){path, (size_t)n});
}

/* The kernel follows the link, all at once: O_PATH opens whatever is there without touching it. */
const char *fs_link_target(int dir, const char *at, struct arena *a, struct stat *st, struct err *e)
{
    CLEANUP_FD int fd = openat(dir, at, O_PATH | O_CLOEXEC);

    if (fd < 0) {
        if (fs_status(errno) == STATUS_RESOURCE_EXHAUSTED)
            err_set(e, STATUS_RESOURCE_EXHAUSTED, errno, "follow '%s'", at);
        return NULL;
    }
    if (fstat(fd, st) < 0)
        return NULL;
    return path_of(fd, a);
}

/* Type and mode of a link are its target's. */
static int follow(const struct fs_entry_reader *r, int dir, const char *at, struct fs_entry *out,
                  struct err *e)
{
    struct stat st = {0};
    struct err why = {.status = STATUS_OK};

    out->symlink_target = fs_link_target(dir, at, r->arena, &st, &why);
    if (why.status != STATUS_OK) {
        *e = why;
        return -1;
    }
    if (!out->symlink_target)
        out->symlink_target = out->path;
    out->mode = st.st_mode & 0777;
    out->type = S_ISREG(st.st_mode) ? FS_FILE : S_ISDIR(st.st_mode) ? FS_DIRECTORY : FS_OTHER;
    return 0;
}

/* --- owners ---------------------------------------------------------------------------------- */

static const char *number(uint32_t id, struct arena *a)
{
    char text[12];

    snprintf(text, sizeof text, "%u", id);
    return arena_string(a, bytes_of(text));
}

/* Neighbours mostly belong to the same: the last names are at hand. Returns 0, or -1 when out of memory. */
static int name_owners(struct fs_entry_reader *r, struct fs_entry *out)
{
    const char *name;

    if (!r->owner || r->uid != out->st.st_uid) {
        name = owners_user(r->owners, out->st.st_uid);
        r->uid = out->st.st_uid;
        r->owner = name ? arena_string(r->arena, bytes_of(name)) : number(r->uid, r->arena);
    }
    if (!r->group || r->gid != out->st.st_gid) {
        name = owners_group(r->owners, out->st.st_gid);
        r->gid = out->st.st_gid;
        r->group = name ? arena_string(r->arena, bytes_of(name)) : number(r->gid, r->arena);
    }
    out->owner = r->owner;
    out->group = r->group;
    return r->owner && r->group ? 0 : -1;
}

int fs_entry_reader_init(struct fs_entry_reader *r, struct arena *a, struct err *e)
{
    *r = (struct fs_entry_reader){.arena = a, .owners = owners_get()};
    return r->owners ? 0 : err_nomem(e, "read names of users");
}

void fs_entry_reader_clear(struct fs_entry_reader *r)
{
    owners_put(TAKE(r->owners));
}

/* --- entries --------------------------------------------------------------------------------- */

/* llistxattr(2) knows no directories but the working one: else the path from the root, or through the directory's descriptor
 * where it is too long. */
static int read_metadata(struct fs_entry_reader *r, int dir, const char *at, const char *path,
                         struct fs_metadata *out)
{
    char through[NAME_MAX + 40];

    if (dir == AT_FDCWD || r->here)
        return fs_metadata_read(at, r->arena, out);
    if (strlen(path) < PATH_MAX)
        return fs_metadata_read(path, r->arena, out);
    snprintf(through, sizeof through, "/proc/self/fd/%d/%s", dir, at);
    return fs_metadata_read(through, r->arena, out);
}

/* What its stat says of it. */
static void describe(struct fs_entry *out)
{
    mode_t mode = out->st.st_mode;

    out->type = S_ISREG(mode) ? FS_FILE : S_ISDIR(mode) ? FS_DIRECTORY : FS_OTHER;
    out->mode = mode & 0777;
    fs_permissions(mode, out->permissions);
}

int fs_entry_read_at(struct fs_entry_reader *r, int dir, const char *at, const char *name, const char *path,
                     struct fs_entry *out, struct err *e)
{
    *out = (struct fs_entry){.name = name, .path = path};
    if (fstatat(dir, at, &out->st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT
                   ? err_set(e, STATUS_NOT_FOUND, errno, "file not found: lstat %s", path)
                   : err_set(e, fs_status(errno), errno, "error getting file info: lstat %s", path);
    describe(out);
    if (S_ISLNK(out->st.st_mode) && follow(r, dir, at, out, e) < 0)
        return -1;
    if (name_owners(r, out) < 0 || read_metadata(r, dir, at, path, &out->metadata) < 0)
        return err_nomem(e, "describe a file");
    return 0;
}

int fs_entry_read(const char *path, const char *name, struct arena *a, struct fs_entry *out, struct err *e)
{
    const char *own = arena_string(a, bytes_of(path));
    struct timespec since = clock_wall();
    struct fs_entry_reader r;
    int ret;

    name = arena_string(a, name ? bytes_of(name) : path_base(path));
    if (!own || !name)
        return err_nomem(e, "describe a file");
    if (fs_entry_reader_init(&r, a, e) < 0)
        return -1;
    ret = fs_entry_read_at(&r, AT_FDCWD, own, name, own, out, e);
    fs_entry_reader_clear(&r);
    if (ret == 0 && out->metadata.count == 0)
        fs_bare_keep(&out->st, &since);
    return ret;
}

bool fs_entry_cached(const char *path, const struct fs_cached *known, struct arena *a, struct fs_entry *out)
{
    struct fs_entry_reader r = {.arena = a, .owners = known->owners};
    struct cached_file file;

    if (!cached_stat(path, false, &file) || S_ISLNK(file.st.st_mode) || !fs_bare_known(&file.st) ||
        mounts_slow(known->mounts, file.mount))
        return false;
    *out = (struct fs_entry){
        .name = arena_string(a, path_base(path)), .path = arena_string(a, bytes_of(path)), .st = file.st};
    describe(out);
    return out->name && out->path && name_owners(&r, out) == 0;
}
