/* A watcher's queue: its bound, the overflow that stands for the rest, and names that were found before they are told. */
#include "test.h"

#include "watch_rig.h"

static void is_bounded_and_goes_on_when_it_is_empty(void **state)
{
    struct heard h;
    struct watch_event *v;
    size_t taken = 0;

    (void)state;
    start_watch(&h, false);
    for (size_t i = 0; i < WATCH_EVENTS_MAX + 5; i++)
        watch_queue_put(&h.watcher, h.watcher.root, "f", WATCH_WRITE);
    assert_int_equal(h.watcher.queued, WATCH_EVENTS_MAX + 1);
    while ((v = watch_take(&h.watcher)) && ++taken <= WATCH_EVENTS_MAX) {
        assert_int_equal(v->type, WATCH_WRITE);
        free(v);
        if (taken == 1) /* the overflow stands where the others were lost */
            watch_queue_put(&h.watcher, h.watcher.root, "f", WATCH_WRITE);
    }
    assert_int_equal(v->type, WATCH_OVERFLOW);
    assert_string_equal(v->name, ".");
    free(v);
    watch_queue_put(&h.watcher, h.watcher.root, "f", WATCH_WRITE);
    assert_string_equal(heard(&h), "WRITE f");
    watch_close(&h.watcher);
}

static void all_queues_share_a_bound(void **state)
{
    struct heard h;
    const char *text;

    (void)state;
    start_watch(&h, false);
    rig.all.event_bytes += WATCH_EVENTS_BYTES; /* another's */
    for (int i = 0; i < WATCH_EVENTS_MIN + 2; i++)
        watch_queue_put(&h.watcher, h.watcher.root, "f", WATCH_WRITE);
    assert_int_equal(h.watcher.queued, WATCH_EVENTS_MIN + 1);
    rig.all.event_bytes -= WATCH_EVENTS_BYTES;
    text = heard(&h);
    assert_string_equal(text + strlen(text) - strlen("WRITE f, OVERFLOW ."), "WRITE f, OVERFLOW .");
    watch_close(&h.watcher);
}

static void what_there_was_no_memory_for_is_an_overflow(void **state)
{
    struct heard h;

    (void)state;
    start_watch(&h, false);
    h.watcher.owed = true;
    watch_queue_put(&h.watcher, h.watcher.root, "f", WATCH_WRITE);
    watch_queue_put(&h.watcher, h.watcher.root, "g", WATCH_WRITE);
    assert_string_equal(heard(&h), "OVERFLOW ., WRITE g");
    watch_close(&h.watcher);
}

static void a_name_is_told_once(void **state)
{
    struct heard h;
    struct watch_node *root;

    (void)state;
    start_watch(&h, false);
    root = h.watcher.root;
    watch_queue_see(&h.watcher, root, "a", 5);
    watch_queue_see(&h.watcher, root, "b", 5);
    assert_false(watch_queue_seen(&h.watcher, root, "c", 5));
    assert_true(watch_queue_seen(&h.watcher, root, "a", 5));
    assert_false(watch_queue_seen(&h.watcher, root, "a", 5));
    assert_false(watch_queue_seen(&h.watcher, root, "b", 6)); /* too late to be the same */
    watch_queue_see(&h.watcher, root, "d", 5);
    watch_queue_unsee(&h.watcher);
    assert_false(watch_queue_seen(&h.watcher, root, "d", 5));
    watch_close(&h.watcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_bounded_and_goes_on_when_it_is_empty, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(all_queues_share_a_bound, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(what_there_was_no_memory_for_is_an_overflow, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_name_is_told_once, rig_setup, rig_teardown),
    };

    return RUN(tests);
}
