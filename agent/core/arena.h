/* An arena: memory that is freed all at once, with a bound. Decoded messages live in one.
 * A zeroed struct with `max` set is an empty arena. Threads: one at a time. */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include "core/base.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t left;                /* free bytes in the newest block */
    size_t total;               /* bytes of all blocks */
    size_t max;                 /* bound of total */
    bool secret;                /* its blocks are wiped when they go */
    bool exhausted;             /* the bound, not the machine, refused an allocation */
};

/* `size` bytes aligned for any type, not zeroed; NULL when the bound or the machine's memory is reached. */
void *arena_alloc(struct arena *a, size_t size);

/* A zeroed array of n elements. */
void *arena_array(struct arena *a, size_t n, size_t size);

/* A NUL-terminated copy. */
char *arena_string(struct arena *a, struct bytes s);

/* Frees all blocks; the arena is empty and usable again. */
void arena_clear(struct arena *a);

#endif
