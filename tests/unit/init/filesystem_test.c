/* Mounts with all that mount(8) does, in a root of their own. */
#include "init/small_root.h"

#include "init/filesystem.h"

static int directories(void)
{
    struct err e;

    if (!enter_small_root())
        return 90;
    touch("/file");
    for (int twice = 0; twice < 2; twice++)
        if (filesystem_mkdirs("/a/b/c", &e) < 0 || filesystem_mkdirs("/", &e) < 0)
            return 1;
    if (filesystem_mkdirs("/file/below", &e) == 0 ||
        strcmp(e.text, "mkdir '/file/below': not a directory") != 0)
        return 2;
    return exists("/a/b/c") ? 0 : 3;
}

static bool has_flags(const char *path, unsigned long flags)
{
    struct statfs fs;

    return statfs(path, &fs) == 0 && ((unsigned long)fs.f_flags & flags) == flags;
}

/* The flags of a bind mount, and a propagation, which mount(2) takes in calls of their own. */
static int binds(void)
{
    struct mount_options o = {0}, bind = {0};
    struct err e;

    if (!enter_small_root() || filesystem_mkdirs("/a", &e) < 0 || filesystem_mkdirs("/b", &e) < 0)
        return 90;
    if (mount_options_parse("size=64k,mode=0700", &o, &e) < 0 ||
        filesystem_mount("none", "/a", "tmpfs", &o, &e) < 0)
        return 1;
    if (mount_options_parse("bind,ro,nosuid,shared", &bind, &e) < 0 ||
        filesystem_mount("/a", "/b", "none", &bind, &e) < 0)
        return 2;
    if (!has_flags("/b", MS_RDONLY | MS_NOSUID) || has_flags("/a", MS_RDONLY))
        return 3;
    touch("/a/x");
    return exists("/b/x") ? 0 : 4;
}

static int failures(void)
{
    struct mount_options o = {0}, nonsense = {.data = "no-such=1"};
    struct err e;

    if (!enter_small_root() || filesystem_mkdirs("/a", &e) < 0)
        return 90;
    if (filesystem_mount("x", "/a", "no-such-type", &o, &e) == 0 ||
        strcmp(e.text, "mount x on '/a' as no-such-type: no such device") != 0)
        return 1;
    if (filesystem_mount("x", "/a", "tmpfs", &nonsense, &e) == 0 ||
        strcmp(e.text, "mount x on '/a' as tmpfs: invalid argument") != 0)
        return 2;
    if (filesystem_mount("/a", "/none", "auto", &o, &e) == 0 || !strstr(e.text, "on '/none' as any type: "))
        return 3;
    return 0;
}

static void what_is_mounted_on(void **state)
{
    (void)state;
    in_small_root(directories);
}

static void bind_mounts_have_flags(void **state)
{
    (void)state;
    in_small_root(binds);
}

static void what_fails_names_its_source(void **state)
{
    (void)state;
    in_small_root(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_mounted_on),
        cmocka_unit_test(bind_mounts_have_flags),
        cmocka_unit_test(what_fails_names_its_source),
    };

    return RUN(tests);
}
