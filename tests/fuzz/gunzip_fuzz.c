#include "http/gunzip.h"

#include "fuzz.h"
#include "rpc/gzip.h"

#define MOST ((size_t)1 << 20)

/* Unpacks the input in pieces, with little room at a time; -1 when it is refused. */
static ptrdiff_t unpack(const uint8_t *data, size_t size, struct fuzz_cuts *cuts, char *out, bool *whole)
{
    struct gunzip *g = gunzip_new();
    ptrdiff_t sum = 0, n = 0;
    struct err e;

    CHECK(g);
    for (size_t at = 0; at < size && n >= 0;) {
        size_t piece = fuzz_cut(cuts, size - at);
        CLEANUP_FREE char *copy = fuzz_copy(data + at, piece);
        struct bytes in = {copy, piece};

        while ((size_t)sum < MOST &&
               (n = gunzip_next(g, &in, out + sum, MIN(fuzz_cut(cuts, 4096), MOST - (size_t)sum), &e)) > 0)
            sum += n;
        if (n == 0)
            CHECK(in.len == 0);
        else if (n < 0)
            CHECK(e.status == STATUS_INVALID_ARGUMENT);
        else
            break; /* as much as is looked at */
        at += piece;
    }
    *whole = gunzip_end(g, &e) == 0;
    gunzip_free(g);
    return n < 0 ? -1 : sum;
}

/* In pieces it is what it is at once. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    CLEANUP_FREE char *out = malloc(MOST);
    CLEANUP_FREE uint8_t *plain = NULL;
    struct err e;
    bool whole;
    size_t len;
    ptrdiff_t n;

    CHECK(out);
    n = unpack(data, size, &cuts, out, &whole);
    plain = gzip_decompress((struct bytes){(const char *)data, size}, MOST - 1, &len, &e);
    if (plain)
        CHECK(n == (ptrdiff_t)len && whole && memcmp(out, plain, len) == 0);
    else if (e.status == STATUS_INVALID_ARGUMENT)
        CHECK(n < 0 || !whole);
    return 0;
}
