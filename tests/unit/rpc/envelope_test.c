#include "rpc/envelope.h"

#include "test.h"

static void both_ways(void **state)
{
    static const uint32_t lengths[] = {0, 1, 255, 256, 65536, 0x01020304, UINT32_MAX};
    uint8_t head[ENVELOPE_SIZE];
    struct envelope v;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        envelope_encode((uint8_t)i, lengths[i], head);
        assert_int_equal(envelope_decode(head, sizeof head, &v), ENVELOPE_SIZE);
        assert_int_equal(v.flags, i);
        assert_int_equal(v.len, lengths[i]);
        for (size_t n = 0; n < ENVELOPE_SIZE; n++)
            assert_int_equal(envelope_decode(head, n, &v), 0);
    }
    envelope_encode(ENVELOPE_END_STREAM, 2, head);
    assert_memory_equal(head, "\x02\0\0\0\x02", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_ways)};

    return RUN(tests);
}
