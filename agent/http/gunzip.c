#include "http/gunzip.h"

#include <zlib.h>

struct gunzip {
    z_stream z;
    bool whole; /* the last member is at its end */
};

struct gunzip *gunzip_new(void)
{
    struct gunzip *g = calloc(1, sizeof *g);

    if (g && inflateInit2(&g->z, 15 + 16) != Z_OK)
        free(TAKE(g));
    return g;
}

void gunzip_free(struct gunzip *g)
{
    if (g)
        inflateEnd(&g->z);
    free(g);
}

ptrdiff_t gunzip_next(struct gunzip *g, struct bytes *in, void *out, size_t room, struct err *e)
{
    size_t piece = MIN(in->len, (size_t)UINT32_MAX);
    int ret = Z_OK;

    g->z.next_in = (Bytef *)(uintptr_t)in->ptr;
    g->z.avail_in = (uInt)piece;
    g->z.next_out = out;
    g->z.avail_out = (uInt)MIN(room, (size_t)UINT32_MAX);
    while (ret == Z_OK && g->z.avail_out > 0 && (g->z.avail_in > 0 || !g->whole)) {
        if (g->whole && inflateReset(&g->z) != Z_OK)
            break;
        g->whole = false;
        ret = inflate(&g->z, Z_NO_FLUSH);
        if (ret == Z_STREAM_END) {
            g->whole = true;
            ret = Z_OK;
        }
    }
    in->ptr += piece - g->z.avail_in;
    in->len -= piece - g->z.avail_in;
    if (ret == Z_MEM_ERROR)
        return err_nomem(e, "decompress the body");
    if (ret != Z_OK && ret != Z_BUF_ERROR)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "decompress: not gzip data");
    return (char *)g->z.next_out - (char *)out;
}

int gunzip_end(const struct gunzip *g, struct err *e)
{
    return g->whole ? 0 : err_set(e, STATUS_INVALID_ARGUMENT, 0, "decompress: the gzip data ends too early");
}
