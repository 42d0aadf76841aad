#include "guest/fs/copy.h"

#include <sys/inotify.h>

#include "core/fd.h"
#include "tree.h"

/* Copies; the paths are below the directory. */
static int copy(const char *from, const char *to, bool recursive, bool overwrite, struct err *e)
{
    struct fs_copy c = {.source = below(from),
                        .destination = below(to),
                        .recursive = recursive,
                        .overwrite = overwrite,
                        .stop = &stop};
    int ret = fs_copy(&c, e);

    return ret < 0 ? ret : (int)(100 * c.directories + c.files);
}

static const char *content(const char *name)
{
    static char text[64];
    int fd = open(below(name), O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof text - 1);

    close(fd);
    text[n > 0 ? n : 0] = 0;
    return text;
}

static void files(void **state)
{
    struct err e;

    (void)state;
    make_file("a", "one");
    assert_int_equal(copy("a", "b/", false, false, &e), 1);
    assert_string_equal(content("b"), "one");
    make_file("a", "two");
    assert_int_equal(copy("a", "b", false, false, &e), -1);
    assert_int_equal(e.status, STATUS_ALREADY_EXISTS);
    assert_string_equal(content("b"), "one");
    assert_int_equal(copy("a", "b", false, true, &e), 1);
    assert_string_equal(content("b"), "two");
    assert_int_equal(copy("a", "a", false, true, &e), 1); /* onto itself */
    assert_string_equal(content("a"), "two");
}

/* Who looks at the directory meanwhile sees no half of a file, and who kills the agent leaves none. */
static void a_replacement_has_no_name_until_it_is_whole(void **state)
{
    CLEANUP_FD int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char events[4096] __attribute__((aligned(8)));
    bool moved = false;
    struct err e;
    ssize_t n;

    (void)state;
    make_file("new", "new");
    make_file("old", "old");
    assert_true(inotify_add_watch(watch, dir, IN_MODIFY | IN_MOVED_TO) >= 0);
    assert_int_equal(copy("new", "old", false, true, &e), 1);
    assert_string_equal(content("old"), "new");
    n = read(watch, events, sizeof events);
    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *event = (const struct inotify_event *)(events + at);

        if (event->mask & IN_MODIFY)
            assert_false(event->len && strncmp(event->name, ".guestd-", 8) == 0);
        moved = moved || (event->mask & IN_MOVED_TO && strcmp(event->name, "old") == 0);
        at += (ssize_t)(sizeof *event + event->len);
    }
    assert_true(moved);
}

static void trees(void **state)
{
    struct err e;

    (void)state;
    make_dir("t");
    make_dir("t/d");
    make_file("t/d/f", "x");
    assert_int_equal(symlink("d/f", below("t/l")), 0);
    assert_int_equal(mkfifo(below("t/p"), 0640), 0);
    assert_int_equal(copy("t", "u", false, false, &e), -1);
    assert_int_equal(e.status, STATUS_FAILED_PRECONDITION);
    assert_int_equal(copy("t", "u", true, false, &e), 203);
    assert_string_equal(content("u/l"), "x");
    assert_int_equal(stat_of("u/p").st_mode, S_IFIFO | 0640);
    assert_int_equal(copy("t", "u", true, false, &e), -1);
    assert_int_equal(e.status, STATUS_ALREADY_EXISTS);
    make_file("t/d/f", "y");
    assert_int_equal(copy("t", "u", true, true, &e), 203);
    assert_string_equal(content("u/d/f"), "y");
}

static void a_tree_into_itself(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(copy("t", "t/d/t", true, false, &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_int_equal(copy("t", "t", true, true, &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_int_equal(access(below("t/d/t"), F_OK), -1);
}

static void it_can_be_stopped(void **state)
{
    struct err e;

    (void)state;
    atomic_store(&stop, true);
    assert_int_equal(copy("a", "stopped", false, false, &e), -1);
    assert_int_equal(e.status, STATUS_CANCELED);
    assert_int_equal(access(below("stopped"), F_OK), -1);
    assert_int_equal(copy("t", "v", true, false, &e), -1);
    assert_int_equal(e.status, STATUS_CANCELED);
    atomic_store(&stop, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(a_replacement_has_no_name_until_it_is_whole),
        cmocka_unit_test(trees),
        cmocka_unit_test(a_tree_into_itself),
        cmocka_unit_test(it_can_be_stopped),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, clear);
}
