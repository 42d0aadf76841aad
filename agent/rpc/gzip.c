#include "rpc/gzip.h"

#include <zlib.h>

#include "core/limits.h"

uint8_t *gzip_decompress(struct bytes in, size_t max, size_t *len, struct err *e)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)in.ptr, .avail_in = (uInt)in.len};
    size_t cap = MIN(max + 1, MAX(4 * in.len, (size_t)(4 * KIB)));
    CLEANUP_FREE uint8_t *out = malloc(cap);
    int ret;

    *len = 0;
    if (!out || inflateInit2(&z, 15 + 16) != Z_OK) {
        err_nomem(e, "decompress the message");
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
            return TAKE(out);
        }
        if ((ret == Z_OK || ret == Z_BUF_ERROR) && z.avail_out == 0) {
            uint8_t *more;

            cap = MIN(max + 1, cap * 2);
            more = realloc(out, cap);
            if (!more) {
                err_nomem(e, "decompress the message");
                break;
            }
            out = more;
            continue;
        }
        if (ret == Z_MEM_ERROR)
            err_nomem(e, "decompress the message");
        else
            err_set(e, STATUS_INVALID_ARGUMENT, 0, "decompress: %s",
                    z.avail_in == 0 ? "the gzip data ends too early" : "not gzip data");
        break;
    }
    inflateEnd(&z);
    return NULL;
}
