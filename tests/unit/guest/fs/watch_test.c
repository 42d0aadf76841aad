/* Watchers from their beginning to their end: who is told what, and what the kernel is left with. */
#include "test.h"

#include "watch_rig.h"

/* Another watcher has the directory watched, so inotify does tell of what is older. */
static void nothing_is_told_that_is_older(void **state)
{
    struct heard h, other;

    (void)state;
    make_dir("d");
    start_watch(&other, true);
    rig_hold();
    begin_watch(&h, rig.dir, true);
    touch("d/old");
    make_dir("d/e");
    rig_turn();
    assert_false(h.ready);
    rig_release();
    RUN_UNTIL(h.ready);
    touch("d/new");
    touch("d/e/new");
    assert_string_equal(heard_by_now(&h), "CREATE d/new, CREATE d/e/new");
    assert_string_equal(heard_by_now(&other), "CREATE d/old, CREATE d/e, CREATE d/new, CREATE d/e/new");
    watch_close(&h.watcher);
    watch_close(&other.watcher);
}

static void one_that_cannot_be(void **state)
{
    struct heard h;

    (void)state;
    begin_watch(&h, "/no/such/directory", true);
    RUN_UNTIL(h.failed);
    assert_int_equal(h.error.status, STATUS_NOT_FOUND);
    assert_int_equal(rig.all.count, 0);
    watch_close(&h.watcher); /* it is closed */
}

static void many_share_what_they_watch(void **state)
{
    enum { MANY = 200 };
    static struct heard all[MANY];

    (void)state;
    make_dir("d");
    for (int i = 0; i < MANY; i++)
        start_watch(&all[i], true);
    assert_int_equal(kernel_watches(), 2);
    touch("d/f");
    for (int i = 0; i < MANY; i++)
        assert_string_equal(heard_by_now(&all[i]), "CREATE d/f");
    for (int i = 0; i < MANY - 1; i++)
        watch_close(&all[i].watcher);
    RUN_UNTIL(!rig.all.sweep.queued);
    assert_int_equal(kernel_watches(), 2);
    touch("d/g");
    assert_string_equal(heard_by_now(&all[MANY - 1]), "CREATE d/g");
    watch_close(&all[MANY - 1].watcher);
    RUN_UNTIL(kernel_watches() == 0);
}

static void one_that_closes_while_it_arms(void **state)
{
    struct heard gone, stays;

    (void)state;
    make_dir("d");
    rig_hold();
    begin_watch(&gone, rig.dir, true);
    begin_watch(&stays, rig.dir, true);
    rig_turn();
    watch_close(&gone.watcher);
    rig_release();
    RUN_UNTIL(stays.ready);
    touch("d/f");
    assert_string_equal(heard_by_now(&stays), "CREATE d/f");
    rig_hold();
    make_dir("e");
    RUN_UNTIL(stays.watcher.arming);
    watch_close(&stays.watcher);
    rig_release();
    RUN_UNTIL(rig.all.in_flight == 0 && kernel_watches() == 0);
    assert_false(gone.ready);
}

/* A worker may have asked for the same directory again, and comes back with its number. */
static void no_watch_is_ended_while_a_worker_is_under_way(void **state)
{
    struct heard h;

    (void)state;
    start_watch(&h, false);
    rig.all.in_flight++;
    watch_close(&h.watcher);
    RUN_UNTIL(!rig.all.sweep.queued);
    assert_int_equal(kernel_watches(), 1);
    rig.all.in_flight--;
    start_watch(&h, false);
    assert_int_equal(kernel_watches(), 1);
    watch_close(&h.watcher);
    RUN_UNTIL(kernel_watches() == 0);
}

static void directories_that_leave_are_not_watched(void **state)
{
    struct heard h;
    char outside[80];

    (void)state;
    snprintf(outside, sizeof outside, "%s-outside", rig.dir);
    make_dir("a");
    make_dir("a/b");
    make_dir("c");
    start_watch(&h, true);
    assert_int_equal(kernel_watches(), 4);
    assert_int_equal(rename("a", outside), 0);
    assert_int_equal(rmdir("c"), 0);
    assert_string_equal(heard_by_now(&h), "RENAME a, REMOVE c");
    RUN_UNTIL(kernel_watches() == 3); /* only the next sweep ends a's */
    make_dir("x");
    heard_by_now(&h);
    RUN_UNTIL(kernel_watches() == 2);
    assert_int_equal(rename(outside, "a"), 0);
    heard_by_now(&h);
    touch("a/b/f");
    assert_string_equal(heard_by_now(&h), "CREATE a/b/f");
    watch_close(&h.watcher);
}

static void there_is_a_bound(void **state)
{
    struct watch_spec spec = {.path = rig.dir, .env = rig.settings.env};
    struct heard h = {0};
    struct err e;

    (void)state;
    rig.all.count = WATCHERS_MAX;
    assert_int_equal(watch_open(&rig.all, &h.watcher, &spec, &hearing, &e), -1);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    rig.all.count = 0;
    watch_close(&h.watcher);
}

static void workers_that_are_busy(void **state)
{
    struct watch_spec spec = {.path = rig.dir, .env = rig.settings.env};
    static struct heard all[20];
    struct err e;
    int n = 0;

    (void)state;
    rig_hold();
    while (watch_open(&rig.all, &all[n].watcher, &spec, &hearing, &e) == 0 && n < 19)
        n++;
    assert_true(n < 19);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    rig_release();
    for (int i = 0; i < n; i++) {
        RUN_UNTIL(all[i].ready);
        watch_close(&all[i].watcher);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_told_that_is_older, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(one_that_cannot_be, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(many_share_what_they_watch, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(one_that_closes_while_it_arms, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(no_watch_is_ended_while_a_worker_is_under_way, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(directories_that_leave_are_not_watched, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(there_is_a_bound, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(workers_that_are_busy, rig_setup, rig_teardown),
    };

    return RUN(tests);
}
