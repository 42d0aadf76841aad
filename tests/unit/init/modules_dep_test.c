/* modules.dep, as depmod writes it. */
#include "test.h"

#include "init/modules_dep.h"

static const char text[] =
    "kernel/fs/squashfs/squashfs.ko.xz:\n"
    "kernel/drivers/net/virtio_net.ko.gz: kernel/net/core/failover.ko.gz kernel/net/net-failover.ko\n"
    "/extra/other.ko: \n"
    "kernel/net/net-failover.ko: kernel/net/core/failover.ko.gz";

static bool find(const char *name, struct bytes *path, struct bytes *needs)
{
    return modules_dep_find((struct bytes){text, sizeof text - 1}, name, path, needs);
}

static void names(void **state)
{
    struct bytes path, needs;

    (void)state;
    assert_true(find("squashfs", &path, &needs));
    assert_true(bytes_are(path, "kernel/fs/squashfs/squashfs.ko.xz"));
    assert_false(modules_dep_last(&needs, &path));
    assert_true(find("virtio-net", &path, &needs)); /* '-' and '_' are the same */
    assert_true(find("net_failover", &path, &needs));
    assert_true(bytes_are(path, "kernel/net/net-failover.ko"));
    assert_true(find("other", &path, &needs));
    assert_true(bytes_are(path, "/extra/other.ko"));
    assert_false(modules_dep_last(&needs, &path));
    for (const char *const *none =
             (const char *const[]){"squash", "quashfs", "squashfs.ko", "", "fs/squashfs", NULL};
         *none; none++)
        assert_false(find(*none, &path, &needs));
    assert_false(modules_dep_find((struct bytes){0}, "x", &path, &needs));
}

static void what_is_needed_is_loaded_from_the_last(void **state)
{
    struct bytes path, needs;

    (void)state;
    assert_true(find("virtio_net", &path, &needs));
    assert_true(modules_dep_last(&needs, &path));
    assert_true(bytes_are(path, "kernel/net/net-failover.ko"));
    assert_true(modules_dep_last(&needs, &path));
    assert_true(bytes_are(path, "kernel/net/core/failover.ko.gz"));
    assert_false(modules_dep_last(&needs, &path));
}

static void a_list_without_colons(void **state)
{
    struct bytes path, needs;

    (void)state;
    assert_true(modules_dep_find(BYTES_LIT("kernel/a.ko\nkernel/fs/ext4/ext4.ko\n"), "ext4", &path, &needs));
    assert_true(bytes_are(path, "kernel/fs/ext4/ext4.ko"));
    assert_false(modules_dep_last(&needs, &path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(what_is_needed_is_loaded_from_the_last),
        cmocka_unit_test(a_list_without_colons),
    };

    return RUN(tests);
}
