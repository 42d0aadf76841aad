/* cp to the guest: files go over the pool's connections, trees in one call. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/copy.h"
#include "ctl/tree.h"

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

/* A link that was named itself. */
static int send_link(struct copy *c, const char *here, const char *there)
{
    struct answer_error e;
    int ret = make_link(c, here, there, &e);

    guest_forget(&c->guest);
    return ret < 0 ? pool_failed(&c->pool, here, &e) : 0;
}

static int send_file(struct copy *c, const char *here, const char *there)
{
    return pool_up(&c->pool, &(struct transfer_file){.here = here, .there = there, .user = c->owner});
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
    if (S_ISLNK(st.st_mode))
        return send_link(c, source, name);
    if (S_ISDIR(st.st_mode))
        return pool_finish(&c->pool) < 0 ? -1 : tree_up(c, source, name);
    if (c->resume && !input)
        return send_rest(c, source, name, &st);
    c->pool.progress.total = c->alone ? (uint64_t)st.st_size : 0;
    return send_file(c, input ? NULL : source, name);
}
