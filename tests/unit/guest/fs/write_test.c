#include "guest/fs/write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "test.h"

static char dir[64];
static struct user user;
static struct fs_write w;
static struct err e;

static int setup(void **state)
{
    (void)state;
    user = (struct user){.uid = getuid(), .gid = getgid(), .name = "us"};
    strcpy(dir, "/tmp/guestd-write-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static const char *in_dir(const char *name)
{
    static char path[4][256];
    static unsigned turn;

    turn++;
    snprintf(path[turn % 4], sizeof path[0], "%s/%s", dir, name);
    return path[turn % 4];
}

static void put_text(const char *name, const char *text)
{
    FILE *f = fopen(in_dir(name), "w");

    fputs(text, f);
    fclose(f);
}

static void assert_text(const char *name, const char *want)
{
    char text[64] = "";
    int fd = open(in_dir(name), O_RDONLY);

    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof text - 1) >= 0);
    close(fd);
    assert_string_equal(text, want);
}

/* How many names the directory has. */
static int entries(void)
{
    struct stat st;
    char command[128];
    FILE *f;
    int n = -1;

    assert_int_equal(stat(dir, &st), 0);
    snprintf(command, sizeof command, "ls -A %s | wc -l", dir);
    f = popen(command, "r");
    assert_int_equal(fscanf(f, "%d", &n), 1);
    pclose(f);
    return n;
}

static int append(const char *text)
{
    struct iovec iov[2] = {{(char *)text, 1}, {(char *)text + 1, strlen(text) - 1}};

    return fs_write_append(&w, iov, 2, &e);
}

static int write_file(const char *name, const struct fs_write_options *o, const char *text)
{
    if (fs_write_open(&w, in_dir(name), &user, o, &e) < 0 || append(text) < 0)
        return -1;
    return fs_write_finish(&w, &e);
}

static void in_place(void **state)
{
    struct stat before, after;

    (void)state;
    assert_int_equal(write_file("a/b/file", &(struct fs_write_options){0}, "contents"), 0);
    assert_text("a/b/file", "contents");
    stat(in_dir("a/b/file"), &before);
    assert_int_equal(write_file("a/b/file", &(struct fs_write_options){0}, "less"), 0);
    assert_text("a/b/file", "less");
    stat(in_dir("a/b/file"), &after);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(w.fd, -1);
    assert_null(w.path);
}

static void what_was_written_stays(void **state)
{
    (void)state;
    assert_int_equal(fs_write_open(&w, in_dir("file"), &user, &(struct fs_write_options){0}, &e), 0);
    assert_int_equal(append("part"), 0);
    fs_write_abandon(&w);
    fs_write_abandon(&w);
    assert_text("file", "part");
}

static void what_is_no_file(void **state)
{
    int fd;

    (void)state;
    assert_int_equal(write_file(".", &(struct fs_write_options){0}, "x"), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(e.text, "path is a directory: "));
    assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
    assert_int_equal(write_file("fifo", &(struct fs_write_options){0}, "x"), -1);
    assert_non_null(strstr(e.text, "path is not a regular file: "));
    assert_int_equal(write_file("fifo", &(struct fs_write_options){.special = true}, "xy"), -1);
    assert_int_equal(e.errnum, ENXIO); /* nobody reads */
    fd = open(in_dir("fifo"), O_RDONLY | O_NONBLOCK);
    assert_int_equal(write_file("fifo", &(struct fs_write_options){.special = true}, "xy"), 0);
    close(fd);
    assert_int_equal(write_file("fifo", &(struct fs_write_options){.special = true, .atomic = true}, "x"),
                     -1);
    put_text("file", "");
    assert_int_equal(write_file("file/x", &(struct fs_write_options){0}, "x"), -1);
    assert_non_null(strstr(e.text, "error ensuring directories: path is a file: "));
}

