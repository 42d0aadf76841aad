/* Superblocks, as the tools of the file systems themselves write them. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "init/superblock.h"

/* What the tools make in a file of so many megabytes. */
static const struct {
    const char *command;
    unsigned megabytes;
    const char *type, *label, *uuid;
} cases[] = {
#define ID "12345678-9abc-4def-8012-3456789abcde"
    {"mke2fs -q -t ext4 -L data -U " ID " $IMG", 2, "ext4", "data", ID},
    {"mke2fs -q -t ext2 -L sixteen-bytes-at -U " ID " $IMG", 2, "ext4", "sixteen-bytes-at", ID},
    {"mke2fs -q -t ext3 -U clear $IMG", 8, "ext4", "", ""},
    {"mke2fs -q -O journal_dev $IMG", 8, NULL, "", ""},
    {"mkfs.xfs -q -L twelve-bytes -m uuid=" ID " $IMG", 320, "xfs", "twelve-bytes", ID},
    {"mkfs.btrfs -q -L 'with a blank' -U " ID " $IMG", 128, "btrfs", "with a blank", ID},
    {"mkfs.vfat -F 32 -n DATA -i 1234ABCD $IMG", 40, "vfat", "DATA", "1234-ABCD"},
    {"mkfs.vfat -F 16 -n 'A B' -i 00000001 $IMG", 20, "vfat", "A B", "0000-0001"},
    {"mkfs.vfat -F 12 $IMG -i 00000002", 2, "vfat", "", "0000-0002"},
    {"mksquashfs /etc/hostname $IMG -noappend -quiet -no-progress", 0, "squashfs", "", ""},
    {"mkfs.erofs -U " ID
     " $IMG /usr/share/doc/erofs-utils && printf erofs | dd of=$IMG bs=1 seek=1088 conv=notrunc",
     0, "erofs", "erofs", ID},
    {"genisoimage -quiet -V CIDATA -o $IMG /etc/hostname", 0, "iso9660", "CIDATA", NULL},
    {"true $IMG", 1, NULL, "", ""},
    {"printf 'label: dos\\n,1M' | sfdisk -q $IMG", 2, NULL, "", ""}, /* ends its first sector as vfat does */
};

struct rig {
    char path[64];
    char head[SUPERBLOCK_BYTES];
};

static int setup(void **state)
{
    static struct rig r;

    strcpy(r.path, "/tmp/superblock-test-XXXXXX");
    close(mkstemp(r.path));
    *state = &r;
    return 0;
}

static int teardown(void **state)
{
    return unlink(((struct rig *)*state)->path);
}

static struct bytes make(struct rig *r, size_t i)
{
    char command[640];
    int fd;
    ssize_t n;

    setenv("IMG", r->path, 1); // NOLINT(concurrency-mt-unsafe)
    snprintf(command, sizeof command,
             "rm -f $IMG && truncate -s %uM $IMG && PATH=$PATH:/sbin:/usr/sbin && %s >/dev/null 2>&1",
             cases[i].megabytes, cases[i].command);
    if (system(command) != 0) // NOLINT(cert-env33-c,concurrency-mt-unsafe)
        fail_msg("%s", command);
    fd = open(r->path, O_RDONLY);
    n = read(fd, r->head, sizeof r->head);
    close(fd);
    assert_true(n > 0);
    return (struct bytes){r->head, (size_t)n};
}

static void what_the_tools_make(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct superblock s;
        bool known = superblock_read(make(*state, i), &s);

        assert_int_equal(known, cases[i].type != NULL);
        if (known)
            assert_string_equal(s.type, cases[i].type);
        assert_string_equal(s.label, cases[i].label);
        if (cases[i].uuid)
            assert_string_equal(s.uuid, cases[i].uuid);
        else
            assert_int_equal(strlen(s.uuid), strlen("2026-11-22-01-02-03-00"));
    }
}

/* Cut anywhere, it is a file system or none; the sanitizers watch what is read. */
static void a_device_may_be_short(void **state)
{
    struct rig *r = *state;
    struct superblock s;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bytes head = make(r, i);

        for (size_t n = 0; n < head.len; n += n < 4096 ? 37 : 509) {
            char *copy = malloc(n + 1);

            memcpy(copy, head.ptr, n);
            superblock_read((struct bytes){copy, n}, &s);
            free(copy);
        }
    }
    assert_false(superblock_read((struct bytes){0}, &s));
    assert_null(s.type);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_the_tools_make, setup, teardown),
        cmocka_unit_test_setup_teardown(a_device_may_be_short, setup, teardown),
    };

    return RUN(tests);
}
