#include "test.h"

#include "ctl/client/buffer.c"

/* What goes in comes out, in order, however it is cut; and the block does not grow with what has gone through. */
static void bytes_come_out_as_they_went_in(void **state)
{
    struct buffer b = {0};
    uint8_t next_in = 0, next_out = 0, block[300];

    (void)state;
    for (size_t turn = 0; turn < 20000; turn++) {
        size_t in = turn * 7 % sizeof block, out;

        for (size_t i = 0; i < in; i++)
            block[i] = next_in++;
        assert_int_equal(buffer_add(&b, block, in), 0);
        out = MIN(buffer_len(&b), turn * 13 % sizeof block);
        for (size_t i = 0; i < out; i++)
            assert_int_equal((uint8_t)buffer_bytes(&b).ptr[i], next_out++);
        buffer_take(&b, out);
    }
    assert_in_range(b.cap, 1, 1 << 16);
    buffer_clear(&b);
}

static void what_cannot_be_held_leaves_it_as_it_was(void **state)
{
    struct buffer b = {0};

    (void)state;
    assert_int_equal(buffer_add(&b, "abc", 3), 0);
    assert_int_equal(buffer_add(&b, "x", SIZE_MAX / 2), -1);
    assert_memory_equal(buffer_bytes(&b).ptr, "abc", 3);
    assert_int_equal(buffer_len(&b), 3);
    buffer_clear(&b);
    assert_int_equal(buffer_bytes(&b).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_as_they_went_in),
        cmocka_unit_test(what_cannot_be_held_leaves_it_as_it_was),
    };

    return RUN(tests);
}
