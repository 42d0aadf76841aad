#include "stacyvm/read.h"

#include "core/base64.h"
#include "test.h"

/* Pieces of any sizes that are multiples of 3 become the base64 of the whole, from a pool and from the heap. */
static void pieces_become_one_text(void **state)
{
    enum { SIZE = 3 * 20000 + 1 };
    static uint8_t data[SIZE];
    static char want[BASE64_LEN(SIZE)], got[BASE64_LEN(SIZE)];
    struct seg_pool pool;
    static const size_t steps[] = {3, 999, 8190, 49152};

    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)(i * 31 + i / 251);
    base64_encode(data, SIZE, want);
    assert_int_equal(seg_pool_init(&pool, 64 * KIB), 0); /* less than the text: the heap has to help */
    for (size_t k = 0; k < 2 * ARRAY_LEN(steps); k++) {
        size_t step = steps[k / 2];
        struct chain out = {0};

        for (size_t at = 0; at < SIZE; at += step)
            assert_int_equal(read_put_base64(&out, k % 2 ? &pool : NULL, data + at, MIN(step, SIZE - at)), 0);
        assert_int_equal(out.bytes, sizeof want);
        chain_peek(&out, got, sizeof got);
        assert_memory_equal(got, want, sizeof want);
        chain_clear(&out);
    }
    assert_int_equal(pool.in_use, 0);
    seg_pool_destroy(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces_become_one_text)};

    return RUN(tests);
}
