/* Partitions by name, in tables that sgdisk and sfdisk write. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "init/partitions.h"
#include "init/superblock.h"

static char head[SUPERBLOCK_BYTES];

/* The beginning of a disk of 4 MiB that a command has written to; $IMG is the file. */
static struct bytes disk(const char *make)
{
    char path[] = "/tmp/partitions-test-XXXXXX", command[640];
    int fd = mkstemp(path);
    ssize_t n;

    setenv("IMG", path, 1); // NOLINT(concurrency-mt-unsafe)
    snprintf(command, sizeof command, "truncate -s 4M $IMG && PATH=$PATH:/sbin:/usr/sbin && %s >/dev/null",
             make);
    if (system(command) != 0) // NOLINT(cert-env33-c,concurrency-mt-unsafe)
        fail_msg("%s", command);
    n = pread(fd, head, sizeof head, 0);
    close(fd);
    unlink(path);
    assert_int_equal(n, sizeof head);
    return (struct bytes){head, sizeof head};
}

static void gpt(void **state)
{
    struct bytes b =
        disk("sgdisk -n 1:0:+1M -c 1:boot -u 1:12345678-9ABC-4DEF-8012-3456789ABCDE "
             "-n 3:0:+1M -c 3:'K\xc3\xb6ln \xe2\x82\xac' -u 3:00000000-0000-0000-0000-000000000003 $IMG");

    (void)state;
    assert_int_equal(partitions_by_uuid(b, "12345678-9abc-4def-8012-3456789abcde"), 1);
    assert_int_equal(partitions_by_uuid(b, "00000000-0000-0000-0000-000000000003"), 3);
    assert_int_equal(partitions_by_label(b, "boot"), 1);
    assert_int_equal(partitions_by_label(b, "K\xc3\xb6ln \xe2\x82\xac"), 3);
    assert_int_equal(partitions_by_label(b, ""), 0);
    assert_int_equal(partitions_by_label(b, "boo"), 0);
    assert_int_equal(partitions_by_uuid(b, ""), 0);
    assert_int_equal(partitions_by_uuid(b, "12345678-9abc-4def-8012-3456789abcdf"), 0);
}

static void mbr(void **state)
{
    struct bytes b = disk("printf 'label: dos\\nlabel-id: 0x1a2b3c4d\\n,1M\\n,1M\\n' | sfdisk -q $IMG");

    (void)state;
    assert_int_equal(partitions_by_uuid(b, "1a2b3c4d-02"), 2);
    assert_int_equal(partitions_by_uuid(b, "1A2B3C4D-0f"), 15);
    assert_int_equal(partitions_by_uuid(b, "1a2b3c4e-02"), 0);
    assert_int_equal(partitions_by_uuid(b, "1a2b3c4d-0x"), 0);
    assert_int_equal(partitions_by_uuid(b, "1a2b3c4d-2"), 0);
    assert_int_equal(partitions_by_label(b, "x"), 0);
}

/* A table that says what cannot be. */
static void nonsense(void **state)
{
    static const struct {
        size_t offset;
        const char *bytes;
        size_t len;
    } lies[] = {
        {512 + 72, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8}, /* the entries lie beyond the disk */
        {512 + 84, "\0\0\0\0", 4},                         /* they have no size */
        {512 + 84, "\xff\xff\xff\xff", 4},                 /* or too much of it */
        {512 + 80, "\0\0\0\0", 4},                         /* there are none */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        struct bytes b = disk("sgdisk -n 1:0:+1M -c 1:boot $IMG");

        assert_int_equal(partitions_by_label(b, "boot"), 1);
        memcpy(head + lies[i].offset, lies[i].bytes, lies[i].len);
        assert_int_equal(partitions_by_label(b, "boot"), 0);
    }
    assert_int_equal(partitions_by_label((struct bytes){0}, "boot"), 0);
    assert_int_equal(partitions_by_uuid((struct bytes){head, 100}, "1a2b3c4d-02"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt),
        cmocka_unit_test(mbr),
        cmocka_unit_test(nonsense),
    };

    return RUN(tests);
}
