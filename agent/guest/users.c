#include "guest/users.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <pwd.h>

#include "guest/cached.h"

#define CACHED     8
#define GROUPS_MAX 1024 /* more than the kernel's default of anybody's system; NGROUPS_MAX is 65536 */

static struct {
    pthread_mutex_t lock;
    char passwd[256], group[256];            /* where they are; elsewhere in tests only */
    struct users_stamps read;                /* of the files that the entries come from */
    struct cached_pin passwd_pin, group_pin; /* made by the loop, and let go of by workers */
    struct {
        char *asked; /* the name it was found by */
        struct user *user;
        size_t size;
    } entries[CACHED];
    unsigned next;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .passwd = "/etc/passwd",
           .group = "/etc/group",
           .passwd_pin = {.fd = -1},
           .group_pin = {.fd = -1}};

static const char *path_of(const char *file)
{
    return *file == 'p' ? cache.passwd : cache.group;
}

static struct users_stamp stamp_from(const struct stat *st)
{
    return (struct users_stamp){st->st_mtim, st->st_ctim, st->st_ino, st->st_size};
}

static struct users_stamp stamp_of(const char *file)
{
    struct stat st;

    if (stat(path_of(file), &st) < 0)
        return (struct users_stamp){0};
    return stamp_from(&st);
}

bool users_same(const struct users_stamp *a, const struct users_stamp *b)
{
    return a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec &&
           a->ctime.tv_sec == b->ctime.tv_sec && a->ctime.tv_nsec == b->ctime.tv_nsec && a->ino == b->ino &&
           a->size == b->size;
}

/* NULL with *e: not_found when there is no such file, resource_exhausted, internal. */
static FILE *open_file(const char *file, struct err *e)
{
    const char *path = path_of(file);
    FILE *f = fopen(path, "re");

    if (!f)
        err_set(e,
                errno == ENOENT                                         ? STATUS_NOT_FOUND
                : errno == EMFILE || errno == ENFILE || errno == ENOMEM ? STATUS_RESOURCE_EXHAUSTED
                                                                        : STATUS_INTERNAL,
                errno, "open '%s'", path);
    return f;
}

struct users_stamp users_stamp(const char *file)
{
    struct users_stamp stamp;

    pthread_mutex_lock(&cache.lock);
    stamp = stamp_of(file);
    pthread_mutex_unlock(&cache.lock);
    return stamp;
}

bool users_stamps_cached(struct users_stamps *out)
{
    struct stat p, g;
    bool known;

    if (pthread_mutex_trylock(&cache.lock) != 0)
        return false;
    known = cached_stat_pinned(&cache.passwd_pin, cache.passwd, &p) &&
            cached_stat_pinned(&cache.group_pin, cache.group, &g);
    pthread_mutex_unlock(&cache.lock);
    if (known)
        *out = (struct users_stamps){stamp_from(&p), stamp_from(&g)};
    return known;
}

FILE *users_open(const char *file, struct err *e)
{
    FILE *f;

    pthread_mutex_lock(&cache.lock);
    f = open_file(file, e);
    pthread_mutex_unlock(&cache.lock);
    return f;
}

/* The files are others, or have changed. The lock is held. */
static void forget(void)
{
    for (size_t i = 0; i < CACHED; i++) {
        free(TAKE(cache.entries[i].asked));
        free(TAKE(cache.entries[i].user));
    }
    cached_unpin(&cache.passwd_pin);
    cached_unpin(&cache.group_pin);
}

void users_set_directory(const char *dir)
{
    pthread_mutex_lock(&cache.lock);
    snprintf(cache.passwd, sizeof cache.passwd, "%s/passwd", dir);
    snprintf(cache.group, sizeof cache.group, "%s/group", dir);
    forget();
    pthread_mutex_unlock(&cache.lock);
}

/* A copy that lives in one allocation, its pointers into itself. */
static struct user *copy(const struct user *u, size_t size)
{
    struct user *c = malloc(size);
    ptrdiff_t move;

    if (!c)
        return NULL;
    memcpy(c, u, size);
    move = (char *)c - (const char *)u;
    c->groups = (gid_t *)(void *)((char *)c->groups + move);
    c->name += move;
    c->home += move;
    c->shell += move;
    return c;
}

static struct user *make(const struct passwd *pw, const gid_t *groups, size_t n, size_t *size)
{
    size_t name = strlen(pw->pw_name) + 1, home = strlen(pw->pw_dir) + 1, shell = strlen(pw->pw_shell) + 1;
    struct user *u;
    char *text;

    *size = sizeof *u + n * sizeof *groups + name + home + shell;
    u = malloc(*size);
    if (!u)
        return NULL;
    u->uid = pw->pw_uid;
    u->gid = pw->pw_gid;
    u->group_count = n;
    u->groups = (gid_t *)(u + 1);
    memcpy(u->groups, groups, n * sizeof *groups);
    text = (char *)(u->groups + n);
    u->name = memcpy(text, pw->pw_name, name);
    u->home = memcpy(text + name, pw->pw_dir, home);
    u->shell = memcpy(text + name + home, pw->pw_shell, shell);
    return u;
}

