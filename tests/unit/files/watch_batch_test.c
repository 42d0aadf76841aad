/* Events as messages: what they say, with entries and without, and what is left when they are taken. */
#include "test.h"

#include "../guest/fs/watch_rig.h"

#include "files/watch_batch.h"

static struct watch_batch *read_back;

static void got_back(struct watch_batch *b)
{
    read_back = b;
}

static struct watch_batch *take(struct heard *h, size_t max)
{
    struct err e;
    struct watch_batch *b = watch_batch_take(&h->watcher, max, false, &e);

    assert_int_equal(e.status, STATUS_OK);
    return b;
}

static void says_what_has_happened(void **state)
{
    static const struct {
        enum watch_type type;
        Filesystem__EventType want;
    } kinds[] = {
        {WATCH_CREATE, FILESYSTEM__EVENT_TYPE__EVENT_TYPE_CREATE},
        {WATCH_WRITE, FILESYSTEM__EVENT_TYPE__EVENT_TYPE_WRITE},
        {WATCH_REMOVE, FILESYSTEM__EVENT_TYPE__EVENT_TYPE_REMOVE},
        {WATCH_RENAME, FILESYSTEM__EVENT_TYPE__EVENT_TYPE_RENAME},
        {WATCH_CHMOD, FILESYSTEM__EVENT_TYPE__EVENT_TYPE_CHMOD},
        {WATCH_OVERFLOW, FILESYSTEM__EVENT_TYPE__EVENT_TYPE_UNSPECIFIED},
    };
    struct watch_batch *b;
    struct heard h;

    (void)state;
    start_watch(&h, false);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        watch_queue_put(&h.watcher, h.watcher.root, "a\xff", kinds[i].type);
    b = take(&h, 100);
    assert_int_equal(b->count, ARRAY_LEN(kinds));
    for (size_t i = 0; i < b->count; i++) {
        assert_int_equal(b->messages[i]->type, kinds[i].want);
        assert_int_equal(b->messages[i]->overflow, kinds[i].type == WATCH_OVERFLOW);
        assert_string_equal(b->messages[i]->name, kinds[i].type == WATCH_OVERFLOW ? "." : "a\xef\xbf\xbd");
        assert_int_equal(b->messages[i]->_entry_case, 0);
    }
    watch_batch_free(b);
    watch_close(&h.watcher);
}

static void takes_no_more_than_it_is_to(void **state)
{
    struct watch_batch *b;
    struct heard h;

    (void)state;
    start_watch(&h, false);
    assert_null(take(&h, 10));
    for (int i = 0; i < 3; i++)
        watch_queue_put(&h.watcher, h.watcher.root, "f", WATCH_WRITE);
    b = take(&h, 2);
    assert_int_equal(b->count, 2);
    watch_batch_free(b);
    b = take(&h, 2);
    assert_int_equal(b->count, 1);
    watch_batch_free(b);
    watch_close(&h.watcher);
}

static void reads_entries_of_what_is_there(void **state)
{
    static const bool with_entry[] = {true, true, true, false, false, false};
    struct watch_batch *b;
    struct heard h;
    char path[80];

    (void)state;
    start_watch(&h, false);
    touch("f");
    watch_queue_clear(&h.watcher);
    watch_queue_put(&h.watcher, h.watcher.root, "f", WATCH_CREATE);
    watch_queue_put(&h.watcher, h.watcher.root, "f", WATCH_WRITE);
    watch_queue_put(&h.watcher, h.watcher.root, "", WATCH_CHMOD);
    watch_queue_put(&h.watcher, h.watcher.root, "f", WATCH_RENAME);
    watch_queue_put(&h.watcher, h.watcher.root, "f", WATCH_REMOVE);
    watch_queue_put(&h.watcher, h.watcher.root, "gone", WATCH_CREATE);
    b = take(&h, 100);
    b->done = got_back;
    read_back = NULL;
    assert_int_equal(watch_batch_read(b, &rig.fs), 0);
    watch_close(&h.watcher); /* the batch needs it no more */
    RUN_UNTIL(read_back == b);
    for (size_t i = 0; i < b->count; i++)
        assert_int_equal(b->messages[i]->_entry_case != 0, with_entry[i]);
    snprintf(path, sizeof path, "%s/f", rig.dir);
    assert_string_equal(b->messages[0]->entry->path, path);
    assert_string_equal(b->messages[0]->entry->name, "f");
    assert_string_equal(b->messages[2]->entry->path, rig.dir);
    watch_batch_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_what_has_happened, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(takes_no_more_than_it_is_to, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(reads_entries_of_what_is_there, rig_setup, rig_teardown),
    };

    return RUN(tests);
}
