/* Subscribers of a process: alone, beside others, late, and too many. */
#include "test.h"

#include "exec_rig.h"

/* Alone, a reader may sleep as long as it likes: the process waits, memory is bounded, nothing is lost. */
static void a_lone_reader_is_like_a_pipe(void **state)
{
    struct reader r;

    (void)state;
    begin_shell(&r, "yes | head -c 3000000");
    r.stalled = true;
    RUN_UNTIL(&r, r.started && r.sub.exec->paused, 5000);
    for (int i = 0; i < 150; i++)
        rig_turn();
    assert_false(r.dropped);
    assert_in_range(rig.pool.in_use, 8, 10); /* CURSOR_AHEAD and little more */
    r.stalled = false;
    RUN_UNTIL(&r, r.ended, 10000);
    assert_int_equal(r.total, 3000000);
    reader_free(&r);
}

/* A stuck subscriber beside a healthy one: the healthy one waits a second at most, once; the stuck one is
 * told what it lost. */
static void a_stuck_subscriber_is_dropped(void **state)
{
    struct reader healthy, stuck;
    uint64_t gap = 0, last, offset;
    struct err e;

    (void)state;
    begin_shell(&healthy, "yes | head -c 20000000");
    healthy.count_only = true;
    RUN_UNTIL(&healthy, healthy.started, 5000);
    memset(&stuck, 0, sizeof stuck);
    stuck.stalled = true;
    assert_int_equal(exec_subscribe(healthy.sub.exec, &stuck.sub, &reader_events, 0, &e), 0);
    last = clock_mono_ms();
    while (!healthy.ended) {
        uint64_t before = healthy.total, now;

        rig_turn();
        reader_read(&healthy);
        now = clock_mono_ms();
        if (healthy.total > before) {
            gap = MAX(gap, now - last);
            last = now;
        }
        assert_true(now - last < 5000);
    }
    assert_int_equal(healthy.total, 20000000);
    assert_in_range(gap, 700, 2000);
    assert_true(stuck.sub.dropped);
    offset = stuck.sub.cursor.offset;
    assert_int_equal(offset, 0);
    stuck.stalled = false;
    reader_read(&stuck);
    assert_true(stuck.dropped);
    reader_free(&healthy);
    reader_free(&stuck);
}

static void late_subscribers_join_at_the_head(void **state)
{
    struct reader first, late;
    struct err e;

    (void)state;
    begin_shell(&first, "echo early; sleep .3; echo late");
    RUN_UNTIL(&first, first.len[RING_STDOUT] > 0, 5000);
    memset(&late, 0, sizeof late);
    assert_int_equal(exec_subscribe(first.sub.exec, &late.sub, &reader_events, UINT64_MAX, &e), 0);
    RUN_UNTIL(&first, (reader_read(&late), first.ended && late.ended), 5000);
    assert_string_equal(text(&first, RING_STDOUT), "early\nlate\n");
    assert_string_equal(text(&late, RING_STDOUT), "late\n");
    reader_free(&first);
    reader_free(&late);
}

static void subscribers_are_bounded(void **state)
{
    struct reader first, more[SUBSCRIBERS_MAX];
    struct err e;

    (void)state;
    begin_shell(&first, "sleep .2");
    RUN_UNTIL(&first, first.started, 5000);
    memset(more, 0, sizeof more);
    for (int i = 0; i < SUBSCRIBERS_MAX - 1; i++)
        assert_int_equal(exec_subscribe(first.sub.exec, &more[i].sub, &reader_events, 0, &e), 0);
    assert_int_equal(exec_subscribe(first.sub.exec, &more[SUBSCRIBERS_MAX - 1].sub, &reader_events, 0, &e),
                     -1);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    for (int i = 0; i < SUBSCRIBERS_MAX - 1; i++)
        exec_unsubscribe(&more[i].sub);
    RUN_UNTIL(&first, first.ended, 5000);
    reader_free(&first);
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_lone_reader_is_like_a_pipe),
        T(a_stuck_subscriber_is_dropped),
        T(late_subscribers_join_at_the_head),
        T(subscribers_are_bounded),
    };

    return RUN(tests);
}
