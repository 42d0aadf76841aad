/* Segments: the reference-counted buffers that every streamed byte lives in, from the read of a pipe to the
 * write of a socket. A pool has a fixed number of SEG_SIZE segments in one reserved address range; the kernel
 * backs only those in use and the warm ones. A large segment is SEG_UNITS neighbours that are taken as one. Small bytes
 * (headers, little messages) live in heap segments.
 *
 * Threads: the loop's only. A reference is a plain counter.
 * Who frees: the last seg_unref. A pool lives as long as the process. */
#ifndef CORE_SEG_H
#define CORE_SEG_H

#include "core/base.h"
#include "core/limits.h"

#define SEG_UNITS (SEG_LARGE / SEG_SIZE)

struct seg_pool;

struct seg {
    uint8_t *data;         /* cap bytes */
    struct seg_pool *pool; /* NULL: a heap segment */
    struct seg *next;      /* the owner's list (ring) or the pool's free list */
    uint64_t base;         /* the owner's: stream offset of the first byte (ring) */
    uint32_t cap;          /* bytes at data */
    uint32_t used;         /* bytes filled, from the start */
    uint32_t refs;
    bool secret; /* wiped when the last reference goes */
};

struct seg_pool {
    uint8_t *base;       /* address range of total * SEG_SIZE bytes */
    struct seg *segs;    /* total headers, in a lazily backed mapping; of a large segment the first counts */
    uint32_t total;      /* units of SEG_SIZE there are */
    uint32_t in_use;     /* units with a reference */
    uint32_t top;        /* units from here on are cold: neither in use nor warm */
    uint32_t cold;       /* the first unit that may be */
    uint32_t cold_large; /* the first from where SEG_UNITS together may be */
    uint32_t warm;       /* free units that the kernel still backs */
    uint32_t taken;      /* how often a segment was taken; wraps around */
    struct seg *free_warm;
    struct seg *free_large; /* warm too */
    /* Called when warm segments exceed SEG_WARM_BYTES, from within seg_unref: arrange a seg_pool_trim. */
    void (*on_excess)(struct seg_pool *pool, void *arg);
    /* Called when a segment becomes free while someone called seg_pool_want. One shot. */
    void (*on_free)(struct seg_pool *pool, void *arg);
    void *arg;
    bool wanted;
};

/* Reserves a pool of `bytes` (rounded down to segments, at least one). Returns 0, or -1 with errno. */
MUST_CHECK int seg_pool_init(struct seg_pool *pool, size_t bytes);

/* The same for two of them, side by side in one reservation. */
MUST_CHECK int seg_pool_init_two(struct seg_pool *a, size_t a_bytes, struct seg_pool *b, size_t b_bytes);

/* Gives the address range back. No segment of the pool may have a reference. For tests. */
void seg_pool_destroy(struct seg_pool *pool);

/* A segment with one reference, used = 0; NULL when the pool is exhausted. */
struct seg *seg_get(struct seg_pool *pool);

/* The same of SEG_LARGE bytes; NULL too when no neighbours are known to be free. */
struct seg *seg_get_large(struct seg_pool *pool);

/* What a segment of a pool counts for, in units of SEG_SIZE. */
static inline uint32_t seg_units(const struct seg *s)
{
    return s->cap / SEG_SIZE;
}

/* Units that can still be had. */
static inline uint32_t seg_pool_free(const struct seg_pool *pool)
{
    return pool->total - pool->in_use;
}

/* What may be held for one stream: `bytes`, and half as much for every fifth of the pool that is in use; at least a
 * segment. */
static inline size_t seg_pool_portion(const struct seg_pool *pool, size_t bytes)
{
    return MAX(bytes >> ((uint64_t)pool->in_use * 5 / pool->total), (size_t)SEG_SIZE);
}

/* Asks for one on_free call at the next free segment. */
static inline void seg_pool_want(struct seg_pool *pool)
{
    pool->wanted = true;
}

/* Gives all warm segments but keep_bytes back to the kernel. */
void seg_pool_trim(struct seg_pool *pool, size_t keep_bytes);

/* A heap segment of `cap` bytes with one reference; NULL when out of memory. */
struct seg *seg_heap(size_t cap);

static inline struct seg *seg_ref(struct seg *s)
{
    s->refs++;
    return s;
}

/* Gives one reference up; the last one frees the segment. */
void seg_unref(struct seg *s);

#endif
