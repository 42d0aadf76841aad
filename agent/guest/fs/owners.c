#include "guest/fs/owners.h"

#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>

#include "core/arena.h"
#include "core/limits.h"

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
    atomic_uint refs; /* taken under the lock only: the current one has its own */
    struct users_stamps read;
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

static struct owners *read_all(const struct users_stamps *now)
{
    struct owners *o = calloc(1, sizeof *o);

    if (!o)
        return NULL;
    *o = (struct owners){.refs = 1, .read = *now, .text = {.max = OWNERS_MAX}};
    read_users(o);
    read_groups(o);
    return o;
}

void owners_put(struct owners *o)
{
    if (!o || atomic_fetch_sub(&o->refs, 1) > 1)
        return;
    free(o->users.list);
    free(o->groups.list);
    arena_clear(&o->text);
    free(o);
}

/* Whether the current one is of the files with these stamps. The lock is held. */
static bool is_read(const struct users_stamps *now)
{
    const struct owners *o = current.now;

    return o && users_same(&now->passwd, &o->read.passwd) && users_same(&now->group, &o->read.group);
}

/* The current one with one more reference. The lock is held. */
static struct owners *take(void)
{
    if (current.now)
        atomic_fetch_add(&current.now->refs, 1);
    return current.now;
}

struct owners *owners_get(void)
{
    struct users_stamps now = {users_stamp("passwd"), users_stamp("group")};
    struct owners *o;

    pthread_mutex_lock(&current.lock);
    if (!is_read(&now)) {
        owners_put(current.now);
        current.now = read_all(&now);
    }
    o = take();
    pthread_mutex_unlock(&current.lock);
    return o;
}

struct owners *owners_cached(const struct users_stamps *now)
{
    struct owners *o;

    if (pthread_mutex_trylock(&current.lock) != 0)
        return NULL;
    o = is_read(now) ? take() : NULL;
    pthread_mutex_unlock(&current.lock);
    return o;
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
