#include "guest/fs/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/fs/remove.h"
#include "test.h"

#define DEPTH 100 /* more levels than stay open */

static char dir[] = "/tmp/guestd-walk-XXXXXX";

static int open_dir(void)
{
    return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* dir/d/d/d... and a file "f" in each. */
static void make_chain(void)
{
    int fd = open_dir();

    for (int i = 0; i < DEPTH; i++) {
        int next;

        close(openat(fd, "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        assert_int_equal(mkdirat(fd, "d", 0700), 0);
        next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = next;
    }
    close(fd);
}

static size_t open_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    size_t n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void down_and_up_a_deep_tree(void **state)
{
    struct fs_walk walk;
    struct fs_walk_entry entry;
    size_t before = open_files(), files = 0, deepest = 0;
    char path[64];
    int ret;

    (void)state;
    make_chain();
    assert_int_equal(fs_walk_begin(&walk, open_dir()), 0);
    for (;;) {
        ret = fs_walk_next(&walk, &entry);
        assert_true(ret >= 0);
        if (ret == 0 && walk.depth == 1)
            break;
        if (ret == 0)
            assert_int_equal(fs_walk_up(&walk), 0);
        else if (entry.type == DT_DIR)
            assert_int_equal(fs_walk_down(&walk, entry.name), 0);
        else
            files++;
        if (walk.depth == 3 && deepest == 2) {
            fs_walk_path(&walk, "/r", "x", path, sizeof path);
            assert_string_equal(path, "/r/d/d/x");
        }
        deepest = walk.depth > deepest ? walk.depth : deepest;
        assert_true(open_files() < before + 20);
    }
    assert_int_equal(files, DEPTH); /* each exactly once, although levels were closed in between */
    assert_int_equal(deepest, DEPTH + 1);
    fs_walk_end(&walk);
    assert_int_equal(open_files(), before);
}

/* A link, or a file, where a directory was. */
static void links_are_not_followed(void **state)
{
    struct fs_walk walk;
    char path[64];

    (void)state;
    snprintf(path, sizeof path, "%s/link", dir);
    assert_int_equal(symlink("d", path), 0);
    assert_int_equal(fs_walk_begin(&walk, open_dir()), 0);
    assert_int_equal(fs_walk_down(&walk, "link"), -1);
    assert_true(errno == ELOOP || errno == ENOTDIR);
    assert_int_equal(fs_walk_down(&walk, "f"), -1);
    assert_int_equal(errno, ENOTDIR);
    assert_int_equal(walk.depth, 1);
    fs_walk_end(&walk);
}

/* The directory is moved away while the walk is far below it: the walk does not go on elsewhere. */
static void a_level_that_was_moved(void **state)
{
    struct fs_walk walk;
    char from[64], to[64];

    (void)state;
    snprintf(from, sizeof from, "%s/d/d", dir);
    snprintf(to, sizeof to, "%s/moved", dir);
    assert_int_equal(fs_walk_begin(&walk, open_dir()), 0);
    for (int i = 0; i < 30; i++)
        assert_int_equal(fs_walk_down(&walk, "d"), 0);
    assert_int_equal(rename(from, to), 0);
    while (walk.depth > 3)
        assert_int_equal(fs_walk_up(&walk), 0);
    assert_int_equal(fs_walk_up(&walk), -1);
    assert_int_equal(errno, ESTALE);
    fs_walk_end(&walk);
}

static int clear(void **state)
{
    atomic_bool stop = false;
    struct err e;

    (void)state;
    return fs_remove(dir, &stop, &e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(down_and_up_a_deep_tree),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(a_level_that_was_moved),
    };

    if (!mkdtemp(dir))
        return 1;
    return cmocka_run_group_tests_name(__FILE__, tests, NULL, clear);
}
