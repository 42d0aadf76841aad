/* cp from the guest: files come over the pool's connections, trees in one call. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/copy.h"
#include "ctl/tree.h"

static struct timespec time_of(const guest_file *f)
{
    struct timespec none = {.tv_nsec = UTIME_OMIT};

    if (!f->modified_time || f->modified_time->nanos < 0 || f->modified_time->nanos > 999999999)
        return none;
    return (struct timespec){f->modified_time->seconds, f->modified_time->nanos};
}

static int fetch_link(struct copy *c, const char *here, const char *there, const guest_file *f)
{
    CLEANUP_FREE char *target = guest_text(f->link_target);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, time_of(f)};

    if (!target)
        return copy_failed(c, there, 0, "a link without a text");
    if (symlink(target, here) < 0 && (errno != EEXIST || unlink(here) < 0 || symlink(target, here) < 0))
        return copy_failed(c, there, errno, here);
    utimensat(AT_FDCWD, here, times, AT_SYMLINK_NOFOLLOW); /* not every file system keeps it */
    return 0;
}

static int fetch_file(struct copy *c, const char *here, const char *there, const guest_file *f)
{
    return pool_down(&c->pool, &(struct transfer_file){.here = here,
                                                       .there = there,
                                                       .user = c->owner,
                                                       .has_meta = true,
                                                       .mode = f->mode,
                                                       .modified = time_of(f)});
}

/* --resume: into a part of that version of the file, which is renamed when it is whole. */
static int fetch_rest(struct copy *c, const char *source, const char *name, const guest_file *f)
{
    struct transfer_file file = {.there = source,
                                 .user = c->owner,
                                 .partial = true,
                                 .has_meta = true,
                                 .mode = f->mode,
                                 .modified = time_of(f)};
    CLEANUP_FREE char *part = NULL;
    int code = c->pool.code;
    struct answer_error e;
    struct stat st;

    file.validator = guest_etag(&c->guest, source, &e);
    if (!file.validator)
        return pool_failed(&c->pool, source, &e);
    file.here = part = copy_part(name, file.validator);
    if (!part)
        return copy_failed(c, source, ENOMEM, "copy");
    if (lstat(part, &st) == 0 && st.st_size < f->size)
        file.offset = (uint64_t)st.st_size;
    c->pool.code = 0;
    c->pool.progress.total = (uint64_t)f->size - file.offset;
    if (pool_down(&c->pool, &file) < 0 || pool_finish(&c->pool) < 0)
        return -1;
    if (c->pool.code == 0 && rename(part, name) < 0)
        return copy_failed(c, source, errno, name);
    c->pool.code = MAX(c->pool.code, code);
    return 0;
}

/* Where a file goes whose name the user gave: through a link there, to what it leads to. */
static char *resolve(const char *name)
{
    char *real = realpath(name, NULL);

    return real ? real : strdup(name);
}

int copy_down(struct copy *c, const char *source, const struct copy_place *place)
{
    bool output = strcmp(place->path, "-") == 0;
    struct answer_error e;
    const guest_file *f = guest_stat(&c->guest, source, !c->recursive, &e);
    bool directory = f && f->type == GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY;
    CLEANUP_FREE char *name = NULL;
    CLEANUP_FREE char *here = NULL;
    int ret;

    if (!f)
        return pool_failed(&c->pool, source, &e);
    if (directory && (!c->recursive || output))
        return copy_failed(c, source, 0, output ? "a directory" : "a directory (-r copies it)");
    name = copy_name(place, source, directory, &e.err);
    here = name ? resolve(name) : NULL;
    if (!here)
        return copy_failed(c, source, 0, name ? "out of memory" : e.err.text);
    c->pool.progress.total = c->alone && !directory ? (uint64_t)f->size : 0;
    if (directory)
        ret = pool_finish(&c->pool) < 0 ? -1 : tree_down(c, source, name);
    else if (f->type == GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK)
        ret = fetch_link(c, name, source, f);
    else if (f->type != GUEST__V1__FILE_INFO__TYPE__TYPE_FILE)
        ret = copy_failed(c, source, 0, "neither a file, a directory nor a link");
    else if (c->resume && !output)
        ret = fetch_rest(c, source, here, f);
    else
        ret = fetch_file(c, output ? NULL : here, source, f);
    guest_forget(&c->guest);
    return ret;
}
