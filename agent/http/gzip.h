/* gzip (RFC 1952) of bodies, as they come and go: from chain to chain, in as many calls as it takes. (Whole messages are
 * rpc/gzip's.)
 *
 * A stream is made for one direction and owned by who made it. Each call takes bytes off the front of `in` and appends at most
 * `max` to `out`, in segments of `pool` (NULL: on the heap). Threads: the loop's, as all chains. */
#ifndef HTTP_GZIP_H
#define HTTP_GZIP_H

#include "core/chain.h"

struct gzip_stream;

enum gzip_result {
    GZIP_NEEDS_INPUT, /* took all of `in` */
    GZIP_FULL,        /* appended `max` bytes, and there are more */
    GZIP_END,         /* all that there will be was appended; do not call it again */
    GZIP_NO_MEMORY,   /* no segment to be had: call it again when there is; what was appended counts */
    GZIP_BROKEN,      /* inflate: this is not gzip data, or it ends too early; do not call it again */
};

/* One that compresses: the fastest level and about 56 KiB of state, for its owner shares one thread and a small memory with many.
 * NULL when out of memory. */
struct gzip_stream *gzip_deflate_new(void);

/* One that decompresses, with about 40 KiB of state (the sender chooses the window). NULL when out of memory. */
struct gzip_stream *gzip_inflate_new(void);

/* NULL is allowed. */
void gzip_free(struct gzip_stream *g);

/* Compresses. With `end` no input follows what is in `in`: called until GZIP_END. */
enum gzip_result gzip_deflate(struct gzip_stream *g, struct chain *in, bool end, struct seg_pool *pool,
                              struct chain *out, size_t max);

/* Decompresses one member after the other. GZIP_END comes only with `end`: until then another member may follow. */
enum gzip_result gzip_inflate(struct gzip_stream *g, struct chain *in, bool end, struct seg_pool *pool,
                              struct chain *out, size_t max);

#endif
