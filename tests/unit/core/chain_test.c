#include "core/chain.h"

#include <stdio.h>

#include "test.h"

/* Asserts that the chain holds exactly these bytes. */
static void holds(const struct chain *c, const char *want)
{
    char got[4096];
    size_t n = 0;

    assert_int_equal(c->bytes, strlen(want));
    CHAIN_FOREACH (it, c) {
        assert_true(it->len > 0);
        memcpy(got + n, it->data, it->len);
        n += it->len;
    }
    assert_int_equal(n, c->bytes);
    assert_memory_equal(got, want, n);
}

static void copies_share_a_segment(void **state)
{
    struct chain c = {0};

    (void)state;
    assert_int_equal(chain_copy(&c, "hello ", 6), 0);
    assert_int_equal(chain_copy(&c, "", 0), 0);
    assert_int_equal(chain_copy(&c, "world", 5), 0);
    assert_int_equal(c.count, 1);
    holds(&c, "hello world");
    chain_drop(&c, 6);
    holds(&c, "world");
    assert_int_equal(chain_copy(&c, "!", 1), 0);
    assert_int_equal(c.count, 1);
    holds(&c, "world!");
    chain_clear(&c);
    holds(&c, "");
}

static void a_copy_spills_over(void **state)
{
    struct chain c = {0};
    char text[1500];

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    assert_int_equal(chain_copy(&c, text, 400), 0);
    assert_int_equal(chain_copy(&c, text, 1099), 0);
    assert_int_equal(c.count, 2);
    holds(&c, text);
    chain_clear(&c);
}

static void references_count(void **state)
{
    struct chain a = {0}, b = {0};
    struct seg *s = seg_heap(100);

    (void)state;
    memcpy(s->data, "0123456789", 10);
    s->used = 10;
    assert_int_equal(chain_ref(&a, s, s->data, 4), 0);
    assert_int_equal(chain_ref(&a, s, s->data + 4, 2), 0);
    assert_int_equal(a.count, 1); /* it goes on where it ended */
    assert_int_equal(chain_ref(&a, s, s->data + 8, 2), 0);
    assert_int_equal(s->refs, 3);
    holds(&a, "01234589");
    assert_int_equal(chain_copy(&a, "x", 1), 0); /* not into a segment that others see */
    holds(&a, "01234589x");
    assert_memory_equal(s->data, "0123456789", 10);
    assert_int_equal(chain_move(&b, &a, 3), 0);
    holds(&b, "012");
    holds(&a, "34589x");
    chain_clear(&a);
    assert_int_equal(s->refs, 2);
    chain_clear(&b);
    assert_int_equal(s->refs, 1);
    seg_unref(s);
}

static void moves_into_full_and_empty(void **state)
{
    struct chain a = {0}, b = {0};
    char all[300] = "";

    (void)state;
    for (int i = 0; i < 60; i++) {
        char text[4];
        struct seg *s = seg_heap(4);

        snprintf(text, sizeof text, "%03d", i);
        memcpy(s->data, text, 3);
        s->used = s->cap;
        assert_int_equal(chain_give(&a, s, s->data, 3), 0);
        strcat(all, text);
    }
    assert_int_equal(chain_move(&b, &a, 180), 0); /* all into nothing: a swap */
    holds(&b, all);
    holds(&a, "");
    assert_int_equal(chain_copy(&a, "<", 1), 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(chain_move(&a, &b, 17), 0);
    assert_int_equal(chain_move(&a, &b, 10), 0);
    holds(&b, "");
    memmove(all + 1, all, 181);
    all[0] = '<';
    holds(&a, all);
    chain_clear(&a);
    chain_clear(&b);
}

static void reserve_and_commit(void **state)
{
    struct seg_pool p;
    struct chain c = {0};
    size_t room;
    uint8_t *at;

    (void)state;
    assert_int_equal(seg_pool_init(&p, SEG_SIZE), 0);
    at = chain_reserve(&c, &p, 10, &room);
    assert_non_null(at);
    assert_int_equal(room, SEG_SIZE);
    chain_commit(&c, 0);
    assert_int_equal(c.count, 0); /* nothing stays behind */
    assert_int_equal(p.in_use, 0);
    at = chain_reserve(&c, &p, 10, &room);
    memcpy(at, "abc", 3);
    chain_commit(&c, 3);
    at = chain_reserve(&c, &p, 10, &room);
    assert_int_equal(room, SEG_SIZE - 3);
    memcpy(at, "def", 3);
    chain_commit(&c, 3);
    holds(&c, "abcdef");
    assert_null(chain_reserve(&c, &p, SEG_SIZE, &room)); /* the pool is empty */
    holds(&c, "abcdef");
    chain_clear(&c);
    assert_int_equal(p.in_use, 0);
    seg_pool_destroy(&p);
}

static void reads(void **state)
{
    struct chain c = {0};
    struct iovec iov[4];
    char scratch[16];

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct seg *s = seg_heap(4);

        memcpy(s->data, &"abcdefghijkl"[i * 4], 4);
        s->used = 4;
        assert_int_equal(chain_give(&c, s, s->data, 4), 0);
    }
    assert_int_equal(chain_iov(&c, iov, 4, 6), 2);
    assert_int_equal(iov[1].iov_len, 2);
    assert_int_equal(chain_iov(&c, iov, 2, 100), 2);
    assert_int_equal(chain_iov(&c, iov, 4, 0), 0);
    assert_ptr_equal(chain_front(&c, 4, scratch), c.items[c.head].data);
    assert_memory_equal(chain_front(&c, 7, scratch), "abcdefg", 7);
    chain_peek(&c, scratch, 12);
    assert_memory_equal(scratch, "abcdefghijkl", 12);
    chain_clear(&c);
}

