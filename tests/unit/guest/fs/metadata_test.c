#include "guest/fs/metadata.h"

#include <stdio.h>
#include <sys/inotify.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/limits.h"
#include "test.h"

static char path[] = "/tmp/guestd-metadata-XXXXXX";
static int fd;
static struct arena arena = {.max = MIB};

static const char *value_of(const struct fs_metadata *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->list[i].name, name) == 0)
            return m->list[i].value;
    return NULL;
}

static void replaced_and_read(void **state)
{
    struct fs_meta two[] = {{"author", "me"}, {"empty", ""}}, one[] = {{"author", "you"}};
    struct fs_metadata out;
    struct err e;

    (void)state;
    assert_int_equal(fs_metadata_replace(fd, &(struct fs_metadata){two, 2}, &e), 0);
    assert_int_equal(setxattr(path, "user.other", "x", 1, 0), 0);
    assert_int_equal(setxattr(path, FS_METADATA_PREFIX "binary", "\xff", 1, 0), 0);
    assert_int_equal(fs_metadata_read(path, &arena, &out), 0);
    assert_int_equal(out.count, 2);
    assert_string_equal(value_of(&out, "author"), "me");
    assert_string_equal(value_of(&out, "empty"), "");
    assert_int_equal(fs_metadata_replace(fd, &(struct fs_metadata){one, 1}, &e), 0);
    assert_int_equal(fs_metadata_read_fd(fd, &arena, &out), 0);
    assert_int_equal(out.count, 1);
    assert_string_equal(value_of(&out, "author"), "you");
    assert_int_equal(getxattr(path, "user.other", NULL, 0), 1); /* not ours */
    arena_clear(&arena);
}

static void what_is_so_already_makes_no_event(void **state)
{
    struct fs_meta one[] = {{"k", "v"}};
    int watch = inotify_init1(IN_NONBLOCK);
    char events[4096];
    struct err e;

    (void)state;
    assert_int_equal(fs_metadata_replace(fd, &(struct fs_metadata){one, 1}, &e), 0);
    assert_true(inotify_add_watch(watch, path, IN_ATTRIB) >= 0);
    assert_int_equal(fs_metadata_replace(fd, &(struct fs_metadata){one, 1}, &e), 0);
    assert_int_equal(read(watch, events, sizeof events), -1);
    assert_int_equal(fs_metadata_replace(fd, &(struct fs_metadata){.count = 0}, &e), 0);
    assert_true(read(watch, events, sizeof events) > 0);
    close(watch);
}

static void many(void **state)
{
    static char names[40][40];
    struct fs_meta list[40];
    struct fs_metadata out;
    struct err e;

    (void)state;
    for (int i = 0; i < 40; i++) {
        snprintf(names[i], sizeof names[i], "a-name-that-is-not-short-%d", i);
        list[i] = (struct fs_meta){names[i], names[i]};
    }
    assert_int_equal(fs_metadata_replace(fd, &(struct fs_metadata){list, 40}, &e), 0);
    assert_int_equal(fs_metadata_read(path, &arena, &out), 0);
    assert_int_equal(out.count, 40);
    assert_int_equal(fs_metadata_replace(fd, &(struct fs_metadata){.count = 0}, &e), 0);
    assert_int_equal(fs_metadata_read(path, &arena, &out), 0);
    assert_int_equal(out.count, 0);
    assert_int_equal(fs_metadata_read("/no/such/file", &arena, &out), 0);
    assert_int_equal(out.count, 0);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaced_and_read),
        cmocka_unit_test(what_is_so_already_makes_no_event),
        cmocka_unit_test(many),
    };
    int ret;

    fd = mkstemp(path);
    if (fd < 0)
        return 1;
    ret = RUN(tests);
    close(fd);
    unlink(path);
    return ret;
}
