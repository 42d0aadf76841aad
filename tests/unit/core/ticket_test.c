#include "core/ticket.h"

#include "test.h"

static void stale_tickets_find_nothing(void **state)
{
    struct tickets t = {0};
    int a, b;
    ticket k = ticket_new(&t, &a), l;

    (void)state;
    assert_ptr_equal(ticket_find(&t, k), &a);
    ticket_drop(&t, k);
    assert_null(ticket_find(&t, k));
    l = ticket_new(&t, &b); /* the same slot */
    assert_int_equal((uint32_t)k, (uint32_t)l);
    assert_true(k != l);
    assert_null(ticket_find(&t, k));
    ticket_drop(&t, k); /* and dropping the old one again harms nobody */
    assert_ptr_equal(ticket_find(&t, l), &b);
    assert_null(ticket_find(&t, 0));
    assert_null(ticket_find(&t, UINT64_MAX));
    ticket_drop(&t, 0);
    tickets_clear(&t);
}

static void many(void **state)
{
    enum { N = 1000 };
    struct tickets t = {0};
    static int objects[N];
    ticket k[N];

    (void)state;
    for (int i = 0; i < N; i++)
        k[i] = ticket_new(&t, &objects[i]);
    for (int i = 0; i < N; i += 2)
        ticket_drop(&t, k[i]);
    assert_int_equal(t.count, N / 2);
    for (int i = 0; i < N; i++)
        assert_ptr_equal(ticket_find(&t, k[i]), i % 2 ? &objects[i] : NULL);
    for (int i = 0; i < N; i += 2)
        k[i] = ticket_new(&t, &objects[i]);
    assert_int_equal(t.cap, 1024); /* freed slots were used again */
    for (int i = 0; i < N; i++)
        assert_ptr_equal(ticket_find(&t, k[i]), &objects[i]);
    tickets_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stale_tickets_find_nothing),
        cmocka_unit_test(many),
    };

    return RUN(tests);
}
