#include "core/timerq.h"

#include <unistd.h>

#include "test.h"

static struct loop l;
static struct timerq q;
static struct timerq_entry e[4];
static char order[16];

static void expired(struct timerq *queue, struct timerq_entry *entry)
{
    size_t len = strlen(order);

    (void)queue;
    order[len] = (char)('0' + (entry - e));
    order[len + 1] = 0;
}

static void in_order(void **state)
{
    (void)state;
    assert_int_equal(loop_init(&l), 0);
    timerq_init(&q, &l, 30, expired);
    timerq_set(&q, &e[0]);
    timerq_set(&q, &e[1]);
    timerq_set(&q, &e[2]);
    usleep(15000);
    ev_now_update(l.ev);
    timerq_set(&q, &e[0]); /* later now */
    timerq_set(&q, &e[3]);
    timerq_clear(&q, &e[1]);
    timerq_clear(&q, &e[1]);
    loop_run(&l); /* ends by itself: no timer is left */
    assert_string_equal(order, "203");
    assert_false(ev_is_active(&q.timer));
    for (int i = 0; i < 4; i++)
        assert_false(e[i].active);
}

static void an_empty_queue_has_no_timer(void **state)
{
    (void)state;
    timerq_set(&q, &e[0]);
    assert_true(ev_is_active(&q.timer));
    timerq_clear(&q, &e[0]);
    assert_false(ev_is_active(&q.timer));
    loop_destroy(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),
        cmocka_unit_test(an_empty_queue_has_no_timer),
    };

    return RUN(tests);
}
