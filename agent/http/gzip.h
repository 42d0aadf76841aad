/* gzip (RFC 1952) of a response's body, packed as it goes out: from chain to chain, in as many calls as it takes. (A request's is
 * http/gunzip's, whole messages are rpc/gzip's.) Threads: the loop's, as all chains. */
#ifndef HTTP_GZIP_H
#define HTTP_GZIP_H

#include "core/chain.h"

struct gzip_stream;

enum gzip_result {
    GZIP_NEEDS_INPUT, /* took all of `in` */
    GZIP_FULL,        /* appended `max` bytes, and there are more */
    GZIP_END,         /* all that there will be was appended; do not call it again */
    GZIP_NO_MEMORY,   /* no segment to be had: call it again when there is; what was appended counts */
};

/* The fastest level and about 56 KiB of state, for its owner shares one thread and a small memory with many.
 * NULL when out of memory. */
struct gzip_stream *gzip_new(void);

/* NULL is allowed. */
void gzip_free(struct gzip_stream *g);

/* Takes bytes off the front of `in` and appends at most `max` to `out`, in segments of `pool` (NULL: on the heap). With `end` no input follows what is in `in`: called until GZIP_END. */
enum gzip_result gzip_deflate(struct gzip_stream *g, struct chain *in, bool end, struct seg_pool *pool,
                              struct chain *out, size_t max);

#endif
