#include "guest/fs/bare.h"

#include <pthread.h>

#include "core/limits.h"

enum { TICKS_NS = 100 * 1000 * 1000 }; /* some ticks of a kernel with 100 of them a second */

/* One that is found at the place of another takes it. */
static struct {
    pthread_mutex_t lock; /* held for a look only */
    struct bare {
        dev_t device;
        ino_t inode; /* 0: nothing is here */
        struct timespec changed;
    } entries[BARE_KEPT];
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct bare *place_of(const struct stat *st)
{
    uint64_t h = ((uint64_t)st->st_ino ^ (uint64_t)st->st_dev << 40) * 0x9E3779B97F4A7C15u;

    return &table.entries[(h >> 32) % BARE_KEPT];
}

/* Whether its ctime is old enough, and fine enough, that the next change gets another one. Whole seconds are all that some file
 * systems know. */
static bool settled(const struct timespec *changed, const struct timespec *since)
{
    return changed->tv_nsec != 0 &&
           (since->tv_sec - changed->tv_sec) * 1000000000LL + since->tv_nsec - changed->tv_nsec > TICKS_NS;
}

void fs_bare_keep(const struct stat *st, const struct timespec *since)
{
    if (!settled(&st->st_ctim, since))
        return;
    pthread_mutex_lock(&table.lock);
    *place_of(st) = (struct bare){st->st_dev, st->st_ino, st->st_ctim};
    pthread_mutex_unlock(&table.lock);
}

bool fs_bare_known(const struct stat *st)
{
    const struct bare *b = place_of(st);
    bool known;

    pthread_mutex_lock(&table.lock);
    known = b->inode == st->st_ino && b->device == st->st_dev && b->changed.tv_sec == st->st_ctim.tv_sec &&
            b->changed.tv_nsec == st->st_ctim.tv_nsec;
    pthread_mutex_unlock(&table.lock);
    return known;
}
