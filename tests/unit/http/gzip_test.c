#include "http/gzip.h"

#include <zlib.h>

#include "core/limits.h"
#include "test.h"

enum { PLAIN = 300000 };

static uint8_t plain[PLAIN];
static uint8_t unpacked[2 * PLAIN];

/* Text that packs to about a third. */
static void make_plain(void)
{
    for (size_t i = 0; i < PLAIN; i++)
        plain[i] = (uint8_t)('a' + (rand() & 3) * 2);
}

/* What zlib itself makes of the chain; -1 when it is not one whole member. */
static ptrdiff_t unpack(const struct chain *c)
{
    z_stream z = {.next_out = unpacked, .avail_out = sizeof unpacked};
    int ret = Z_OK;

    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    CHAIN_FOREACH (it, c) {
        z.next_in = it->data;
        z.avail_in = it->len;
        ret = inflate(&z, Z_NO_FLUSH);
    }
    inflateEnd(&z);
    return ret == Z_STREAM_END && z.avail_in == 0 ? (ptrdiff_t)(sizeof unpacked - z.avail_out) : -1;
}

/* Compresses `n` bytes that come in pieces and go out in pieces. */
static void pack(size_t n, size_t piece, size_t max, struct chain *out)
{
    struct gzip_stream *g = gzip_new();
    struct chain in = {0};
    enum gzip_result r = GZIP_NEEDS_INPUT;

    assert_non_null(g);
    for (size_t at = 0; at < n && r != GZIP_END; at += piece) {
        size_t len = MIN(piece, n - at);

        assert_int_equal(chain_copy(&in, plain + at, len), 0);
        do {
            size_t before = out->bytes;

            r = gzip_deflate(g, &in, at + len == n, NULL, out, max);
            assert_true(out->bytes - before <= max);
        } while (r == GZIP_FULL);
        assert_int_equal(r, at + len == n ? GZIP_END : GZIP_NEEDS_INPUT);
        assert_int_equal(in.bytes, 0);
    }
    chain_clear(&in);
    gzip_free(g);
}

static void deflates_in_pieces(void **state)
{
    static const size_t sizes[][3] = {
        {PLAIN, 65536, 1000}, {PLAIN, 100, 65536}, {PLAIN, PLAIN, PLAIN}, {1, 1, 7}};

    (void)state;
    make_plain();
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct chain out = {0};

        pack(sizes[i][0], sizes[i][1], sizes[i][2], &out);
        assert_int_equal(unpack(&out), sizes[i][0]);
        assert_memory_equal(unpacked, plain, sizes[i][0]);
        chain_clear(&out);
    }
}

static void deflates_nothing(void **state)
{
    struct gzip_stream *g = gzip_new();
    struct chain in = {0}, out = {0};

    (void)state;
    assert_int_equal(gzip_deflate(g, &in, false, NULL, &out, 100), GZIP_NEEDS_INPUT);
    assert_int_equal(gzip_deflate(g, &in, true, NULL, &out, 100), GZIP_END);
    assert_int_equal(unpack(&out), 0);
    chain_clear(&out);
    gzip_free(g);
}

/* What is taken out of a full pool waits, and nothing is lost. */
static void waits_for_the_pool(void **state)
{
    struct gzip_stream *g = gzip_new();
    struct chain in = {0}, out = {0}, sent = {0};
    struct seg_pool pool;
    enum gzip_result r;
    int waits = 0;

    (void)state;
    make_plain();
    assert_int_equal(seg_pool_init(&pool, 2 * SEG_SIZE), 0);
    assert_int_equal(chain_copy(&in, plain, PLAIN), 0);
    while ((r = gzip_deflate(g, &in, true, &pool, &out, SIZE_MAX)) != GZIP_END) {
        assert_int_equal(r, GZIP_NO_MEMORY);
        waits++;
        CHAIN_FOREACH (it, &out)
            assert_int_equal(chain_copy(&sent, it->data, it->len), 0);
        chain_clear(&out);
    }
    CHAIN_FOREACH (it, &out)
        assert_int_equal(chain_copy(&sent, it->data, it->len), 0);
    assert_true(waits > 2);
    assert_int_equal(unpack(&sent), PLAIN);
    assert_memory_equal(unpacked, plain, PLAIN);
    chain_clear(&in);
    chain_clear(&out);
    chain_clear(&sent);
    gzip_free(g);
    seg_pool_destroy(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deflates_in_pieces),
        cmocka_unit_test(deflates_nothing),
        cmocka_unit_test(waits_for_the_pool),
    };

    return RUN(tests);
}