static void ranges_are_shared(void **state)
{
    struct chain a = {0}, b = {0};
    struct seg *s = seg_heap(10);
    char got[8];

    (void)state;
    memcpy(s->data, "0123456789", 10);
    s->used = 10;
    assert_int_equal(chain_ref(&a, s, s->data, 3), 0);
    assert_int_equal(chain_ref(&a, s, s->data + 4, 3), 0);
    assert_int_equal(chain_ref(&a, s, s->data + 8, 2), 0);
    assert_int_equal(chain_share(&b, &a, 0, 8), 0);
    holds(&b, "01245689");
    chain_clear(&b);
    assert_int_equal(chain_share(&b, &a, 1, 3), 0);
    assert_int_equal(chain_share(&b, &a, 6, 1), 0);
    assert_int_equal(chain_share(&b, &a, 3, 3), 0); /* just one of them */
    assert_int_equal(chain_share(&b, &a, 2, 0), 0);
    assert_int_equal(chain_share(&b, &a, 8, 0), 0);
    holds(&b, "1248456");
    holds(&a, "01245689");
    assert_int_equal(s->refs, 8);
    chain_peek_at(&a, 2, got, 5);
    assert_memory_equal(got, "24568", 5);
    chain_peek_at(&a, 6, got, 2);
    assert_memory_equal(got, "89", 2);
    chain_clear(&b);
    chain_clear(&a);
    assert_int_equal(s->refs, 1);
    seg_unref(s);
}

/* When the last reference goes, and not before; a segment that is taken again is like any other. */
static void secrets_are_wiped(void **state)
{
    static const char zeros[SEG_SIZE];
    struct seg_pool pool;
    struct chain a = {0}, b = {0};
    struct seg *s;

    (void)state;
    assert_int_equal(seg_pool_init(&pool, 4 * SEG_SIZE), 0);
    s = seg_get(&pool);
    memset(s->data, 's', SEG_SIZE);
    assert_int_equal(chain_ref(&a, s, s->data + 10, 6), 0);
    assert_int_equal(chain_give(&b, s, s->data + 20, 6), 0);
    chain_wipe_later(&a);
    chain_clear(&a);
    assert_int_equal(s->data[0], 's');
    chain_clear(&b);
    assert_memory_equal(s->data, zeros, SEG_SIZE);
    s = seg_get(&pool);
    assert_false(s->secret);
    memset(s->data, 's', SEG_SIZE);
    seg_unref(s);
    assert_int_equal(s->data[SEG_SIZE - 1], 's');
    seg_pool_destroy(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_share_a_segment), cmocka_unit_test(a_copy_spills_over),
        cmocka_unit_test(references_count),       cmocka_unit_test(moves_into_full_and_empty),
        cmocka_unit_test(reserve_and_commit),     cmocka_unit_test(reads),
        cmocka_unit_test(ranges_are_shared),      cmocka_unit_test(secrets_are_wiped),
    };

    return RUN(tests);
}
