/* Low descriptors: how a child takes three descriptors along and leaves all others behind, however many there
 * are. A table of descriptors is copied up to a number and no further for the price of what lies below it
 * (close_range(2) with CLOSE_RANGE_UNSHARE), whereas to copy two thousand pipe ends and to close them again
 * at exec takes longer than all the rest of a spawn.
 *
 * So what the child needs must have a low number, in an agent whose low numbers were all given away long ago.
 * A few are therefore held from the start, three for each spawn thread, by /dev/null; a spawn puts its own
 * there for as long as it lasts. */
#ifndef GUEST_EXEC_LOWFDS_H
#define GUEST_EXEC_LOWFDS_H

#include "core/base.h"
#include "core/limits.h"

/* What one spawn borrows. */
struct lowfds_set {
    int fds[3];   /* -1: lost, because it could not be put back */
    bool lent[3]; /* not /dev/null now */
};

/* All zero: there are none, and every child gets a copy of the whole table. */
struct lowfds {
    int null_fd;
    int end;       /* all that a child may need is below; 0: the kernel cannot copy a part */
    unsigned free; /* bits of sets; atomic */
    struct lowfds_set sets[SPAWN_THREADS];
};

/* Takes the numbers. Before there are threads. null_fd is /dev/null, and stays open as long as this is used.
 * Where there are too few descriptors, or the kernel is older than 5.9, there are none. */
void lowfds_init(struct lowfds *l, int null_fd);

/* Gives them up; for tests. All must have been returned. */
void lowfds_destroy(struct lowfds *l);

/* Makes fds low: what lies too high is duplicated, so its owner may close it. Returns whether they are low
 * now; if not, fds is as it was. *set goes to lowfds_return in either case. From any thread. */
bool lowfds_lend(struct lowfds *l, int fds[3], struct lowfds_set **set);

/* Closes what was duplicated. NULL is nothing. */
void lowfds_return(struct lowfds *l, struct lowfds_set *set);

#endif
