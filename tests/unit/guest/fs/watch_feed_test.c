/* From records to events, while a worker is under way and when it is not. */
#include "test.h"

#include "watch_rig.h"

static void what_happens_while_it_arms_is_told_in_order(void **state)
{
    struct heard h, other;

    (void)state;
    start_watch(&h, true);
    start_watch(&other, true);
    rig_hold();
    make_dir("d");
    RUN_UNTIL(h.watcher.arming && other.watcher.arming);
    touch("first");
    make_dir("d/e");
    touch("d/e/f");
    touch("second");
    for (int i = 0; i < 5; i++)
        rig_turn();
    assert_string_equal(heard(&h), "CREATE d"); /* it stands still */
    rig_release();
    assert_string_equal(heard_by_now(&h), "CREATE d/e, CREATE d/e/f, CREATE first, CREATE second");
    assert_string_equal(heard_by_now(&other),
                        "CREATE d, CREATE d/e, CREATE d/e/f, CREATE first, CREATE second");
    assert_int_equal(rig.all.log_count, 0);
    assert_int_equal(unlink("d/e/f"), 0);
    assert_string_equal(heard_by_now(&h), "REMOVE d/e/f");
    watch_close(&h.watcher);
    watch_close(&other.watcher);
}

static void another_watcher_does_not_wait(void **state)
{
    struct heard tree, flat;

    (void)state;
    start_watch(&tree, true);
    start_watch(&flat, false);
    rig_hold();
    make_dir("d");
    RUN_UNTIL(tree.watcher.arming);
    touch("f");
    assert_true(watch_sync(&flat.watcher));
    assert_string_equal(heard(&flat), "CREATE d, CREATE f");
    rig_release();
    assert_string_equal(heard_by_now(&tree), "CREATE d, CREATE f");
    watch_close(&tree.watcher);
    watch_close(&flat.watcher);
}

/* It is gone, or another one, before the worker comes to it. */
static void a_new_directory_may_go_again(void **state)
{
    struct heard h;

    (void)state;
    start_watch(&h, true);
    rig_hold();
    make_dir("d");
    RUN_UNTIL(h.watcher.arming);
    assert_int_equal(rmdir("d"), 0);
    make_dir("e");
    touch("e/f");
    assert_int_equal(rename("e", "d"), 0);
    rig_release();
    assert_string_equal(heard_by_now(&h),
                        "CREATE d, CREATE d/f, REMOVE d, CREATE e, RENAME e, CREATE d, CREATE d/f");
    touch("d/g");
    assert_string_equal(heard_by_now(&h), "CREATE d/g");
    watch_close(&h.watcher);
}

/* The directory is watched already, and all that is made in it is both found and told. */
static void what_is_found_is_not_told_again(void **state)
{
    struct heard h, there;
    char outside[80];
    const char *text;

    (void)state;
    snprintf(outside, sizeof outside, "%s-outside", rig.dir);
    make_dir(outside);
    begin_watch(&there, outside, true);
    RUN_UNTIL(there.ready);
    start_watch(&h, true);
    rig_hold();
    assert_int_equal(rename(outside, "d"), 0);
    RUN_UNTIL(h.watcher.arming);
    touch("d/read");
    rig_turn();
    loop_watch(&rig.loop, &rig.all.readable, 0);
    touch("d/unread");
    rig_release();
    rig_hold(); /* it has found them */
    rig_release();
    RUN_UNTIL(!h.watcher.arming);
    loop_watch(&rig.loop, &rig.all.readable, EV_READ);
    text = heard_by_now(&h); /* in the order in which the file system lists them */
    assert_true(strcmp(text, "CREATE d, CREATE d/read, CREATE d/unread") == 0 ||
                strcmp(text, "CREATE d, CREATE d/unread, CREATE d/read") == 0);
    assert_int_equal(unlink("d/read"), 0);
    touch("d/read");
    assert_string_equal(heard_by_now(&h), "REMOVE d/read, CREATE d/read");
    assert_string_equal(heard_by_now(&there),
                        "RENAME ., CREATE read, CREATE unread, REMOVE read, CREATE read");
    watch_close(&h.watcher);
    watch_close(&there.watcher);
}

