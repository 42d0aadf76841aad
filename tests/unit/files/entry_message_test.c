#include "files/entry_message.h"

#include "core/limits.h"
#include "test.h"

static struct arena arena = {.max = MIB};

static struct fs_entry some(void)
{
    return (struct fs_entry){.name = "n",
                             .path = "/d/n",
                             .type = FS_FILE,
                             .mode = 0644,
                             .permissions = "-rw-r--r--",
                             .owner = "ann",
                             .group = "1234",
                             .st = {.st_size = 7, .st_mtim = {.tv_sec = 5, .tv_nsec = 6}}};
}

static void all_of_it(void **state)
{
    struct fs_meta meta = {"key", "value"};
    struct fs_entry e = some();
    Filesystem__EntryInfo *m;

    (void)state;
    e.metadata = (struct fs_metadata){&meta, 1};
    e.symlink_target = "/t";
    m = entry_message(&e, false, &arena);
    assert_string_equal(m->name, "n");
    assert_string_equal(m->path, "/d/n");
    assert_int_equal(m->type, FILESYSTEM__FILE_TYPE__FILE_TYPE_FILE);
    assert_int_equal(m->size, 7);
    assert_int_equal(m->mode, 0644);
    assert_string_equal(m->permissions, "-rw-r--r--");
    assert_string_equal(m->owner, "ann");
    assert_string_equal(m->group, "1234");
    assert_int_equal(m->modified_time->seconds, 5);
    assert_int_equal(m->modified_time->nanos, 6);
    assert_int_equal(m->_symlink_target_case, FILESYSTEM__ENTRY_INFO___SYMLINK_TARGET_SYMLINK_TARGET);
    assert_string_equal(m->symlink_target, "/t");
    assert_true(m->is_symlink);
    assert_int_equal(m->n_metadata, 1);
    assert_string_equal(m->metadata[0]->key, "key");
    assert_string_equal(m->metadata[0]->value, "value");
    assert_int_equal(m->name_bytes.len + m->path_bytes.len, 0);
}

/* What is not there has no place in the message either. */
static void absent_parts(void **state)
{
    struct fs_entry e = some();
    Filesystem__EntryInfo *m;

    (void)state;
    e.st.st_mtim = (struct timespec){0};
    m = entry_message(&e, false, &arena);
    assert_null(m->modified_time);
    assert_int_equal(m->_symlink_target_case, FILESYSTEM__ENTRY_INFO___SYMLINK_TARGET__NOT_SET);
    assert_false(m->is_symlink);
    assert_int_equal(m->n_metadata, 0);
}

static void the_oldest_client(void **state)
{
    struct fs_entry e = some();
    const Filesystem__EntryInfo *m = entry_message(&e, true, &arena);

    (void)state;
    assert_string_equal(m->name, "n");
    assert_string_equal(m->path, "/d/n");
    assert_int_equal(m->type, FILESYSTEM__FILE_TYPE__FILE_TYPE_FILE);
    assert_int_equal(m->size, 0);
    assert_string_equal(m->owner, "");
    assert_null(m->modified_time);
}

static void names_that_are_not_utf8(void **state)
{
    struct fs_entry e = some();
    const Filesystem__EntryInfo *m;

    (void)state;
    e.name = "a\xFF\xC3\xA4\xE2\x82";
    e.path = "/d/a\xFF\xC3\xA4\xE2\x82";
    m = entry_message(&e, false, &arena);
    assert_string_equal(m->name, "a\xEF\xBF\xBD\xC3\xA4\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_string_equal(m->path, "/d/a\xEF\xBF\xBD\xC3\xA4\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_int_equal(m->name_bytes.len, 6);
    assert_memory_equal(m->name_bytes.data, e.name, 6);
    assert_int_equal(m->path_bytes.len, 9);
    assert_memory_equal(m->path_bytes.data, e.path, 9);
}

static void memory_is_bounded(void **state)
{
    struct arena little = {.max = sizeof(Filesystem__EntryInfo) + 16};
    struct fs_entry e = some();

    (void)state;
    assert_null(entry_message(&e, false, &little));
    arena_clear(&little);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it),         cmocka_unit_test(absent_parts),
        cmocka_unit_test(the_oldest_client), cmocka_unit_test(names_that_are_not_utf8),
        cmocka_unit_test(memory_is_bounded),
    };
    int ret = RUN(tests);

    arena_clear(&arena);
    return ret;
}
