#include "guest/fs/list.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/limits.h"
#include "guest/fs/remove.h"
#include "test.h"

static char dir[] = "/tmp/guestd-list-XXXXXX";
static atomic_bool stop;
static char told[4096]; /* the names below dir, each with a space behind */
static size_t count;

static const char *below(const char *rest)
{
    static char path[256];

    snprintf(path, sizeof path, "%s%s", dir, rest);
    return path;
}

static void make(const char *name)
{
    if (name[strlen(name) - 1] == '/')
        assert_int_equal(mkdir(below(name), 0700), 0);
    else
        close(open(below(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static int found(void *arg, const struct fs_entry *entry, struct err *e)
{
    size_t n = strlen(told);

    (void)e;
    count++;
    if (strncmp(entry->path, arg, strlen(arg)) == 0 && n < sizeof told - 300)
        sprintf(told + n, "%s ", entry->path + strlen(arg));
    return strcmp(entry->name, "END") == 0 ? err_set(e, STATUS_ABORTED, 0, "enough") : 0;
}

/* Lists with a depth; `prefix` is what all paths are to begin with. */
static int list(const char *path, const char *prefix, uint32_t depth, struct err *e)
{
    struct arena arena = {.max = LIST_BYTES_MAX};
    struct fs_entry_reader reader;
    struct fs_list l = {.path = path,
                        .depth = depth,
                        .stop = &stop,
                        .reader = &reader,
                        .found = found,
                        .arg = (void *)(uintptr_t)prefix};
    int ret;

    told[0] = 0;
    count = 0;
    assert_int_equal(fs_entry_reader_init(&reader, &arena, e), 0);
    ret = fs_list(&l, e);
    fs_entry_reader_clear(&reader);
    arena_clear(&arena);
    return ret;
}

static void before_its_content_and_sorted(void **state)
{
    struct err e;

    (void)state;
    make("/b/");
    make("/b/y/");
    make("/b/x");
    make("/b/y/z");
    make("/a");
    make("/b.txt");
    make("/\xFF");
    assert_int_equal(symlink("b", below("/link")), 0);
    assert_int_equal(list(dir, dir, 0, &e), 0);
    assert_string_equal(told, "/a /b /b.txt /link /\xFF ");
    assert_int_equal(list(dir, dir, 2, &e), 0);
    assert_string_equal(told, "/a /b /b/x /b/y /b.txt /link /\xFF ");
    assert_int_equal(list(dir, dir, UINT32_MAX, &e), 0);
    assert_string_equal(told, "/a /b /b/x /b/y /b/y/z /b.txt /link /\xFF ");
}

/* A link as the root is followed, and its path stays; it is cleaned. */
static void the_root(void **state)
{
    char path[300];
    struct err e;

    (void)state;
    assert_int_equal(list(below("/link"), below("/link"), 1, &e), 0);
    assert_string_equal(told, "/x /y ");
    snprintf(path, sizeof path, "%s//b/./y/../", dir);
    assert_int_equal(list(path, below("/b"), 1, &e), 0);
    assert_string_equal(told, "/x /y ");
    assert_int_equal(list("/", "", 1, &e), 0);
    assert_non_null(strstr(told, "/tmp "));
}

static void what_is_no_directory(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(symlink("loop", below("/loop")), 0);
    assert_int_equal(list(below("/none"), "", 1, &e), -1);
    assert_int_equal(e.status, STATUS_NOT_FOUND);
    assert_memory_equal(e.text, "path not found: lstat /", 23);
    assert_int_equal(list(below("/a"), "", 1, &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_int_equal(list(below("/a/x"), "", 1, &e), -1);
    assert_int_equal(e.status, STATUS_INTERNAL);
    assert_int_equal(list(below("/loop"), "", 1, &e), -1);
    assert_int_equal(e.status, STATUS_FAILED_PRECONDITION);
    unlink(below("/loop"));
}

static void it_ends_early(void **state)
{
    struct err e;

    (void)state;
    make("/b/END");
    assert_int_equal(list(dir, dir, 3, &e), -1);
    assert_int_equal(e.status, STATUS_ABORTED);
    assert_string_equal(told, "/a /b /b/END ");
    atomic_store(&stop, true);
    assert_int_equal(list(dir, dir, 3, &e), -1);
    assert_int_equal(e.status, STATUS_CANCELED);
    atomic_store(&stop, false);
}

/* Names that wait for their turn count too: a directory is not read beyond the limit. */
static void too_many_entries(void **state)
{
    char name[32];
    struct err e;

    (void)state;
    unlink(below("/b/END"));
    make("/many/");
    for (int i = 0; i <= LIST_ENTRIES_MAX - 2; i++) {
        snprintf(name, sizeof name, "/many/%d", i);
        make(name);
    }
    assert_int_equal(list(below("/many"), "", 1, &e), 0);
    assert_int_equal(count, LIST_ENTRIES_MAX - 1);
    assert_int_equal(list(dir, "", 2, &e), -1);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(e.text, "LIST_ENTRIES_MAX"));
}

static int clear(void **state)
{
    struct err e;

    (void)state;
    return fs_remove(dir, &stop, &e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_its_content_and_sorted),
        cmocka_unit_test(the_root),
        cmocka_unit_test(what_is_no_directory),
        cmocka_unit_test(it_ends_early),
        cmocka_unit_test(too_many_entries),
    };

    if (!mkdtemp(dir))
        return 1;
    return cmocka_run_group_tests_name(__FILE__, tests, NULL, clear);
}
