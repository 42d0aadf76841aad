/* cp to the guest: files go over the pool's connections; directories and links are made on the way, one after the other. */
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/utf8.h"
#include "ctl/copy.h"

/* Makes a directory with the bits of ours, and so that we can write in it. One that is there stays as it is. Returns 1: made;
 * 0: it was there; -1 with *e. */
static int make_directory(struct copy *c, const char *there, mode_t mode, struct answer_error *e)
{
    if (!utf8_valid(bytes_of(there)))
        return 0; /* MakeDir cannot say it; the upload of the first file in it makes it */
    if (guest_mkdir(&c->guest, there, (mode & 07777) | 0700, e) == 0)
        return 1;
    if (e->err.status == STATUS_NOT_FOUND && guest_mkdir_all(&c->guest, there, e) == 0)
        return guest_chmod(&c->guest, there, (mode & 07777) | 0700, false, e) < 0 ? -1 : 1;
    return e->err.status == STATUS_ALREADY_EXISTS ? 0 : -1;
}

static int make_link(struct copy *c, const char *here, const char *there, struct answer_error *e)
{
    char target[PATH_MAX];
    ssize_t n = readlink(here, target, sizeof target - 1);

    e->from_agent = true;
    if (n < 0)
        return err_set(&e->err, STATUS_UNKNOWN, errno, "readlink");
    target[n] = 0;
    if (guest_symlink(&c->guest, there, target, e) == 0)
        return 0;
    if (e->err.status != STATUS_ALREADY_EXISTS || guest_remove(&c->guest, there, e) < 0)
        return -1;
    return guest_symlink(&c->guest, there, target, e);
}

static int send_file(struct copy *c, const char *here, const char *there)
{
    return pool_up(&c->pool, &(struct transfer_file){.here = here, .there = there, .user = c->owner});
}

/* A directory's content has been sent: the bits that kept us able to write in it go, when it was ours to make. */
static int leave_directory(struct copy *c, const FTSENT *f, const char *there)
{
    struct answer_error e;

    if (f->fts_number != 1 || (f->fts_statp->st_mode & 0700) == 0700)
        return 0;
    if (pool_finish(&c->pool) < 0)
        return -1;
    if (guest_chmod(&c->guest, there, f->fts_statp->st_mode & 07777, false, &e) < 0)
        return pool_failed(&c->pool, f->fts_path, &e);
    return 0;
}

/* One entry of the tree. Returns 0, or -1: it is no use to go on. */
static int visit(struct copy *c, FTS *tree, FTSENT *f, const char *there)
{
    struct answer_error e;
    int ret = 0;

    switch (f->fts_info) {
    case FTS_D:
        if (!utf8_valid(bytes_of(there)) && !fts_children(tree, FTS_NAMEONLY))
            return copy_failed(c, f->fts_path, 0,
                               "an empty directory whose name is not UTF-8: the agent makes none");
        ret = make_directory(c, there, f->fts_statp->st_mode, &e);
        f->fts_number = ret;
        if (ret < 0)
            fts_set(tree, f, FTS_SKIP);
        break;
    case FTS_DP:
        return leave_directory(c, f, there);
    case FTS_F:
        return send_file(c, f->fts_path, there);
    case FTS_SL:
    case FTS_SLNONE:
        ret = make_link(c, f->fts_path, there, &e);
        break;
    case FTS_DEFAULT:
        return copy_failed(c, f->fts_path, 0, "neither a file, a directory nor a link");
    default: /* FTS_DNR, FTS_ERR, FTS_NS */
        return copy_failed(c, f->fts_path, f->fts_errno, "read");
    }
    guest_forget(&c->guest);
    return ret < 0 ? pool_failed(&c->pool, f->fts_path, &e) : 0;
}

static int send_tree(struct copy *c, const char *source, const char *name)
{
    char *const roots[] = {(char *)(uintptr_t)source, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    size_t front = strlen(source);
    int ret = 0;
    FTSENT *f;

    if (!tree)
        return copy_failed(c, source, errno, "read");
    while (ret == 0 && (f = fts_read(tree))) {
        const char *rest = f->fts_path + MIN(front, (size_t)f->fts_pathlen);
        CLEANUP_FREE char *there =
            f->fts_level > 0 ? guest_join(name, rest + strspn(rest, "/")) : strdup(name);

        ret = there ? visit(c, tree, f, there) : copy_failed(c, f->fts_path, ENOMEM, "copy");
    }
    fts_close(tree);
    return ret;
}

/* How much of the part is in the guest: what is longer than the whole is none of ours. Returns 0, or -1 with *e. */
static int part_size(struct copy *c, const char *part, uint64_t whole, uint64_t *size, struct answer_error *e)
{
    const guest_file *f = guest_stat(&c->guest, part, false, e);

    *size = f && (uint64_t)f->size <= whole ? (uint64_t)f->size : 0;
    guest_forget(&c->guest);
    return f || e->err.status == STATUS_NOT_FOUND ? 0 : -1;
}

/* --resume: into a part that is renamed when it is whole. */
static int send_rest(struct copy *c, const char *source, const char *name, const struct stat *st)
{
    char version[80];
    CLEANUP_FREE char *part = NULL;
    struct answer_error e;
    uint64_t size;
    int code = c->pool.code;

    snprintf(version, sizeof version, "%lld %lld.%09ld", (long long)st->st_size,
             (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
    part = copy_part(name, version);
    if (!part)
        return copy_failed(c, source, ENOMEM, "copy");
    if (part_size(c, part, (uint64_t)st->st_size, &size, &e) < 0)
        return pool_failed(&c->pool, source, &e);
    c->pool.code = 0;
    c->pool.progress.total = (uint64_t)st->st_size - size;
    if (pool_up(&c->pool,
                &(struct transfer_file){
                    .here = source, .there = part, .user = c->owner, .partial = true, .offset = size}) < 0 ||
        pool_finish(&c->pool) < 0)
        return -1;
    if (c->pool.code == 0 && guest_move(&c->guest, part, name, &e) < 0)
        return pool_failed(&c->pool, source, &e);
    c->pool.code = MAX(c->pool.code, code);
    return 0;
}

int copy_up(struct copy *c, const char *source, const struct copy_place *place)
{
    bool input = strcmp(source, "-") == 0;
    struct stat st = {.st_mode = S_IFREG};
    CLEANUP_FREE char *name = NULL;
    struct err e;

    if (!input && (c->recursive ? lstat(source, &st) : stat(source, &st)) < 0)
        return copy_failed(c, source, errno, "copy");
    if (S_ISDIR(st.st_mode) && !c->recursive)
        return copy_failed(c, source, 0, "a directory (-r copies it)");
    if (input && place->directory)
        return copy_failed(c, place->path, 0, "a directory, and standard input has no name to have there");
    name = copy_name(place, source, S_ISDIR(st.st_mode), &e);
    if (!name)
        return copy_failed(c, source, 0, e.text);
    if (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode))
        return send_tree(c, source, name);
    if (c->resume && !input)
        return send_rest(c, source, name, &st);
    c->pool.progress.total = c->alone ? (uint64_t)st.st_size : 0;
    return send_file(c, input ? NULL : source, name);
}
