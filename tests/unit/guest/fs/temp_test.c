#include "guest/fs/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char dir[] = "/tmp/guestd-temp-XXXXXX";
static struct err e;

static const char *in_dir(const char *name)
{
    static char path[2][256];
    static int turn;

    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static void published_in_one_step(void **state)
{
    struct fs_temp t;
    struct stat st;
    char text[8] = "";
    FILE *f = fopen(in_dir("file"), "w");

    (void)state;
    fputs("old", f);
    fclose(f);
    assert_int_equal(fs_temp_open(&t, in_dir("file"), 0600, &e), 0);
    assert_int_equal(write(t.fd, "new", 3), 3);
    assert_int_equal(stat(in_dir("file"), &st), 0);
    assert_int_equal(st.st_size, 3);
    assert_int_equal(stat(t.path, &st), -1); /* who is killed now leaves nothing */
    assert_int_equal(fs_temp_publish(&t, in_dir("file"), &e), 0);
    assert_int_equal(t.fd, -1);
    assert_null(t.path);
    f = fopen(in_dir("file"), "r");
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    assert_string_equal(text, "new");
    assert_int_equal(stat(in_dir("file"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void nothing_is_left_of_what_failed(void **state)
{
    struct fs_temp t;

    (void)state;
    assert_int_equal(fs_temp_open(&t, in_dir("other"), 0666, &e), 0);
    fs_temp_discard(&t);
    fs_temp_discard(&t);
    assert_int_equal(mkdir(in_dir("directory"), 0755), 0);
    assert_int_equal(fs_temp_open(&t, in_dir("directory"), 0666, &e), 0);
    assert_int_equal(fs_temp_publish(&t, in_dir("directory"), &e), -1);
    assert_int_equal(e.errnum, EISDIR);
    assert_int_equal(rmdir(in_dir("directory")), 0);
    unlink(in_dir("file"));
    assert_int_equal(fs_temp_open(&t, in_dir("none/x"), 0666, &e), -1);
    assert_int_equal(e.status, STATUS_INTERNAL);
    assert_null(t.path);
    assert_int_equal(fs_sync_parent(in_dir("x"), &e), 0);
    assert_int_equal(fs_sync_parent(in_dir("none/x"), &e), -1);
    assert_int_equal(rmdir(dir), 0); /* it is empty */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_in_one_step),
        cmocka_unit_test(nothing_is_left_of_what_failed),
    };

    return mkdtemp(dir) ? RUN(tests) : 1;
}
