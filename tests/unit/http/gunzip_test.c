#include "http/gunzip.h"

#include <zlib.h>

#include "test.h"

#define PLAIN 100000

static char plain[PLAIN], packed[2 * PLAIN];
static struct err e;

/* The first n bytes of `plain` as a gzip member at `at`; its length. */
static size_t pack(size_t n, char *at)
{
    z_stream z = {
        .next_in = (Bytef *)plain, .avail_in = (uInt)n, .next_out = (Bytef *)at, .avail_out = PLAIN};

    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return PLAIN - z.avail_out;
}

/* Unpacks the first n bytes of `packed`, in pieces of that size, with so much room. What came, or -1; `ended` as gunzip_end. */
static ptrdiff_t unpack(size_t n, size_t piece, size_t room, char *out, int *ended)
{
    struct gunzip *g = gunzip_new();
    ptrdiff_t sum = 0, got = 0;

    assert_non_null(g);
    for (size_t at = 0; at < n && got >= 0; at += piece) {
        struct bytes in = {packed + at, MIN(piece, n - at)};

        while ((got = gunzip_next(g, &in, out + sum, room, &e)) > 0)
            sum += got;
        if (got == 0)
            assert_int_equal(in.len, 0);
    }
    *ended = gunzip_end(g, &e);
    gunzip_free(g);
    return got < 0 ? -1 : sum;
}

static void in_pieces_of_any_size(void **state)
{
    static const size_t pieces[] = {1, 7, 4096, PLAIN}, rooms[] = {1, 1000, PLAIN};
    static char out[2 * PLAIN];
    size_t n = pack(PLAIN, packed);
    int ended;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        for (size_t k = 0; k < ARRAY_LEN(rooms); k++) {
            assert_int_equal(unpack(n, pieces[i], rooms[k], out, &ended), PLAIN);
            assert_int_equal(ended, 0);
            assert_memory_equal(out, plain, PLAIN);
        }
    }
}

static void members_follow_each_other(void **state)
{
    static char out[PLAIN];
    size_t n = pack(10, packed);
    int ended;

    (void)state;
    n += pack(0, packed + n);
    n += pack(20, packed + n);
    assert_int_equal(unpack(n, 3, 5, out, &ended), 30);
    assert_int_equal(ended, 0);
    assert_memory_equal(out + 10, plain, 20);
}

static void an_end_before_its_time(void **state)
{
    static char out[PLAIN];
    size_t n = pack(1000, packed);
    int ended;

    (void)state;
    for (size_t cut = 0; cut < n; cut++) {
        assert_true(unpack(cut, PLAIN, 4096, out, &ended) >= 0);
        assert_int_equal(ended, -1);
        assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    }
}

static void something_else_behind_it(void **state)
{
    static char out[PLAIN];
    size_t n = pack(1000, packed);
    int ended;

    (void)state;
    memcpy(packed + n, "rest", 4);
    assert_int_equal(unpack(n + 4, PLAIN, 4096, out, &ended), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_int_equal(unpack(n + 4, 1, 4096, out, &ended), -1);
    packed[n / 2] ^= 1; /* and in the middle of it */
    assert_int_equal(unpack(n, PLAIN, 4096, out, &ended), -1);
}

/* A bomb is no more than its reader asks for. */
static void never_more_than_there_is_room(void **state)
{
    struct gunzip *g = gunzip_new();
    size_t n;
    struct bytes in;
    char out[101];

    (void)state;
    memset(plain, 0, PLAIN);
    n = pack(PLAIN, packed);
    in = (struct bytes){packed, n};
    out[100] = 'x';
    for (int i = 0; i < PLAIN / 100; i++)
        assert_int_equal(gunzip_next(g, &in, out, 100, &e), 100);
    assert_int_equal(gunzip_next(g, &in, out, 100, &e), 0);
    assert_int_equal(out[100], 'x');
    gunzip_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_pieces_of_any_size),         cmocka_unit_test(members_follow_each_other),
        cmocka_unit_test(an_end_before_its_time),        cmocka_unit_test(something_else_behind_it),
        cmocka_unit_test(never_more_than_there_is_room),
    };

    for (size_t i = 0; i < PLAIN; i++)
        plain[i] = (char)(rand() % 7);
    return RUN(tests);
}
