/* gzip (RFC 1952) of whole messages, with a bound on what they may grow to. */
#ifndef RPC_GZIP_H
#define RPC_GZIP_H

#include "core/chain.h"
#include "core/err.h"

/* Decompresses all of `in`, which must be whole gzip members, to a heap buffer that the caller owns; *len is
 * its size. NULL with *e: invalid_argument (not gzip, truncated), resource_exhausted (larger than max, out of
 * memory). */
uint8_t *gzip_decompress(struct bytes in, size_t max, size_t *len, struct err *e);

/* Appends `in` as one gzip member to `out`, in segments of the pool (NULL: on the heap). Returns 0, or -1 without memory;
 * `out` may hold a part then. */
MUST_CHECK int gzip_compress(const struct chain *in, struct seg_pool *pool, struct chain *out);

#endif
