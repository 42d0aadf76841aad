#include <stdlib.h>

#include "test.h"

/* Looks at what is freed. */
static void free_and_look(void *p);

#define free free_and_look
#include "core/arena.c"
#undef free

static unsigned found; /* bytes 's' in what was freed */

static void free_and_look(void *p)
{
    const struct arena_block *b = p;

    for (size_t i = 0; i < b->size; i++)
        found += b->data[i] == 's';
    free(p);
}

static void bounded(void **state)
{
    struct arena a = {.max = 10000};
    uint8_t *p = arena_alloc(&a, 1), *q;

    (void)state;
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 16, 0);
    q = arena_alloc(&a, 17);
    assert_int_equal((uintptr_t)q % 16, 0);
    assert_true(q >= p + 16);
    memset(q, 1, 17);
    assert_non_null(arena_alloc(&a, 5000)); /* larger than a block */
    assert_false(a.exhausted);
    assert_null(arena_alloc(&a, 5000));
    assert_true(a.exhausted);
    assert_null(arena_alloc(&a, SIZE_MAX - 3));
    arena_clear(&a);
    assert_int_equal(a.total, 0);
    assert_non_null(arena_alloc(&a, 9000));
    arena_clear(&a);
}

static void strings_and_arrays(void **state)
{
    struct arena a = {.max = 10000};
    int *n;

    (void)state;
    assert_string_equal(arena_string(&a, BYTES_LIT("abc")), "abc");
    assert_string_equal(arena_string(&a, (struct bytes){NULL, 0}), "");
    n = arena_array(&a, 100, sizeof *n);
    for (int i = 0; i < 100; i++)
        assert_int_equal(n[i], 0);
    assert_null(arena_array(&a, SIZE_MAX / 2, 4)); /* the product overflows */
    arena_clear(&a);
    assert_non_null(arena_array(&a, 0, sizeof *n)); /* nothing at all is no failure */
    arena_clear(&a);
}

static void secrets_are_wiped(void **state)
{
    struct arena a = {.max = 100000};

    (void)state;
    found = 0;
    assert_string_equal(arena_string(&a, BYTES_LIT("ssss")), "ssss");
    memset(arena_alloc(&a, 20000), 's', 20000);
    a.secret = true;
    arena_clear(&a);
    assert_int_equal(found, 0);
    a.secret = false;
    assert_string_equal(arena_string(&a, BYTES_LIT("ssss")), "ssss");
    arena_clear(&a);
    assert_true(found >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounded),
        cmocka_unit_test(strings_and_arrays),
        cmocka_unit_test(secrets_are_wiped),
    };

    return RUN(tests);
}