static void atomic(void **state)
{
    struct fs_write_options o = {.atomic = true, .sync = FS_SYNC_ALL};
    struct stat st;
    char value[8];

    (void)state;
    put_text("file", "old");
    assert_int_equal(chmod(in_dir("file"), 0741), 0);
    assert_int_equal(setxattr(in_dir("file"), "user.kept", "yes", 3, 0), 0);
    assert_int_equal(fs_write_open(&w, in_dir("file"), &user, &o, &e), 0);
    assert_int_equal(append("new"), 0);
    assert_text("file", "old");
    assert_int_equal(entries(), 1); /* the new one has no name yet */
    assert_int_equal(fs_write_finish(&w, &e), 0);
    assert_text("file", "new");
    assert_int_equal(entries(), 1);
    stat(in_dir("file"), &st);
    assert_int_equal(st.st_mode & 07777, 0741);
    assert_int_equal(getxattr(in_dir("file"), "user.kept", value, sizeof value), 3);
    assert_int_equal(fs_write_open(&w, in_dir("file"), &user, &o, &e), 0);
    assert_int_equal(append("lost"), 0);
    fs_write_abandon(&w);
    assert_text("file", "new");
    assert_int_equal(entries(), 1);
}

static void links_stay(void **state)
{
    struct fs_write_options o = {.atomic = true};
    struct stat st;

    (void)state;
    assert_int_equal(mkdir(in_dir("sub"), 0755), 0);
    put_text("sub/file", "old");
    assert_int_equal(symlink("sub/again", in_dir("link")), 0);
    assert_int_equal(symlink("file", in_dir("sub/again")), 0);
    assert_int_equal(write_file("link", &o, "new"), 0);
    lstat(in_dir("link"), &st);
    assert_true(S_ISLNK(st.st_mode));
    lstat(in_dir("sub/again"), &st);
    assert_true(S_ISLNK(st.st_mode));
    assert_text("sub/file", "new");
    assert_int_equal(symlink(in_dir("absent"), in_dir("dangling")), 0);
    assert_int_equal(write_file("dangling", &o, "made"), 0);
    assert_text("absent", "made");
    assert_int_equal(symlink("loop", in_dir("loop")), 0);
    assert_int_equal(write_file("loop", &o, "x"), -1);
    assert_int_equal(e.errnum, ELOOP);
}

static void as_it_is_asked_for(void **state)
{
    struct fs_write_options o = {
        .has_mode = true, .mode = 04751, .has_mtime = true, .mtime = {1000, 5}, .sync = FS_SYNC_FILE};
    struct stat st;

    (void)state;
    for (int i = 0; i < 2; i++) {
        o.atomic = i;
        assert_int_equal(write_file("file", &o, "abc"), 0);
        stat(in_dir("file"), &st);
        assert_int_equal(st.st_mode & 07777, 04751);
        assert_int_equal(st.st_mtim.tv_sec, 1000);
        assert_int_equal(st.st_mtim.tv_nsec, 5);
    }
}

static void in_the_middle(void **state)
{
    struct fs_write_options o = {.has_offset = true, .offset = 2};

    (void)state;
    assert_int_equal(write_file("file", &o, "xy"), -1);
    assert_int_equal(e.status, STATUS_NOT_FOUND);
    put_text("file", "123456");
    assert_int_equal(write_file("file", &o, "xy"), 0);
    assert_text("file", "12xy56");
}

/* Less room than bytes: what fits is written. */
static void a_full_disk(void **state)
{
    struct fs_write_options o = {.special = true};

    (void)state;
    assert_int_equal(fs_write_open(&w, "/dev/full", &user, &o, &e), 0);
    assert_int_equal(append("xy"), -1);
    assert_int_equal(e.errnum, ENOSPC);
    assert_string_equal(e.text, "not enough disk space available");
    fs_write_abandon(&w);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(in_place),   T(what_was_written_stays), T(what_is_no_file), T(atomic),
        T(links_stay), T(as_it_is_asked_for),     T(in_the_middle),   T(a_full_disk),
    };

    return RUN(tests);
}
