/* tar.gz: what is written tar can read. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/fd.h"

#include "ctl/bundle.c"

/* What a command prints to standard output. */
static char out[4096];

static void run(const char *command, int fd)
{
    char words[256];
    FILE *f;
    size_t n;

    snprintf(words, sizeof words, "%s </proc/%d/fd/%d", command, (int)getpid(), fd);
    f = popen(words, "r");
    assert_non_null(f);
    n = fread(out, 1, sizeof out - 1, f);
    out[n] = 0;
    assert_int_equal(pclose(f), 0);
}

static void tar_reads_it(void **state)
{
    static char block[BLOCK];
    CLEANUP_FD int fd = memfd_create("bundle", MFD_CLOEXEC);
    struct bundle b;
    struct err e;

    (void)state;
    memset(block, 'x', sizeof block);
    assert_int_equal(bundle_open(&b, dup(fd), "dir", 1700000000, &e), 0);
    assert_int_equal(bundle_add(&b, "a.txt", BYTES_LIT("hello\n"), &e), 0);
    assert_int_equal(bundle_add(&b, "empty", BYTES_LIT(""), &e), 0);
    assert_int_equal(bundle_add(&b, "block", (struct bytes){block, sizeof block}, &e), 0);
    assert_int_equal(bundle_add(&b, "z", BYTES_LIT("last"), &e), 0);
    assert_int_equal(bundle_close(&b, &e), 0);
    run("TZ=UTC tar tvz --numeric-owner", fd);
    assert_string_equal(out, "-rw------- 0/0               6 2023-11-14 22:13 dir/a.txt\n"
                             "-rw------- 0/0               0 2023-11-14 22:13 dir/empty\n"
                             "-rw------- 0/0             512 2023-11-14 22:13 dir/block\n"
                             "-rw------- 0/0               4 2023-11-14 22:13 dir/z\n");
    run("tar xzO dir/a.txt dir/z", fd);
    assert_string_equal(out, "hello\nlast");
}

static void what_is_too_much_is_refused_and_the_rest_goes_on(void **state)
{
    CLEANUP_FD int fd = memfd_create("bundle", MFD_CLOEXEC);
    struct bundle b;
    struct err e;
    char name[101];

    (void)state;
    memset(name, 'n', 100);
    name[100] = 0;
    assert_int_equal(bundle_open(&b, dup(fd), "d", 0, &e), 0);
    assert_int_equal(bundle_add(&b, "big", (struct bytes){"", BUNDLE_FILE_MAX + 1}, &e), -1);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(bundle_add(&b, name, BYTES_LIT("x"), &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_int_equal(bundle_add(&b, "small", BYTES_LIT("x"), &e), 0);
    assert_int_equal(bundle_close(&b, &e), 0);
    run("tar tz", fd);
    assert_string_equal(out, "d/small\n");
}

static void a_full_disk_is_told(void **state)
{
    struct bundle b;
    struct err e = {.text = ""};

    (void)state;
    assert_int_equal(bundle_open(&b, open("/dev/full", O_WRONLY | O_CLOEXEC), "d", 0, &e), 0);
    (void)!bundle_add(&b, "a", BYTES_LIT("x"), &e);
    assert_int_equal(bundle_close(&b, &e), -1);
    assert_string_equal(e.text, "write the bundle: no space left on device");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tar_reads_it),
        cmocka_unit_test(what_is_too_much_is_refused_and_the_rest_goes_on),
        cmocka_unit_test(a_full_disk_is_told),
    };

    return RUN(tests);
}
