/* cp from the guest: directories are listed page by page, and their files fetched over the pool's connections meanwhile.
 * Nothing that the guest says of names and links leads out of where the copy goes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/copy.h"

/* A directory that was made here, or was there. */
struct made {
    char *here, *there;
    bool ours; /* we made it: it gets bits and time when all is in it */
    mode_t mode;
    struct timespec modified;
};

/* In the order in which they were found, so each stands behind the one that it is in. */
struct made_list {
    struct made *list;
    size_t count, cap;
};

static void made_clear(struct made_list *m)
{
    for (size_t i = 0; i < m->count; i++) {
        free(m->list[i].here);
        free(m->list[i].there);
    }
    free(m->list);
}

static struct timespec time_of(const guest_file *f)
{
    struct timespec none = {.tv_nsec = UTIME_OMIT};

    if (!f->modified_time || f->modified_time->nanos < 0 || f->modified_time->nanos > 999999999)
        return none;
    return (struct timespec){f->modified_time->seconds, f->modified_time->nanos};
}

/* Makes the directory, or takes one that is there and no link: through a link the guest could lead us anywhere. Returns 0, or
 * -1 with errno. */
static int make_here(const char *here, bool *ours)
{
    struct stat st;

    *ours = mkdir(here, 0700) == 0;
    if (*ours)
        return 0;
    if (errno != EEXIST || lstat(here, &st) < 0)
        return -1;
    errno = ENOTDIR;
    return S_ISDIR(st.st_mode) ? 0 : -1;
}

/* Takes over `here` and `there`. Returns 0, or -1: it is no use to go on. */
static int add_directory(struct copy *c, struct made_list *m, char *here, char *there, const guest_file *f,
                         bool top)
{
    struct made d = {here, there, false, (mode_t)f->mode & 0777, time_of(f)};
    struct stat st;
    int ret = 0;

    if (m->count == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 64;
        struct made *list = realloc(m->list, cap * sizeof *list);

        if (list)
            *m = (struct made_list){list, m->count, cap};
    }
    /* The one that the user named may be a link to a directory. */
    if (m->count == m->cap)
        ret = copy_failed(c, there, ENOMEM, "copy");
    else if (!(top && stat(here, &st) == 0 && S_ISDIR(st.st_mode)) && make_here(here, &d.ours) < 0)
        ret = copy_failed(c, there, errno, here);
    else {
        m->list[m->count++] = d;
        return 0;
    }
    free(here);
    free(there);
    return ret;
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

/* A name that is one: no way to another directory. */
static bool is_name(const char *name)
{
    return name && *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* One entry of the directory. */
static int fetch_entry(struct copy *c, struct made_list *m, const char *here_dir, const char *there_dir,
                       const guest_file *f)
{
    CLEANUP_FREE char *name = guest_text(f->name);
    CLEANUP_FREE char *here = is_name(name) ? guest_join(here_dir, name) : NULL;
    CLEANUP_FREE char *there = here ? guest_join(there_dir, name) : NULL;

    if (!there)
        return copy_failed(c, there_dir, 0, "an entry whose name is none");
    switch (f->type) {
    case GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY:
        return add_directory(c, m, TAKE(here), TAKE(there), f, false);
    case GUEST__V1__FILE_INFO__TYPE__TYPE_FILE:
        return fetch_file(c, here, there, f);
    case GUEST__V1__FILE_INFO__TYPE__TYPE_SYMLINK:
        return fetch_link(c, here, there, f);
    default:
        return copy_failed(c, there, 0, "neither a file, a directory nor a link");
    }
}

/* All of one directory, which is the list's own. Returns 0, or -1. */
static int fetch_directory(struct copy *c, struct made_list *m, const char *here, const char *there)
{
    CLEANUP_FREE char *page = strdup("");
    bool more = true;

    while (more && page) {
        struct answer_error e;
        const Guest__V1__ListFilesResponse *r = guest_list(&c->guest, there, page, &e);

        if (!r)
            return pool_failed(&c->pool, there, &e);
        for (size_t i = 0; i < r->n_files; i++)
            if (fetch_entry(c, m, here, there, r->files[i]) < 0)
                return -1;
        free(page);
        page = strdup(r->next_page);
        more = r->truncated && *r->next_page;
        guest_forget(&c->guest);
    }
    return page ? 0 : copy_failed(c, there, ENOMEM, "copy");
}

/* Gives the directories their bits and times, the innermost first: what is made in one changes its time. */
static int settle(struct copy *c, const struct made_list *m)
{
    for (size_t i = m->count; i-- > 0;) {
        const struct made *d = &m->list[i];
        const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, d->modified};

        if (d->ours && (utimensat(AT_FDCWD, d->here, times, 0) < 0 || chmod(d->here, d->mode) < 0) &&
            copy_failed(c, d->there, errno, d->here) < 0)
            return -1;
    }
    return 0;
}

static int fetch_tree(struct copy *c, const char *source, const char *name, const guest_file *f)
{
    struct made_list m = {0};
    CLEANUP_FREE char *here = strdup(name);
    CLEANUP_FREE char *there = strdup(source);
    int ret = here && there ? add_directory(c, &m, TAKE(here), TAKE(there), f, true)
                            : copy_failed(c, source, ENOMEM, "copy");

    guest_forget(&c->guest);
    for (size_t i = 0; ret == 0 && i < m.count; i++)
        ret = fetch_directory(c, &m, m.list[i].here, m.list[i].there);
    if (ret == 0)
        ret = pool_finish(&c->pool);
    if (ret == 0)
        ret = settle(c, &m);
    made_clear(&m);
    return ret;
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
        ret = fetch_tree(c, source, name, f);
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
