#include "http/gzip.h"

#include "core/err.h"
#include "fuzz.h"
#include "rpc/gzip.h"

#define MOST 65536

/* All of `in` through the stream, cut as the input says, at most MOST bytes of it. */
static enum gzip_result run(const uint8_t *data, size_t size, bool deflates, struct chain *out)
{
    struct gzip_stream *g = deflates ? gzip_deflate_new() : gzip_inflate_new();
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    enum gzip_result result = GZIP_NEEDS_INPUT;
    struct chain in = {0};
    size_t at = 0;

    CHECK(g);
    while (out->bytes < MOST) {
        size_t n = fuzz_cut(&cuts, size - at), room = fuzz_cut(&cuts, MOST), before = out->bytes;

        if (result == GZIP_NEEDS_INPUT) {
            CHECK(chain_copy(&in, data + at, n) == 0);
            at += n;
        }
        result = deflates ? gzip_deflate(g, &in, at == size, NULL, out, room)
                          : gzip_inflate(g, &in, at == size, NULL, out, room);
        CHECK(out->bytes - before <= room);
        if (result == GZIP_END || result == GZIP_BROKEN)
            break;
        CHECK(result != GZIP_NEEDS_INPUT || (in.bytes == 0 && at < size));
    }
    chain_clear(&in);
    gzip_free(g);
    return result;
}

/* What the stream says in pieces rpc/gzip says of the whole. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE uint8_t *plain = NULL, *mine = malloc(MOST + size + 1);
    struct chain out = {0}, packed = {0}, again = {0};
    enum gzip_result result;
    struct err e;
    size_t n;

    CHECK(mine);
    if (size > MOST / 4)
        size = MOST / 4;
    result = run(data, size, false, &out);
    plain = gzip_decompress((struct bytes){(const char *)data, size}, MOST - 1, &n, &e);
    if (plain) {
        CHECK(result == GZIP_END && out.bytes == n);
        chain_peek(&out, mine, n);
        CHECK(n == 0 || memcmp(mine, plain, n) == 0);
    } else {
        CHECK(result != GZIP_END || out.bytes >= MOST - 1);
    }
    CHECK(run(data, size, true, &packed) == GZIP_END);
    n = packed.bytes;
    CHECK(n <= MOST);
    chain_peek(&packed, mine, n);
    CHECK(run(mine, n, false, &again) == GZIP_END && again.bytes == size);
    chain_peek(&again, mine, size);
    CHECK(size == 0 || memcmp(mine, data, size) == 0);
    chain_clear(&out);
    chain_clear(&packed);
    chain_clear(&again);
    return 0;
}
