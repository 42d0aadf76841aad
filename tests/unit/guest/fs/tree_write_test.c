#include "guest/fs/tree_write.h"

#include <dirent.h>
#include <stdatomic.h>

#include "core/limits.h"
#include "tree.h"

static struct fs_tree_writer writer;
static struct err e;

static void begin_with(const char *name, const struct fs_tree_write_options *o)
{
    assert_int_equal(
        fs_tree_write_begin(&writer, open(below(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC), o, &e), 0);
}

/* In a new directory. */
static void begin(const char *name)
{
    make_dir(name);
    begin_with(name, &(struct fs_tree_write_options){.made_root = true, .mode_mask = 07777});
}

static int entry_of(const char *path, size_t n, mode_t mode, const char *content, bool more)
{
    struct fs_tree_entry entry = {
        .path = {path, n}, .mode = mode, .has_mtime = true, .mtime = {1000, 5}, .target = bytes_of("target")};

    return fs_tree_write_entry(&writer, &entry, bytes_of(content), more, &e);
}

static int file(const char *path, const char *content)
{
    return entry_of(path, strlen(path), S_IFREG | 0640, content, false);
}

static int directory(const char *path, mode_t mode)
{
    return entry_of(path, strlen(path), S_IFDIR | mode, "", false);
}

static int link_at(const char *path)
{
    return entry_of(path, strlen(path), S_IFLNK | 0777, "", false);
}

static void finish(void)
{
    assert_int_equal(fs_tree_write_finish(&writer, &e), 0);
    fs_tree_write_abandon(&writer);
}

static bool holds(const char *name, const char *content)
{
    char text[64];
    int fd = open(below(name), O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof text);

    close(fd);
    return n == (ssize_t)strlen(content) && memcmp(text, content, (size_t)n) == 0;
}

/* How many entries a directory has. */
static size_t entries(const char *name)
{
    DIR *d = opendir(below(name));
    size_t n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void a_tree_with_its_bits_and_times(void **state)
{
    (void)state;
    begin("t");
    assert_int_equal(directory("", 0751), 0);
    assert_int_equal(directory("d", 0510), 0);
    assert_int_equal(directory("d/e", 0700), 0);
    assert_int_equal(file("d/e/f", "in it"), 0);
    assert_int_equal(link_at("d/l"), 0);
    assert_int_equal(file("d/f", ""), 0);
    assert_int_equal(file("g", "at last"), 0);
    finish();
    assert_int_equal(writer.files, 4);
    assert_int_equal(writer.directories, 3);
    assert_int_equal(writer.bytes, 12);
    assert_true(holds("t/d/e/f", "in it") && holds("t/d/f", "") && holds("t/g", "at last"));
    assert_int_equal(stat_of("t").st_mode, S_IFDIR | 0751);
    assert_int_equal(stat_of("t/d").st_mode, S_IFDIR | 0510);
    assert_int_equal(stat_of("t/d/f").st_mode, S_IFREG | 0640);
    for (size_t i = 0; i < 5; i++) {
        static const char *const names[] = {"t", "t/d", "t/d/e", "t/d/l", "t/g"};
        struct stat st = stat_of(names[i]);

        assert_int_equal(st.st_mtim.tv_sec, 1000);
        assert_int_equal(st.st_mtim.tv_nsec, 5);
    }
}

static void a_file_in_pieces_has_its_name_at_its_end(void **state)
{
    (void)state;
    begin("p");
    assert_int_equal(entry_of("f", 1, S_IFREG | 0600, "one ", true), 0);
    assert_int_equal(fs_tree_write_data(&writer, bytes_of("two "), true, &e), 0);
    assert_int_equal(access(below("p/f"), F_OK), -1);
    assert_int_equal(fs_tree_write_data(&writer, bytes_of("three"), false, &e), 0);
    assert_true(holds("p/f", "one two three"));
    assert_int_equal(entry_of("g", 1, S_IFREG | 0600, "half", true), 0);
    fs_tree_write_forget(&writer); /* its sender could not read it to its end */
    assert_int_equal(file("h", "x"), 0);
    assert_int_equal(entry_of("i", 1, S_IFREG | 0600, "half", true), 0);
    assert_int_equal(writer.bytes, 14); /* of those that are there */
    fs_tree_write_abandon(&writer);
    assert_int_equal(entries("p"), 2);
}

static void what_is_there(void **state)
{
    struct fs_tree_write_options o = {.mode_mask = 07777};

    (void)state;
    make_dir("w");
    make_dir("w/d");
    make_file("w/f", "old");
    make_file("w/notdir", "");
    assert_int_equal(symlink("f", below("w/l")), 0);
    begin_with("w", &o);
    assert_int_equal(directory("d", 0751), 0);
    assert_int_equal(file("d/new", "x"), 0);
    assert_int_equal(file("f", "new"), 0);
    assert_int_equal(file("l", "no link"), 0);
    assert_int_equal(link_at("f"), 0);
    assert_int_equal(file("d", "x"), FS_TREE_REFUSED); /* it does not give way */
    assert_int_equal(e.status, STATUS_FAILED_PRECONDITION);
    assert_int_equal(link_at("d"), FS_TREE_REFUSED);
    assert_int_equal(directory("notdir", 0700), FS_TREE_REFUSED);
    assert_int_equal(e.status, STATUS_FAILED_PRECONDITION);
    assert_int_equal(file("notdir/f", "x"), 0); /* that was told */
    assert_int_equal(file("notdirectory", "x"), 0);
    finish();
    assert_int_equal(stat_of("w/d").st_mode, S_IFDIR | 0700); /* as it was */
    assert_true(holds("w/l", "no link") && holds("w/d/new", "x"));
    assert_true(S_ISLNK(stat_of("w/f").st_mode));
    assert_true(holds("w/notdir", ""));
    o.keep_old = true;
    begin_with("w", &o);
    assert_int_equal(file("l", "newer"), FS_TREE_REFUSED);
    assert_int_equal(e.status, STATUS_ALREADY_EXISTS);
    assert_int_equal(link_at("l"), FS_TREE_REFUSED);
    assert_int_equal(e.status, STATUS_ALREADY_EXISTS);
    assert_int_equal(directory("d", 0700), 0);
    finish();
    assert_true(holds("w/l", "no link"));
    assert_int_equal(entries("w"), 5);
}

/* Nothing is written through a link, neither one that was there nor one that came. */
static void links_lead_nowhere(void **state)
{
    (void)state;
    make_dir("outside");
    make_dir("l");
    assert_int_equal(symlink("../outside", below("l/there")), 0);
    begin_with("l", &(struct fs_tree_write_options){.mode_mask = 07777});
    assert_int_equal(file("there/f", "x"), FS_TREE_REFUSED);
    assert_int_equal(e.status, STATUS_FAILED_PRECONDITION);
    assert_int_equal(directory("there", 0700), FS_TREE_REFUSED);
    finish();
    begin_with("l", &(struct fs_tree_write_options){.mode_mask = 07777});
    assert_int_equal(symlink("../outside", below("l/target")), 0);
    assert_int_equal(link_at("came"), 0);
    assert_int_equal(file("came/f", "x"), FS_TREE_REFUSED);
    finish();
    assert_int_equal(entries("outside"), 0);
}

/* The tree is refused as a whole. */
static void what_is_no_tree(void **state)
{
    static const struct {
        const char *path;
        size_t len;
        mode_t mode;
        const char *content;
        bool more;
    } cases[] = {
        {"/etc", 4, S_IFREG, "", false}, {"..", 2, S_IFDIR, "", false},    {"a/../b", 6, S_IFREG, "", false},
        {"a/", 2, S_IFDIR, "", false},   {".", 1, S_IFDIR, "", false},     {"a//b", 4, S_IFREG, "", false},
        {"a\0b", 3, S_IFREG, "", false}, {"", 0, S_IFREG, "", false},      {"d", 1, S_IFDIR, "x", false},
        {"l", 1, S_IFLNK, "", true},     {"a/./b", 5, S_IFREG, "", false}, {"../b", 4, S_IFREG, "", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin("n");
        assert_int_equal(directory("a", 0700), 0);
        assert_int_equal(
            entry_of(cases[i].path, cases[i].len, cases[i].mode, cases[i].content, cases[i].more), -1);
        assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
        fs_tree_write_abandon(&writer);
        assert_int_equal(entries("n"), 1);
        rmdir(below("n/a"));
        rmdir(below("n"));
    }
    begin("n");
    assert_int_equal(fs_tree_write_data(&writer, bytes_of("x"), false, &e), -1); /* of no file */
    assert_int_equal(entry_of("f", 1, S_IFREG | 0600, "half", true), 0);
    assert_int_equal(file("g", ""), -1);
    assert_int_equal(fs_tree_write_finish(&writer, &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    fs_tree_write_abandon(&writer);
    assert_int_equal(entries("n"), 0);
}

static void kinds_and_names_that_cannot_be(void **state)
{
    char name[300];

    (void)state;
    memset(name, 'n', sizeof name);
    begin("k");
    assert_int_equal(entry_of("fifo", 4, S_IFIFO | 0600, "x", true), FS_TREE_REFUSED);
    assert_int_equal(fs_tree_write_data(&writer, bytes_of("x"), false, &e), 0); /* dropped */
    assert_int_equal(entry_of(name, 256, S_IFREG | 0600, "", false), -1);
    assert_int_equal(entry_of(name, 255, S_IFREG | 0600, "", false), 0);
    assert_int_equal(file("nowhere/f", ""), FS_TREE_REFUSED);
    assert_int_equal(e.status, STATUS_NOT_FOUND);
    finish();
    assert_int_equal(entries("k"), 1);
}

/* More levels than stay open, in an order that no reader has. */
static void deep_and_back(void **state)
{
    char path[128] = "d";
    size_t n = 1;

    (void)state;
    begin("deep");
    assert_int_equal(directory("d", 0700), 0);
    for (int i = 0; i < 40; i++) {
        n += (size_t)snprintf(path + n, sizeof path - n, "/d");
        assert_int_equal(directory(path, 0700), 0);
    }
    assert_int_equal(file("top", "x"), 0);
    assert_int_equal(file("d/d/d/middle", "x"), 0);
    finish();
    assert_true(holds("deep/top", "x") && holds("deep/d/d/d/middle", "x"));
    assert_int_equal(stat_of("deep/d/d/d/d").st_mtim.tv_sec, 1000);
}

static void owners(void **state)
{
    struct fs_tree_write_options o = {.give = true, .uid = 12, .gid = 34, .mode_mask = 0777};

    (void)state;
    if (geteuid() != 0)
        fail_msg("owners are given by root");
    make_dir("o");
    begin_with("o", &o);
    assert_int_equal(directory("d", 0700), 0);
    assert_int_equal(entry_of("d/f", 3, S_IFREG | 06755, "", false), 0);
    assert_int_equal(link_at("d/l"), 0);
    finish();
    assert_int_equal(stat_of("o/d").st_uid, 12);
    assert_int_equal(stat_of("o/d/f").st_gid, 34);
    assert_int_equal(stat_of("o/d/f").st_mode, S_IFREG | 0755); /* the mask */
    assert_int_equal(stat_of("o/d/l").st_uid, 12);
    o.owners = true; /* of the entries, which say 0 */
    begin_with("o", &o);
    assert_int_equal(file("d/f", ""), 0);
    finish();
    assert_int_equal(stat_of("o/d/f").st_uid, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_with_its_bits_and_times),
        cmocka_unit_test(a_file_in_pieces_has_its_name_at_its_end),
        cmocka_unit_test(what_is_there),
        cmocka_unit_test(links_lead_nowhere),
        cmocka_unit_test(what_is_no_tree),
        cmocka_unit_test(kinds_and_names_that_cannot_be),
        cmocka_unit_test(deep_and_back),
        cmocka_unit_test(owners),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, clear);
}
