/* A chain: an ordered list of byte ranges, each holding a reference to its segment. It is a connection's
 * out-queue, a frame on its way, a request body, the input waiting for a process. Bytes move from chain to
 * chain without being copied.
 *
 * A zeroed struct is an empty chain. Who frees: chain_clear. Threads: one at a time. A function that can fail
 * returns 0 or -1 (out of memory), and leaves the chain as it was when it fails. */
#ifndef CORE_CHAIN_H
#define CORE_CHAIN_H

#include <sys/uio.h>

#include "core/seg.h"

struct chain_item {
    struct seg *seg;
    uint8_t *data;
    uint32_t len;
};

struct chain {
    struct chain_item *items;
    uint32_t head;  /* index of the first item */
    uint32_t count; /* items */
    uint32_t cap;   /* slots at items */
    size_t bytes;   /* in all items */
};

/* An empty chain may have no list, and C does not even let 0 be added to NULL. */
static inline const struct chain_item *chain_item_at(const struct chain *c, uint32_t i)
{
    return c->items ? c->items + c->head + i : NULL;
}

#define CHAIN_FOREACH(it, c)                                                                                 \
    for (const struct chain_item *(it) = chain_item_at(c, 0), *it##_end = chain_item_at(c, (c)->count);      \
         (it) < it##_end; (it)++)

/* Appends a copy of the bytes. Small copies share a heap segment. */
MUST_CHECK int chain_copy(struct chain *c, const void *data, size_t len);

/* Appends the range of `seg` at `data` with a new reference. len may be 0: nothing happens. */
MUST_CHECK int chain_ref(struct chain *c, struct seg *seg, uint8_t *data, size_t len);

/* The same, taking over the caller's reference: on failure too (it is given up then). */
MUST_CHECK int chain_give(struct chain *c, struct seg *seg, uint8_t *data, size_t len);

/* At least `min` writable bytes at the end of the chain, *room of them; NULL when out of memory. With a pool
 * a new segment comes from there (min <= SEG_SIZE) and NULL may also mean that it is exhausted; without one,
 * from the heap. Valid until the next call on the chain; chain_commit appends what was written. */
uint8_t *chain_reserve(struct chain *c, struct seg_pool *pool, size_t min, size_t *room);

/* Appends the first n bytes of the last chain_reserve. */
void chain_commit(struct chain *c, size_t n);

/* Moves the first n bytes (n <= src->bytes) to the end of dst. On failure both are as before. */
MUST_CHECK int chain_move(struct chain *dst, struct chain *src, size_t n);

/* Appends references to the n bytes of src behind its first `skip` (skip + n <= src->bytes). src does not change. */
MUST_CHECK int chain_share(struct chain *dst, const struct chain *src, size_t skip, size_t n);

/* Drops the first n bytes (n <= c->bytes). */
void chain_drop(struct chain *c, size_t n);

/* What holds its bytes is wiped when nobody refers to it any more. */
void chain_wipe_later(const struct chain *c);

/* Drops everything, and the memory of the list itself. */
void chain_clear(struct chain *c);

/* Fills iov with at most max_iov ranges and max_bytes bytes from the front; returns how many entries. */
int chain_iov(const struct chain *c, struct iovec *iov, int max_iov, size_t max_bytes);

/* Copies the n bytes behind the first `skip` to out (skip + n <= c->bytes). They stay in the chain. */
void chain_peek_at(const struct chain *c, size_t skip, void *out, size_t n);

/* The same from the front. */
static inline void chain_peek(const struct chain *c, void *out, size_t n)
{
    chain_peek_at(c, 0, out, n);
}

/* The first n bytes in one piece: a pointer into the chain when they lie so, else copied to `scratch`, which
 * has room for n. */
const uint8_t *chain_front(const struct chain *c, size_t n, void *scratch);

#endif
