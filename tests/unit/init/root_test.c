/* When the root is changed, and an overlay over what is none. The rest needs devices and a machine: tests/vm/test_root.py. */
#include "init/small_root.h"

static bool machine = true;

#include "init/root.c"

#include "init/mounts.h"

static struct config c;
static struct boot b;

static bool changed(const char *statements)
{
    bool result;

    config_init(&c);
    config_take_text(&c, "f", bytes_of(statements));
    result = root_change(&c, machine, &b);
    config_clear(&c);
    return result;
}

static int nothing_to_do(void)
{
    if (!enter_small_root()) /* a tmpfs, as an initramfs is */
        return 90;
    if (changed("") || changed("overlay tmpfs\n"))
        return 1;
    machine = false;
    if (changed("root LABEL=nothere wait=0\n")) /* its host's command line names no root of a container */
        return 2;
    return b.problem_count == 0 ? 0 : 3;
}

static int what_is_missing(void)
{
    if (!enter_small_root())
        return 90;
    if (changed("root LABEL=nothere wait=0\n") || b.problem_count != 1 ||
        strcmp(b.problems[0],
               "root LABEL=nothere: there is no device LABEL=nothere after 0 ms; there is none at all; "
               "going on in the initramfs") != 0)
        return 1;
    boot_clear(&b);
    if (changed("root /dev/x wait=0 options=") ||
        !strstr(b.problems[0], "root /dev/x: there is no device /dev/x"))
        return 2;
    boot_clear(&b);
    return 0;
}

static int over_a_disk(void)
{
    struct config_root r = {.overlay = "tmpfs"};
    struct err e;

    if (!enter_small_root())
        return 90;
    mounts_early(&b);
    touch("/below");
    if (change(&r, false, &b, &e) < 0 || b.problem_count != 0)
        return 1;
    touch("/above");
    if (type_at("/") != OVERLAYFS_SUPER_MAGIC || !exists("/below"))
        return 2;
    if (!exists(ROOT_UPPER "/upper/above") || exists(ROOT_LOWER "/above") || !exists(ROOT_LOWER "/below"))
        return 3;
    if (open(ROOT_LOWER "/below", O_WRONLY) >= 0 || errno != EROFS)
        return 4;
    return changed("overlay tmpfs\n") ? 5 : 0; /* there is one already */
}

static void most_boots_change_no_root(void **state)
{
    (void)state;
    in_small_root(nothing_to_do);
}

static void a_root_that_is_missing_is_told(void **state)
{
    (void)state;
    in_small_root(what_is_missing);
}

static void an_overlay_over_the_root_that_the_kernel_mounted(void **state)
{
    (void)state;
    in_small_root(over_a_disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_boots_change_no_root),
        cmocka_unit_test(a_root_that_is_missing_is_told),
        cmocka_unit_test(an_overlay_over_the_root_that_the_kernel_mounted),
    };

    return RUN(tests);
}
