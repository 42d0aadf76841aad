#include "rpc/gzip.h"

#include <zlib.h>

#include "test.h"

static uint8_t packed[1 << 20];

/* gzip of n bytes of 'x' or of noise. */
static struct bytes pack(size_t n, bool noise)
{
    uint8_t *plain = malloc(n + 1);
    z_stream z = {.next_in = plain, .avail_in = (uInt)n, .next_out = packed, .avail_out = sizeof packed};

    for (size_t i = 0; i < n; i++)
        plain[i] = noise ? (uint8_t)rand() : 'x';
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    free(plain);
    return (struct bytes){(char *)packed, sizeof packed - z.avail_out};
}

static void whole(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 100000};
    struct err e;
    size_t len;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        for (int noise = 0; noise < 2; noise++) {
            uint8_t *out = gzip_decompress(pack(sizes[i], noise), 100000, &len, &e);

            assert_non_null(out);
            assert_int_equal(len, sizes[i]);
            if (!noise && len)
                assert_int_equal(out[len - 1], 'x');
            free(out);
        }
    }
}

static void a_bomb_is_bounded(void **state)
{
    struct err e;
    size_t len;

    (void)state;
    assert_null(gzip_decompress(pack(50 << 20, false), 1 << 20, &len, &e));
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(e.text, "1048576"));
    free(gzip_decompress(pack(1 << 20, false), 1 << 20, &len, &e));
    assert_int_equal(len, 1 << 20);
}

static void members_follow_each_other(void **state)
{
    struct bytes one = pack(3, false);
    struct err e;
    size_t len;
    uint8_t *out;

    (void)state;
    memcpy(packed + one.len, packed, one.len);
    out = gzip_decompress((struct bytes){one.ptr, 2 * one.len}, 100, &len, &e);
    assert_int_equal(len, 6);
    free(out);
}

static void refused(void **state)
{
    struct bytes good = pack(1000, true);
    struct err e;
    size_t len;

    (void)state;
    for (size_t n = 0; n < good.len; n += 37) {
        assert_null(gzip_decompress((struct bytes){good.ptr, n}, 10000, &len, &e));
        assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    }
    packed[good.len - 6] ^= 1; /* the checksum */
    assert_null(gzip_decompress(good, 10000, &len, &e));
    assert_null(gzip_decompress(BYTES_LIT("not gzip at all"), 10000, &len, &e));
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    good = pack(10, false);
    packed[good.len] = 'x'; /* rubbish behind it */
    assert_null(gzip_decompress((struct bytes){good.ptr, good.len + 1}, 10000, &len, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),
        cmocka_unit_test(a_bomb_is_bounded),
        cmocka_unit_test(members_follow_each_other),
        cmocka_unit_test(refused),
    };

    return RUN(tests);
}
