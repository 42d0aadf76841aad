#include "rpc/gzip.h"

#include <zlib.h>

#include "fuzz.h"

#define MOST 65536

/* The bytes as one gzip member, on the heap. */
static char *pack(const void *data, size_t size, size_t *len)
{
    size_t room = size + size / 8 + 64;
    char *packed = malloc(room);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data,
                  .avail_in = (uInt)size,
                  .next_out = (Bytef *)packed,
                  .avail_out = (uInt)room};

    CHECK(packed && deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&z);
    *len = room - z.avail_out;
    return packed;
}

/* What is packed can be unpacked, to the last byte, where there is room for it and only there. */
static void check_whole(const void *data, size_t size)
{
    size_t len, n;
    CLEANUP_FREE char *packed = pack(data, size, &len);
    CLEANUP_FREE uint8_t *plain = NULL;
    struct err e;

    plain = gzip_decompress((struct bytes){packed, len}, size, &n, &e);
    CHECK(plain && n == size && (n == 0 || memcmp(plain, data, n) == 0));
    if (size > 0) {
        CHECK(!gzip_decompress((struct bytes){packed, len}, size - 1, &n, &e));
        CHECK(e.status == STATUS_RESOURCE_EXHAUSTED);
    }
    CHECK(!gzip_decompress((struct bytes){packed, len - 1}, size, &n, &e));
    CHECK(e.status == STATUS_INVALID_ARGUMENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *in = fuzz_copy(data, size);
    CLEANUP_FREE uint8_t *plain = NULL;
    struct err e;
    size_t n;

    plain = gzip_decompress((struct bytes){in, size}, MOST, &n, &e);
    if (plain) {
        CHECK(n <= MOST);
        check_whole(plain, n);
    } else {
        CHECK(e.status == STATUS_INVALID_ARGUMENT || e.status == STATUS_RESOURCE_EXHAUSTED);
    }
    check_whole(data, size);
    return 0;
}
