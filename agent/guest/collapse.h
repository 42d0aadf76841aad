/* Huge pages for the agent's own memory, so that a host that restores a snapshot has few pages to fetch. */
#ifndef GUEST_COLLAPSE_H
#define GUEST_COLLAPSE_H

#include "core/err.h"

struct collapse_report {
    uint64_t regions;      /* private, anonymous, with room for a huge page */
    uint64_t chunks;       /* places for one in them */
    uint64_t collapsed;    /* that are one now and were not before */
    uint64_t already_huge; /* that were one before */
    uint64_t
        skipped; /* that the kernel left as they are: nothing is in them, it has no huge pages, or no memory */
    uint64_t elapsed_ms;
};

/* Asks the kernel for it (madvise(2), MADV_COLLAPSE, Linux 6.1) and counts by what smaps says. It takes milliseconds: in a
 * worker. Returns 0, or -1 with *e: internal. */
MUST_CHECK int collapse_own_memory(struct collapse_report *r, struct err *e);

#endif
