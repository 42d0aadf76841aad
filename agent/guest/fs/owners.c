#include "guest/fs/owners.h"

#include <grp.h>
#include <pthread.h>
#include <pwd.h>

#include "core/arena.h"
#include "core/limits.h"
#include "guest/users.h"

#define LINE                                                                                                 \
    4096 /* the longest line of a file that is understood; a group of hundreds of members is skipped, not fatal */

struct owner {
    uint32_t id;
    uint32_t order; /* the line's: the first of an id counts */
    const char *name;
};

struct table {
    struct owner *list; /* sorted by id, then order */
    uint32_t count, room;
};

struct owners {
    unsigned refs; /* under the lock */
    struct users_stamp passwd, group;
    struct table users, groups;
    struct arena text;
};

static struct {
    pthread_mutex_t lock;
    struct owners *now; /* NULL before the first look */
} current = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Returns 0, or -1 when there is no room for more. */
static int add(struct owners *o, struct table *t, uint32_t id, const char *name)
{
    if (t->count == t->room) {
        uint32_t room = t->room ? 2 * t->room : 32;
        struct owner *list = realloc(t->list, room * sizeof *list);

        if (!list)
            return -1;
        t->list = list;
        t->room = room;
    }
    t->list[t->count] =
        (struct owner){.id = id, .order = t->count, .name = arena_string(&o->text, bytes_of(name))};
    if (!t->list[t->count].name)
        return -1;
    t->count++;
    return 0;
}

static int by_id(const void *a, const void *b)
{
    const struct owner *x = a, *y = b;

    return x->id != y->id ? (x->id < y->id ? -1 : 1) : (x->order < y->order ? -1 : 1);
}

static void read_users(struct owners *o)
{
    FILE *f = users_open("passwd", NULL);
    struct passwd room = {.pw_uid = 0}, *pw;
    char line[LINE];

    while (f && fgetpwent_r(f, &room, line, sizeof line, &pw) == 0)
        if (add(o, &o->users, pw->pw_uid, pw->pw_name) < 0)
            break;
    if (f)
        fclose(f);
    if (o->users.count)
        qsort(o->users.list, o->users.count, sizeof *o->users.list, by_id);
}

static void read_groups(struct owners *o)
{
    FILE *f = users_open("group", NULL);
    struct group room = {.gr_gid = 0}, *gr;
    char line[LINE];

    while (f && fgetgrent_r(f, &room, line, sizeof line, &gr) == 0)
        if (add(o, &o->groups, gr->gr_gid, gr->gr_name) < 0)
            break;
    if (f)
        fclose(f);
    if (o->groups.count)
        qsort(o->groups.list, o->groups.count, sizeof *o->groups.list, by_id);
}

static struct owners *read_all(const struct users_stamp *passwd, const struct users_stamp *group)
{
    struct owners *o = calloc(1, sizeof *o);

    if (!o)
        return NULL;
    *o = (struct owners){.refs = 1, .passwd = *passwd, .group = *group, .text = {.max = OWNERS_MAX}};
    read_users(o);
    read_groups(o);
    return o;
}

/* The lock is held. */
static void drop(struct owners *o)
{
    if (!o || --o->refs > 0)
        return;
    free(o->users.list);
    free(o->groups.list);
    arena_clear(&o->text);
    free(o);
}

struct owners *owners_get(void)
{
    struct users_stamp passwd = users_stamp("passwd"), group = users_stamp("group");
    struct owners *o;

    pthread_mutex_lock(&current.lock);
    o = current.now;
    if (!o || !users_same(&passwd, &o->passwd) || !users_same(&group, &o->group)) {
        drop(o);
        o = current.now = read_all(&passwd, &group);
    }
    if (o)
        o->refs++;
    pthread_mutex_unlock(&current.lock);
    return o;
}

void owners_put(struct owners *o)
{
    pthread_mutex_lock(&current.lock);
    drop(o);
    pthread_mutex_unlock(&current.lock);
}

static const char *find(const struct table *t, uint32_t id)
{
    uint32_t low = 0, high = t->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (t->list[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->count && t->list[low].id == id ? t->list[low].name : NULL;
}

const char *owners_user(const struct owners *o, uid_t uid)
{
    return find(&o->users, uid);
}

const char *owners_group(const struct owners *o, gid_t gid)
{
    return find(&o->groups, gid);
}
