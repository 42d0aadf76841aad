#include "guest/fs/put.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fd.h"
#include "test.h"

static void a_file_is_written_whole(void **state)
{
    char path[96], command[128], text[16];
    struct stat first, second;
    struct err e;

    (void)state;
    snprintf(path, sizeof path, "/tmp/guestd-unit-put-%d/a/b", getpid());
    assert_int_equal(fs_put(path, "one", 3, 0444, &e), 0);
    assert_int_equal(stat(path, &first), 0);
    assert_int_equal(first.st_mode & 07777, 0444);
    assert_int_equal(fs_put(path, "second", 6, 0644, &e), 0);
    assert_int_equal(fd_read_file(-1, path, text, sizeof text), 6);
    assert_string_equal(text, "second");
    assert_int_equal(stat(path, &second), 0);
    assert_int_equal(second.st_mode & 07777, 0644);
    assert_int_not_equal(first.st_ino, second.st_ino); /* who had it open reads the old text */
    assert_int_equal(fs_put(path, "", 0, 0644, &e), 0);
    assert_int_equal(fd_read_file(-1, path, text, sizeof text), 0);
    snprintf(command, sizeof command, "rm -r /tmp/guestd-unit-put-%d", getpid());
    assert_int_equal(system(command), 0);
}

static void what_cannot_be_is_told(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(fs_put("/proc/none/x", "x", 1, 0644, &e), -1);
    assert_non_null(strstr(e.text, "/proc/none/x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_written_whole),
        cmocka_unit_test(what_cannot_be_is_told),
    };

    return RUN(tests);
}