/* The supplementary groups of the user, its own first. Returns how many, or -1 with *e: a process must not run without
 * those that it should have. */
static ssize_t groups_of(const char *name, gid_t own, gid_t *groups, struct err *e)
{
    struct err why;
    FILE *f = open_file("group", &why);
    const struct group *gr;
    ssize_t n = 0;

    if (!f && why.status != STATUS_NOT_FOUND) {
        *e = why;
        return -1;
    }
    groups[n++] = own;
    while (f && n < GROUPS_MAX && (gr = fgetgrent(f))) {
        if (gr->gr_gid == own)
            continue;
        for (char **m = gr->gr_mem; *m; m++) {
            if (strcmp(*m, name) == 0) {
                groups[n++] = gr->gr_gid;
                break;
            }
        }
    }
    if (f)
        fclose(f);
    return n;
}

/* The lock is held: fgetpwent and fgetgrent keep what they return in memory of their own. */
static struct user *read_user(const char *name, size_t *size, struct err *e)
{
    FILE *f = open_file("passwd", e);
    bool number = *name && strspn(name, "0123456789") == strlen(name) && strlen(name) < 10;
    const struct passwd *pw;
    gid_t groups[GROUPS_MAX];
    struct user *u = NULL;
    ssize_t n;

    if (!f)
        return NULL;
    while ((pw = fgetpwent(f)) && (!pw->pw_dir || strcmp(pw->pw_name, name) != 0))
        ;
    if (!pw && number) {
        rewind(f);
        while ((pw = fgetpwent(f)) && (!pw->pw_dir || pw->pw_uid != (uid_t)strtoul(name, NULL, 10)))
            ;
    }
    if (!pw)
        err_set(e, STATUS_NOT_FOUND, 0, "user '%s' is unknown", name);
    else if ((n = groups_of(pw->pw_name, pw->pw_gid, groups, e)) >= 0 &&
             !(u = make(pw, groups, (size_t)n, size)))
        err_nomem(e, "look up the user");
    fclose(f);
    return u;
}

/* Whether the entries are of the files with these stamps. The lock is held. */
static bool is_read(const struct users_stamps *now)
{
    return users_same(&now->passwd, &cache.read.passwd) && users_same(&now->group, &cache.read.group);
}

/* The place of who was found by that name; -1. The lock is held. */
static int place_of(const char *name)
{
    for (int i = 0; i < CACHED; i++)
        if (cache.entries[i].asked && strcmp(cache.entries[i].asked, name) == 0)
            return i;
    return -1;
}

struct user *users_find(const char *name, struct err *e)
{
    struct users_stamps now;
    struct user *u = NULL;
    size_t size;
    int at;

    pthread_mutex_lock(&cache.lock);
    now = (struct users_stamps){stamp_of("passwd"), stamp_of("group")};
    if (!is_read(&now)) {
        forget();
        cache.read = now;
    }
    at = place_of(name);
    if (at >= 0) {
        u = copy(cache.entries[at].user, cache.entries[at].size);
        if (!u)
            err_nomem(e, "look up the user");
        pthread_mutex_unlock(&cache.lock);
        return u;
    }
    u = read_user(name, &size, e);
    if (u) {
        unsigned i = cache.next++ % CACHED;

        free(TAKE(cache.entries[i].asked));
        free(TAKE(cache.entries[i].user));
        cache.entries[i].user = copy(u, size);
        cache.entries[i].size = size;
        if (cache.entries[i].user)
            cache.entries[i].asked = strdup(name);
    }
    pthread_mutex_unlock(&cache.lock);
    return u;
}

char *users_cached_home(const char *name)
{
    char *home = NULL;
    int at;

    if (pthread_mutex_trylock(&cache.lock) != 0)
        return NULL;
    at = place_of(name);
    if (at >= 0)
        home = strdup(cache.entries[at].user->home);
    pthread_mutex_unlock(&cache.lock);
    return home;
}

struct user *users_cached(const char *name, const struct users_stamps *now)
{
    struct user *u = NULL;
    int at;

    if (pthread_mutex_trylock(&cache.lock) != 0)
        return NULL;
    at = is_read(now) ? place_of(name) : -1;
    if (at >= 0)
        u = copy(cache.entries[at].user, cache.entries[at].size);
    pthread_mutex_unlock(&cache.lock);
    return u;
}

int users_group(const char *name, gid_t *gid, struct err *e)
{
    const struct group *gr = NULL;
    struct err why;
    int ret = 0;
    FILE *f;

    pthread_mutex_lock(&cache.lock);
    f = open_file("group", &why);
    while (f && (gr = fgetgrent(f)) && strcmp(gr->gr_name, name) != 0)
        ;
    if (gr)
        *gid = gr->gr_gid;
    else if (!f && why.status != STATUS_NOT_FOUND)
        ret = err_set(e, why.status, 0, "%s", why.text);
    else if (*name && strlen(name) < 10 && strspn(name, "0123456789") == strlen(name))
        *gid = (gid_t)strtoul(name, NULL, 10);
    else
        ret = err_set(e, STATUS_NOT_FOUND, 0, "there is no group '%s'", name);
    if (f)
        fclose(f);
    pthread_mutex_unlock(&cache.lock);
    return ret;
}
