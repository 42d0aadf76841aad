#include "guest/exec/lowfds.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/kernel.h"

/* A table of so many descriptors costs no allocation of its own (NR_OPEN_DEFAULT), so below it nothing has to
 * be moved. */
#define CHEAP 64
#define ALL   (3 * SPAWN_THREADS)

/* Closes the first n. */
static void close_first(struct lowfds *l, int n)
{
    while (n-- > 0)
        fd_close(&l->sets[n / 3].fds[n % 3]);
}

void lowfds_init(struct lowfds *l, int null_fd)
{
    int last = null_fd, n = 0, fd;

    *l = (struct lowfds){.null_fd = null_fd};
    if (kernel_probe(KERNEL_CLOSE_RANGE) != 0)
        return;
    for (; n < ALL && (fd = fcntl(null_fd, F_DUPFD_CLOEXEC, 3)) >= 0; n++) {
        l->sets[n / 3].fds[n % 3] = fd;
        last = MAX(last, fd);
    }
    if (n < ALL) {
        close_first(l, n);
        return;
    }
    l->free = (1u << SPAWN_THREADS) - 1;
    l->end = MAX(last + 1, CHEAP);
}

void lowfds_destroy(struct lowfds *l)
{
    if (l->end)
        close_first(l, ALL);
    *l = (struct lowfds){.null_fd = -1};
}

/* A set for the caller alone, or NULL. */
static struct lowfds_set *take(struct lowfds *l)
{
    unsigned free = __atomic_load_n(&l->free, __ATOMIC_ACQUIRE);

    while (free) {
        int i = __builtin_ctz(free);

        if (__atomic_compare_exchange_n(&l->free, &free, free & ~(1u << i), true, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            return &l->sets[i];
    }
    return NULL;
}

bool lowfds_lend(struct lowfds *l, int fds[3], struct lowfds_set **set)
{
    int low[3] = {fds[0], fds[1], fds[2]};

    *set = NULL;
    for (int k = 0; k < 3; k++) {
        if (fds[k] < l->end)
            continue;
        if (!*set)
            *set = take(l);
        if (!*set || dup3(fds[k], (*set)->fds[k], O_CLOEXEC) < 0)
            return false;
        (*set)->lent[k] = true;
        low[k] = (*set)->fds[k];
    }
    memcpy(fds, low, sizeof low);
    return true;
}

void lowfds_return(struct lowfds *l, struct lowfds_set *set)
{
    bool whole = true;

    if (!set)
        return;
    for (int k = 0; k < 3; k++) {
        if (set->lent[k] && dup3(l->null_fd, set->fds[k], O_CLOEXEC) < 0) {
            fd_close(&set->fds[k]); /* a pipe must have its end; the number is anybody's from now on */
            whole = false;
        }
        set->lent[k] = false;
    }
    if (whole)
        __atomic_fetch_or(&l->free, 1u << (set - l->sets), __ATOMIC_RELEASE);
}
