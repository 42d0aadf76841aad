#include "guest/fs/tree_read.h"

#include <stdatomic.h>

#include "core/limits.h"
#include "tree.h"

static struct fs_tree_reader reader;
static struct fs_tree_item item;
static uint8_t buffer[64];

static void begin(const char *name)
{
    struct err e;

    assert_int_equal(fs_tree_read_begin(&reader, open(below(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC), &e),
                     0);
}

/* The next item, whose path is then `path`. */
static int next(size_t room)
{
    struct err e;

    return fs_tree_read(&reader, buffer, room, &item, &e);
}

static bool is_at(const char *path)
{
    return item.path.len == strlen(path) && memcmp(item.path.ptr, path, item.path.len) == 0;
}

/* The item of that path; the ones before it are passed over. */
static bool find(const char *path)
{
    while (next(sizeof buffer) == 1)
        if (is_at(path))
            return true;
    return false;
}

static void end(void **state)
{
    (void)state;
    fs_tree_read_end(&reader);
}

static void a_directory_comes_before_what_is_in_it(void **state)
{
    int files = 0, directories = 0, links = 0;
    bool inside = false;

    make_dir("t");
    make_dir("t/d");
    make_dir("t/e");
    make_file("t/d/f", "content");
    make_file("t/none", "");
    assert_int_equal(symlink("some/where", below("t/d/l")), 0);
    assert_int_equal(chmod(below("t/d"), 0751), 0);
    begin("t");
    assert_int_equal(next(sizeof buffer), 1);
    assert_true(is_at("") && S_ISDIR(item.st.st_mode));
    while (next(sizeof buffer) == 1) {
        assert_int_equal(item.kind, FS_TREE_ENTRY);
        assert_false(item.more);
        files += S_ISREG(item.st.st_mode);
        directories += S_ISDIR(item.st.st_mode);
        if (is_at("d"))
            assert_int_equal(item.st.st_mode & 07777, 0751);
        if (is_at("d/f")) {
            assert_true(inside);
            assert_int_equal(item.len, 7);
            assert_memory_equal(buffer, "content", 7);
        }
        if (is_at("d/l")) {
            links++;
            assert_string_equal(item.target, "some/where");
        }
        inside = inside || is_at("d");
    }
    assert_int_equal(files, 2);
    assert_int_equal(directories, 2);
    assert_int_equal(links, 1);
    assert_int_equal(next(sizeof buffer), 0); /* again */
    end(state);
}

static void a_file_comes_in_pieces(void **state)
{
    char got[16] = "";

    make_dir("p");
    make_file("p/f", "0123456789");
    begin("p");
    assert_int_equal(next(4), 1);
    while (next(4) == 1) {
        memcpy(got + strlen(got), buffer, item.len);
        assert_int_equal(item.more, strlen(got) < 10);
        assert_int_equal(item.kind, strlen(got) > 4 ? FS_TREE_DATA : FS_TREE_ENTRY);
        assert_true(is_at("f"));
    }
    assert_string_equal(got, "0123456789");
    end(state);
}

/* What is in it stands for a file that was opened with another size. */
static void one_that_changes_meanwhile(void **state)
{
    make_dir("c");
    make_file("c/f", "0123456789");
    begin("c");
    assert_int_equal(next(4), 1);
    assert_int_equal(next(4), 1);
    assert_int_equal(truncate(below("c/f"), 6), 0);
    assert_int_equal(next(sizeof buffer), 1);
    assert_int_equal(item.kind, FS_TREE_PROBLEM);
    assert_int_equal(item.problem.status, STATUS_ABORTED);
    assert_true(is_at("f") && item.len == 0 && !item.more);
    assert_int_equal(next(4), 0);
    end(state);
    make_file("c/f", "0123456789");
    begin("c");
    assert_int_equal(next(4), 1);
    assert_int_equal(next(4), 1);
    make_file("c/f", "0123456789 and more");
    assert_int_equal(next(sizeof buffer), 1);
    assert_int_equal(item.len, 6); /* as long as it was */
    end(state);
}

/* Their size says nothing. */
static void files_of_the_kernel_come_whole(void **state)
{
    struct err e;

    assert_int_equal(
        fs_tree_read_begin(&reader, open("/proc/self/net", O_RDONLY | O_DIRECTORY | O_CLOEXEC), &e), 0);
    assert_true(find("dev"));
    assert_int_equal(item.len, sizeof buffer);
    assert_true(item.more);
    assert_int_equal(next(sizeof buffer), 1);
    assert_int_equal(item.kind, FS_TREE_DATA);
    end(state);
}

static void what_cannot_be_read_is_told(void **state)
{
    make_dir("x");
    assert_int_equal(mkfifo(below("x/fifo"), 0600), 0);
    begin("x");
    assert_true(find("fifo"));
    assert_int_equal(item.kind, FS_TREE_PROBLEM);
    assert_int_equal(item.problem.status, STATUS_FAILED_PRECONDITION);
    assert_string_equal(item.problem.text, "neither a file, a directory nor a link");
    assert_int_equal(next(1), 0);
    end(state);
}

/* More levels than paths may have names; what is above comes. */
static void a_path_that_is_too_long_is_told(void **state)
{
    char name[201];
    int at = open(below("x"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    size_t problems = 0, entries = 0;

    memset(name, 'n', 200);
    name[200] = 0;
    for (size_t i = 0; i < TREE_PATH_MAX / 200; i++) {
        int down;

        assert_int_equal(mkdirat(at, name, 0700), 0);
        down = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(at);
        at = down;
    }
    close(at);
    unlink(below("x/fifo"));
    begin("x");
    while (next(1) == 1) {
        problems += item.kind == FS_TREE_PROBLEM;
        entries += item.kind == FS_TREE_ENTRY;
        assert_true(item.path.len < TREE_PATH_MAX);
    }
    assert_int_equal(problems, 1);
    assert_int_equal(entries, 1 + (TREE_PATH_MAX - 1) / 201);
    end(state);
}

static void a_way_that_is_lost(void **state)
{
    struct err e;

    make_dir("w");
    make_dir("w/other");
    assert_int_equal(mkdir(below("w/0"), 0700), 0);
    make_file("w/0/f", "");
    begin("w/0");
    assert_int_equal(next(1), 1);
    end(state);
    /* A chain deeper than stays open, whose upper part is moved away from below its root. */
    {
        char path[256];
        size_t n = (size_t)snprintf(path, sizeof path, "w/other");

        for (int i = 0; i < 20; i++) {
            n += (size_t)snprintf(path + n, sizeof path - n, "/d");
            make_dir(path);
        }
        make_dir("w/away");
    }
    begin("w/other");
    for (int i = 0; i < 21; i++)
        assert_int_equal(next(1), 1);
    assert_int_equal(rename(below("w/other/d/d"), below("w/away/d")), 0);
    assert_int_equal(fs_tree_read(&reader, buffer, 1, &item, &e), -1);
    assert_int_equal(e.status, STATUS_ABORTED);
    end(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_comes_before_what_is_in_it),
        cmocka_unit_test(a_file_comes_in_pieces),
        cmocka_unit_test(one_that_changes_meanwhile),
        cmocka_unit_test(files_of_the_kernel_come_whole),
        cmocka_unit_test(what_cannot_be_read_is_told),
        cmocka_unit_test(a_path_that_is_too_long_is_told),
        cmocka_unit_test(a_way_that_is_lost),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, clear);
}
