/* From one root to another, in a root of our own that stands for an initramfs. */
#include "init/small_root.h"

#include "init/filesystem.h"
#include "init/mounts.h"
#include "init/switch_root.h"

/* An initramfs with files, one file system that is mounted in it, and a new root with the directories of `made`. */
static bool set_up(struct boot *b, const char *const *made)
{
    static const struct mount_options none = {0};
    struct err e;

    if (!enter_small_root())
        return false;
    boot_begin(b);
    mounts_early(b);
    touch("/init");
    if (filesystem_mkdirs("/bin/deep", &e) < 0 || filesystem_mkdirs("/keep", &e) < 0 ||
        filesystem_mkdirs("/run/guestd/root", &e) < 0 || symlink("/keep", "/link") < 0)
        return false;
    touch("/bin/deep/tool");
    if (filesystem_mount("none", "/keep", "tmpfs", &none, &e) < 0 ||
        filesystem_mount("none", "/run/guestd/root", "tmpfs", &none, &e) < 0)
        return false;
    touch("/keep/file");
    touch("/run/here");
    touch("/run/guestd/root/new");
    for (; made && *made; made++)
        mkdirat(AT_FDCWD, *made, 0755);
    return b->problem_count == 0;
}

static int to_a_new_root(void)
{
    struct boot b;
    struct err e;
    int old, kept;

    if (!set_up(&b, NULL))
        return 90;
    old = open("/", O_PATH | O_DIRECTORY);
    kept = open("/keep", O_PATH | O_DIRECTORY);
    if (switch_root("/run/guestd/root", true, &b, &e) < 0 || b.problem_count != 0)
        return 1;
    if (!exists("/new") || exists("/init") || !exists("/run/here"))
        return 2;
    if (type_at("/proc") != PROC_SUPER_MAGIC || type_at("/sys/fs/cgroup") != CGROUP2_SUPER_MAGIC ||
        type_at("/dev/pts") != DEVPTS_SUPER_MAGIC)
        return 3;
    if (faccessat(old, "init", F_OK, 0) == 0 || faccessat(old, "bin", F_OK, 0) == 0 ||
        faccessat(old, "link", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return 4;
    return faccessat(kept, "file", F_OK, 0) == 0 ? 0 : 5; /* of another file system */
}

/* What is no initramfs keeps its files. */
static int from_a_disk(void)
{
    struct boot b;
    struct err e;
    int old;

    if (!set_up(&b, NULL))
        return 90;
    old = open("/", O_PATH | O_DIRECTORY);
    if (switch_root("/run/guestd/root", false, &b, &e) < 0)
        return 1;
    return faccessat(old, "bin/deep/tool", F_OK, 0) == 0 && exists("/new") ? 0 : 2;
}

/* A read-only root without the directories. */
static int to_one_that_lacks_directories(void)
{
    static const char *const made[] = {"/run/guestd/root/dev", "/run/guestd/root/proc",
                                       "/run/guestd/root/run", NULL};
    struct boot b;
    struct err e;

    if (!set_up(&b, made) || mount(NULL, "/run/guestd/root", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
        return 90;
    if (switch_root("/run/guestd/root", true, &b, &e) < 0)
        return 1;
    if (b.problem_count != 1 ||
        strcmp(b.problems[0], "move /sys into the new root: no such file or directory") != 0)
        return 2;
    boot_clear(&b);
    return type_at("/proc") == PROC_SUPER_MAGIC && !exists("/sys") ? 0 : 3;
}

static int to_what_is_none(void)
{
    struct boot b;
    struct err e;

    if (!set_up(&b, NULL))
        return 90;
    if (switch_root("/run/none", true, &b, &e) == 0 ||
        strcmp(e.text, "enter '/run/none': no such file or directory") != 0)
        return 1;
    if (switch_root("/bin", true, &b, &e) == 0 || strcmp(e.text, "move '/bin' to /: invalid argument") != 0)
        return 2;
    return exists("/init") && exists("/bin/deep/tool") && exists("keep") ? 0
                                                                         : 3; /* and it works in / again */
}

static void mounts_come_along_and_files_go(void **state)
{
    (void)state;
    in_small_root(to_a_new_root);
    in_small_root(from_a_disk);
}

static void a_root_without_directories_is_told(void **state)
{
    (void)state;
    in_small_root(to_one_that_lacks_directories);
}

static void what_is_no_root_changes_nothing(void **state)
{
    (void)state;
    in_small_root(to_what_is_none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mounts_come_along_and_files_go),
        cmocka_unit_test(a_root_without_directories_is_told),
        cmocka_unit_test(what_is_no_root_changes_nothing),
    };

    return RUN(tests);
}
