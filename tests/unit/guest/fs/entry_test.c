#include "guest/fs/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/limits.h"
#include "guest/cached.h"
#include "test.h"

static char dir[] = "/tmp/guestd-entry-XXXXXX";
static struct arena arena = {.max = MIB};

static const char *below(const char *rest)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, rest);
    return path;
}

static void make_file(const char *name, mode_t mode)
{
    int fd = open(below(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    assert_int_equal(write(fd, "four", 4), 4);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static const char *permissions(mode_t mode)
{
    static char text[FS_PERMISSIONS_MAX];

    fs_permissions(mode, text);
    return text;
}

/* As Go's FileMode.String has them. */
static void permission_strings(void **state)
{
    (void)state;
    assert_string_equal(permissions(S_IFREG | 0644), "-rw-r--r--");
    assert_string_equal(permissions(S_IFDIR | 0755), "drwxr-xr-x");
    assert_string_equal(permissions(S_IFLNK | 0777), "Lrwxrwxrwx");
    assert_string_equal(permissions(S_IFDIR | 01777), "dtrwxrwxrwx");
    assert_string_equal(permissions(S_IFREG | 07755), "ugtrwxr-xr-x");
    assert_string_equal(permissions(S_IFCHR | 0666), "Dcrw-rw-rw-");
    assert_string_equal(permissions(S_IFBLK | 0660), "Drw-rw----");
    assert_string_equal(permissions(S_IFIFO | 0644), "prw-r--r--");
    assert_string_equal(permissions(S_IFSOCK | 06755), "Sugrwxr-xr-x");
}

static void a_file(void **state)
{
    struct fs_entry entry;
    struct err e;

    (void)state;
    make_file("file", 04750);
    assert_int_equal(fs_entry_read(below("file"), NULL, &arena, &entry, &e), 0);
    assert_string_equal(entry.name, "file");
    assert_string_equal(entry.path, below("file"));
    assert_int_equal(entry.type, FS_FILE);
    assert_int_equal(entry.mode, 0750);
    assert_string_equal(entry.permissions, "urwxr-x---");
    assert_int_equal(entry.st.st_size, 4);
    assert_null(entry.symlink_target);
    assert_string_equal(entry.owner, "root");
    assert_string_equal(entry.group, "root");
    assert_int_equal(chown(below("file"), 54321, 54322), 0);
    assert_int_equal(fs_entry_read(below("file"), "./other", &arena, &entry, &e), 0);
    assert_string_equal(entry.name, "./other");
    assert_string_equal(entry.owner, "54321");
    assert_string_equal(entry.group, "54322");
}

static void link_to(const char *target, const char *name)
{
    assert_int_equal(symlink(target, below(name)), 0);
}

static void links(void **state)
{
    struct fs_entry entry;
    struct err e;

    (void)state;
    make_file("target", 0640);
    link_to("target", "one");
    link_to("one", "two");
    link_to("nowhere", "dangling");
    link_to("loop", "loop");
    assert_int_equal(fs_entry_read(below("two"), NULL, &arena, &entry, &e), 0);
    assert_int_equal(entry.type, FS_FILE);
    assert_int_equal(entry.mode, 0640);
    assert_string_equal(entry.permissions, "Lrwxrwxrwx");
    assert_int_equal(entry.st.st_size, 3);
    assert_string_equal(entry.symlink_target, below("target"));
    assert_int_equal(fs_entry_read(below("dangling"), NULL, &arena, &entry, &e), 0);
    assert_int_equal(entry.type, FS_OTHER);
    assert_int_equal(entry.mode, 0);
    assert_string_equal(entry.symlink_target, below("dangling"));
    assert_int_equal(fs_entry_read(below("loop"), NULL, &arena, &entry, &e), 0);
    assert_string_equal(entry.symlink_target, below("loop"));
    assert_int_equal(entry.type, FS_OTHER);
}

/* A pipe has no path that leads to it. */
static void a_link_to_what_has_no_path(void **state)
{
    struct fs_entry entry;
    char path[40];
    int fds[2];
    struct err e;

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fds[0]);
    assert_int_equal(fs_entry_read(path, NULL, &arena, &entry, &e), 0);
    assert_string_equal(entry.symlink_target, path);
    assert_int_equal(entry.type, FS_OTHER);
    close(fds[0]);
    close(fds[1]);
}

static void what_is_not_there(void **state)
{
    struct fs_entry entry;
    char text[300];
    struct err e;

    (void)state;
    assert_int_equal(fs_entry_read(below("none"), NULL, &arena, &entry, &e), -1);
    assert_int_equal(e.status, STATUS_NOT_FOUND);
    assert_int_equal(e.errnum, ENOENT);
    snprintf(text, sizeof text, "file not found: lstat %s: no such file or directory", below("none"));
    assert_string_equal(e.text, text);
    make_file("plain", 0600);
    assert_int_equal(fs_entry_read(below("plain/x"), NULL, &arena, &entry, &e), -1);
    assert_int_equal(e.status, STATUS_INTERNAL);
    snprintf(text, sizeof text, "error getting file info: lstat %s: not a directory", below("plain/x"));
    assert_string_equal(e.text, text);
}

static bool cached(const char *name, const struct mounts *m, struct fs_entry *out)
{
    struct fs_cached known = {.mounts = m, .owners = owners_get()};
    bool ret = fs_entry_cached(below(name), &known, &arena, out);

    owners_put(known.owners);
    return ret;
}

static void read_it(const char *name)
{
    struct fs_entry entry;
    struct err e;

    assert_int_equal(fs_entry_read(below(name), NULL, &arena, &entry, &e), 0);
}

/* Once it was found to have no metadata, and as long as it does not change. */
static void an_entry_that_is_known(void **state)
{
    struct mounts none = {.count = 0}, slow = {.count = 1};
    struct fs_entry first, entry;
    struct cached_file file;
    struct mount here = {.lane = 1};
    struct err e;

    (void)state;
    make_file("known", 02750);
    read_it("known");
    assert_false(cached("known", &none, &entry)); /* it has just changed */
    usleep(200 * 1000);
    assert_int_equal(fs_entry_read(below("known"), NULL, &arena, &first, &e), 0);
    assert_true(cached("known", &none, &entry));
    assert_string_equal(entry.name, first.name);
    assert_string_equal(entry.path, first.path);
    assert_string_equal(entry.permissions, first.permissions);
    assert_string_equal(entry.owner, first.owner);
    assert_string_equal(entry.group, first.group);
    assert_int_equal(entry.type, first.type);
    assert_int_equal(entry.mode, first.mode);
    assert_int_equal(entry.st.st_size, 4);
    assert_null(entry.symlink_target);
    assert_int_equal(entry.metadata.count, 0);
    assert_true(cached_stat(below("known"), false, &file));
    here.id = file.mount;
    slow.list = &here;
    assert_false(cached("known", &slow, &entry));
    assert_int_equal(setxattr(below("known"), FS_METADATA_PREFIX "key", "value", 5, 0), 0);
    assert_false(cached("known", &none, &entry));
    usleep(200 * 1000);
    read_it("known");
    assert_false(cached("known", &none, &entry));
    link_to("known", "to-known");
    usleep(200 * 1000);
    read_it("to-known");
    assert_false(cached("to-known", &none, &entry));
}

static void memory_is_bounded(void **state)
{
    struct arena little = {.max = 16};
    struct fs_entry entry;
    struct err e;

    (void)state;
    assert_int_equal(fs_entry_read("/tmp/some-longer-name", NULL, &little, &entry, &e), -1);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    arena_clear(&little);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permission_strings),
        cmocka_unit_test(a_file),
        cmocka_unit_test(links),
        cmocka_unit_test(a_link_to_what_has_no_path),
        cmocka_unit_test(what_is_not_there),
        cmocka_unit_test(an_entry_that_is_known),
        cmocka_unit_test(memory_is_bounded),
    };
    int ret;

    if (!mkdtemp(dir))
        return 1;
    ret = RUN(tests);
    arena_clear(&arena);
    return ret;
}
