#include "rpc/gzip.h"

#include <malloc.h>
#include <zlib.h>

#include "core/limits.h"

/* zlib's window holds what was decompressed last, and that may be a secret. */
static void wipe_and_free(void *opaque, void *p)
{
    (void)opaque;
    explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

/* Room for twice as much behind *out, at most `max`: realloc would leave a copy. -1: out of memory. */
static int grow(uint8_t **out, size_t *cap, size_t max)
{
    size_t more = MIN(max, 2 * *cap);
    uint8_t *p = malloc(more);

    if (!p)
        return -1;
    memcpy(p, *out, *cap);
    wipe_and_free(NULL, *out);
    *out = p;
    *cap = more;
    return 0;
}

static void *allocate(void *opaque, unsigned n, unsigned size)
{
    (void)opaque;
    return calloc(n, size);
}

uint8_t *gzip_decompress(struct bytes in, size_t max, size_t *len, struct err *e)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)in.ptr,
                  .avail_in = (uInt)in.len,
                  .zalloc = allocate,
                  .zfree = wipe_and_free};
    size_t cap = MIN(max + 1, MAX(4 * in.len, (size_t)(4 * KIB)));
    uint8_t *out = malloc(cap);
    int ret;

    *len = 0;
    if (!out || inflateInit2(&z, 15 + 16) != Z_OK) {
        err_nomem(e, "decompress the message");
        free(out);
        return NULL;
    }
    for (;;) {
        z.next_out = out + *len;
        z.avail_out = (uInt)(cap - *len);
        ret = inflate(&z, Z_NO_FLUSH);
        *len = cap - z.avail_out;
        if (*len > max) {
            err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "message is larger than configured max: %zu", max);
            break;
        }
        if (ret == Z_STREAM_END && z.avail_in > 0) { /* members may follow each other */
            ret = inflateReset(&z);
            if (ret == Z_OK)
                continue;
        }
        if (ret == Z_STREAM_END) {
            inflateEnd(&z);
            return out;
        }
        if ((ret == Z_OK || ret == Z_BUF_ERROR) && z.avail_out == 0) {
            if (grow(&out, &cap, max + 1) == 0)
                continue;
            err_nomem(e, "decompress the message");
            break;
        }
        if (ret == Z_MEM_ERROR)
            err_nomem(e, "decompress the message");
        else
            err_set(e, STATUS_INVALID_ARGUMENT, 0, "decompress: %s",
                    z.avail_in == 0 ? "the gzip data ends too early" : "not gzip data");
        break;
    }
    inflateEnd(&z);
    wipe_and_free(NULL, out);
    return NULL;
}

int gzip_compress(const struct chain *in, struct seg_pool *pool, struct chain *out)
{
    const struct chain_item *it = chain_item_at(in, 0), *end = chain_item_at(in, in->count);
    z_stream z = {0};
    int ret = Z_OK;

    /* The fastest level and 64 KiB of state: a message is compressed while others wait. */
    if (deflateInit2(&z, 1, Z_DEFLATED, 13 + 16, 5, Z_DEFAULT_STRATEGY) != Z_OK)
        return -1;
    while (ret != Z_STREAM_END) {
        size_t room;

        if (z.avail_in == 0 && it < end) {
            z.next_in = it->data;
            z.avail_in = it->len;
            it++;
        }
        z.next_out = chain_reserve(out, pool, KIB, &room);
        if (!z.next_out)
            break;
        z.avail_out = (uInt)room;
        ret = deflate(&z, it == end ? Z_FINISH : Z_NO_FLUSH);
        chain_commit(out, room - z.avail_out);
        if (ret == Z_STREAM_ERROR)
            break;
    }
    deflateEnd(&z);
    return ret == Z_STREAM_END ? 0 : -1;
}
