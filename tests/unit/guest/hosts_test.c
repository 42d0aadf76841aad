#include "guest/hosts.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/limits.h"
#include "test.h"

static void assert_edit(const char *before, const char *after)
{
    CLEANUP_FREE char *text;
    size_t len;

    text = hosts_edit(bytes_of(before), "10.0.0.1", "name", &len);
    assert_non_null(text);
    assert_int_equal(len, strlen(after));
    assert_memory_equal(text, after, len);
}

static void the_name_belongs_to_the_address_alone(void **state)
{
    (void)state;
    assert_edit("", "10.0.0.1\tname\n");
    assert_edit("127.0.0.1 localhost", "127.0.0.1 localhost\n10.0.0.1\tname\n");
    assert_edit("10.0.0.2 name\n", "10.0.0.1\tname\n");
    assert_edit("10.0.0.2 a name\tb # why\n", "10.0.0.2\ta b # why\n10.0.0.1\tname\n");
    assert_edit("10.0.0.2 name # why\n", "# why\n10.0.0.1\tname\n");
    assert_edit("10.0.0.2 name2 my.name\n", "10.0.0.2 name2 my.name\n10.0.0.1\tname\n");
    assert_edit("name 10.0.0.9\n", "name 10.0.0.9\n10.0.0.1\tname\n"); /* there it is no name */
}

static void what_is_right_stays(void **state)
{
    (void)state;
    assert_edit("10.0.0.1 name\n", "10.0.0.1 name\n");
    assert_edit("# 10.0.0.2 name\n\n10.0.0.1\tother name\n", "# 10.0.0.2 name\n\n10.0.0.1\tother name\n");
    assert_edit("10.0.0.1 name\n10.0.0.1 name\n10.0.0.2 name\n", "10.0.0.1 name\n");
    assert_edit("10.0.0.1 other\n", "10.0.0.1 other\n10.0.0.1\tname\n");
}

static void a_file_is_edited_in_place(void **state)
{
    char path[64], text[256];
    struct stat before, after;
    struct err e;

    (void)state;
    snprintf(path, sizeof path, "/tmp/guestd-unit-hosts-%d", getpid());
    assert_int_equal(hosts_set(path, "10.0.0.1", "name", &e), 0);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(hosts_set(path, "fd00::1", "name", &e), 0);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(fd_read_file(-1, path, text, sizeof text), 13);
    assert_string_equal(text, "fd00::1\tname\n");
    assert_int_equal(truncate(path, HOSTS_FILE_MAX + 1), 0);
    assert_int_equal(hosts_set(path, "10.0.0.1", "name", &e), -1);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    unlink(path);
    assert_int_equal(hosts_set("/proc/none/hosts", "10.0.0.1", "name", &e), -1);
    assert_non_null(strstr(e.text, "/proc/none/hosts"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_belongs_to_the_address_alone),
        cmocka_unit_test(what_is_right_stays),
        cmocka_unit_test(a_file_is_edited_in_place),
    };

    return RUN(tests);
}