/* The worker of one does not come back; the other's own record stays in the log, and is not read again. */
static void each_has_its_place_in_the_log(void **state)
{
    struct heard h, stuck;

    (void)state;
    start_watch(&h, true);
    start_watch(&stuck, true);
    stuck.watcher.arming = true;
    stuck.watcher.cursor = rig.all.seq;
    watch_feed_hold(&stuck.watcher);
    make_dir("x");
    touch("x/f");
    assert_string_equal(heard_by_now(&h), "CREATE x, CREATE x/f");
    assert_true(rig.all.log_count > 0);
    stuck.watcher.arming = false;
    watch_feed_replay(&stuck.watcher);
    assert_string_equal(heard_by_now(&stuck), "CREATE x, CREATE x/f");
    assert_int_equal(rig.all.log_count, 0);
    watch_close(&h.watcher);
    watch_close(&stuck.watcher);
}

static void a_log_that_is_too_long_is_an_overflow(void **state)
{
    struct heard h;

    (void)state;
    start_watch(&h, true);
    make_dir("other"); /* two names in turn, for inotify merges what is the same */
    assert_string_equal(heard_by_now(&h), "CREATE other");
    rig_hold();
    make_dir("d");
    RUN_UNTIL(h.watcher.arming);
    for (unsigned i = 0; i < WATCH_LOG_MAX + 10; i++) {
        assert_int_equal(chmod(i % 2 ? "d" : "other", 0755), 0);
        if (i % 1000 == 0)
            rig_turn();
    }
    make_dir("missed");
    while (rig.all.log_readers > 0)
        rig_turn();
    assert_int_equal(rig.all.log_count, 0);
    heard(&h);
    rig_release();
    assert_string_equal(heard_by_now(&h), "OVERFLOW .");
    touch("missed/f");
    assert_string_equal(heard_by_now(&h), "CREATE missed/f");
    watch_close(&h.watcher);
}

static void the_kernels_overflow(void **state)
{
    struct heard tree, flat;
    unsigned i = 0;

    (void)state;
    start_watch(&tree, true);
    start_watch(&flat, false);
    touch("f");
    touch("g");
    heard_by_now(&tree);
    heard_by_now(&flat);
    for (; i < 70000; i++) /* more than fs.inotify.max_queued_events, by default */
        assert_int_equal(chmod(i % 2 ? "f" : "g", 0644), 0);
    make_dir("missed");
    tree.settled = watch_sync(&tree.watcher);
    RUN_UNTIL(tree.settled);
    watch_queue_clear(&tree.watcher);
    watch_queue_clear(&flat.watcher);
    touch("missed/f");
    assert_string_equal(heard_by_now(&tree), "CREATE missed/f");
    assert_string_equal(heard_by_now(&flat), "");
    watch_close(&tree.watcher);
    watch_close(&flat.watcher);
}

static void a_directory_within_itself(void **state)
{
    struct watch_node *deep;
    struct heard h;

    (void)state;
    make_dir("a");
    start_watch(&h, true);
    deep = watch_tree_child(&rig.all.tree, h.watcher.root, "a");
    assert_true(
        watch_tree_above(deep, h.watcher.root->dir)); /* so the root's number is not attached below again */
    touch("a/f");
    assert_string_equal(heard_by_now(&h), "CREATE a/f");
    watch_close(&h.watcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_happens_while_it_arms_is_told_in_order, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(another_watcher_does_not_wait, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_new_directory_may_go_again, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(what_is_found_is_not_told_again, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(each_has_its_place_in_the_log, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_log_that_is_too_long_is_an_overflow, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(the_kernels_overflow, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_directory_within_itself, rig_setup, rig_teardown),
    };

    return RUN(tests);
}
