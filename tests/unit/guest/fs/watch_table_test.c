/* The hash table: what is put in is found, also beside others of its hash, and nothing is left when it is empty. */
#include "test.h"

#include "guest/fs/watch_table.h"

struct thing {
    struct watch_item item;
    uint32_t hash;
};

static bool has(const struct watch_table *t, struct thing *wanted)
{
    struct watch_item *i = watch_table_first(t, wanted->hash);

    for (; i; i = watch_table_next(i)) {
        assert_int_equal(i->hash, wanted->hash);
        if (i == &wanted->item)
            return true;
    }
    return false;
}

static void finds_what_is_in_it(void **state)
{
    static struct thing things[1000];
    struct watch_table t = {0};

    (void)state;
    assert_null(watch_table_first(&t, 0));
    for (size_t i = 0; i < ARRAY_LEN(things); i++) {
        things[i].hash = (uint32_t)(i / 3 * 16); /* three of a hash, and few low bits */
        assert_int_equal(watch_table_add(&t, &things[i].item, things[i].hash), 0);
    }
    assert_int_equal(t.count, ARRAY_LEN(things));
    assert_true(t.cap >= t.count); /* it has grown */
    for (size_t i = 0; i < ARRAY_LEN(things); i += 2)
        watch_table_remove(&t, &things[i].item);
    for (size_t i = 0; i < ARRAY_LEN(things); i++)
        assert_int_equal(has(&t, &things[i]), i % 2);
    for (size_t i = 1; i < ARRAY_LEN(things); i += 2)
        watch_table_remove(&t, &things[i].item);
    assert_int_equal(t.count, 0);
    assert_null(t.slots);
}

static void hashes_place_and_name(void **state)
{
    (void)state;
    assert_int_equal(watch_table_hash(7, "name"), watch_table_hash(7, "name"));
    assert_int_not_equal(watch_table_hash(7, "name"), watch_table_hash(8, "name"));
    assert_int_not_equal(watch_table_hash(7, "name"), watch_table_hash(7ull << 40, "name"));
    assert_int_not_equal(watch_table_hash(7, "name"), watch_table_hash(7, "nam"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_in_it),
        cmocka_unit_test(hashes_place_and_name),
    };

    return RUN(tests);
}
