#include "http/gzip.h"

#include <zlib.h>

struct gzip_stream {
    z_stream z;
};

struct gzip_stream *gzip_new(void)
{
    struct gzip_stream *g = calloc(1, sizeof *g);

    if (!g)
        return NULL;
    if (deflateInit2(&g->z, 1, Z_DEFLATED, 13 + 16, 5, Z_DEFAULT_STRATEGY) == Z_OK)
        return g;
    free(g);
    return NULL;
}

void gzip_free(struct gzip_stream *g)
{
    if (!g)
        return;
    deflateEnd(&g->z);
    free(g);
}

/* One call of zlib: from the first piece of `in` to the end of `out`, at most `max` bytes. Returns zlib's verdict, or
 * Z_MEM_ERROR where there is no segment; *made says how many bytes were appended. */
static int step(struct gzip_stream *g, struct chain *in, int flush, struct seg_pool *pool, struct chain *out,
                size_t max, size_t *made)
{
    static const Bytef nothing;
    const struct chain_item *first = in->bytes > 0 ? chain_item_at(in, 0) : NULL;
    uint32_t len = first ? first->len : 0;
    size_t room;
    uint8_t *at = chain_reserve(out, pool, 1, &room);
    int ret;

    *made = 0;
    if (!at)
        return Z_MEM_ERROR;
    room = MIN(room, max);
    g->z.next_in = first ? first->data : (Bytef *)(uintptr_t)&nothing;
    g->z.avail_in = len;
    g->z.next_out = at;
    g->z.avail_out = (uInt)room;
    ret = deflate(&g->z, flush);
    *made = room - g->z.avail_out;
    chain_commit(out, *made);
    chain_drop(in, len - g->z.avail_in);
    return ret;
}

enum gzip_result gzip_deflate(struct gzip_stream *g, struct chain *in, bool end, struct seg_pool *pool,
                              struct chain *out, size_t max)
{
    while (in->bytes > 0 || end) {
        bool last = end && in->count <= 1;
        size_t made;
        int ret;

        if (max == 0)
            return GZIP_FULL;
        ret = step(g, in, last ? Z_FINISH : Z_NO_FLUSH, pool, out, max, &made);
        max -= made;
        if (ret == Z_STREAM_END)
            return GZIP_END;
        if (ret == Z_MEM_ERROR)
            return GZIP_NO_MEMORY;
    }
    return GZIP_NEEDS_INPUT;
}
