/* The descriptors that PID 1 begins with, and the order of its early work. */
#include "init/small_root.h"

#include "init/machine.h"
#include "init/modules.h"
#include "init/root.h"

/* What happened, a word each. */
static char order[512];

static void note(const char *word)
{
    strcat(strcat(order, *order ? " " : ""), word);
}

/* A change into a root with another configuration. */
static bool root_change_seen(const struct config *c, bool own, struct boot *b)
{
    FILE *f;

    (void)own;
    (void)b;
    note(c->root.overlay ? "root" : "no-root");
    if (!c->root.overlay)
        return false;
    f = fopen("/etc/guestd.conf", "w");
    fputs("log-level second\nmodule two\nnonsense\nmount none /data tmpfs\n", f);
    fclose(f);
    return true;
}

static void modules_load_seen(const struct config *c, struct boot *b)
{
    (void)b;
    note(c->modules->name);
}

static int open_seen(const char *path, int flags)
{
    /* /dev/full: a device that every machine has */
    return open(strcmp(path, "/dev/console") == 0 ? "/dev/full" : path, flags);
}

#define open(path, flags)      open_seen(path, flags)
#define machine_take()         (note("take"), false)
#define root_change(c, own, b) root_change_seen(c, own, b)
#define modules_load(c, b)     modules_load_seen(c, b)
#include "init/init.c"
#undef open
#undef machine_take
#undef root_change
#undef modules_load

static bool is_console(int fd)
{
    struct stat st, console;

    return fstat(fd, &st) == 0 && stat("/dev/full", &console) == 0 && st.st_rdev == console.st_rdev;
}

/* The kernel gave none: as in a machine whose initramfs has no /dev/console. */
static int without_descriptors(void)
{
    for (int fd = 0; fd < 64; fd++)
        close(fd);
    init_early();
    for (int fd = 0; fd < 3; fd++)
        if (!is_console(fd))
            return 1 + fd;
    return fcntl(3, F_GETFD) < 0 ? 0 : 9; /* and no more than that */
}

/* Some are there, but not the last: 2 is what the log needs. */
static int with_a_gap(void)
{
    close(2);
    init_early();
    return is_console(0) && is_console(1) && is_console(2) ? 0 : 1;
}

static int with_all(void)
{
    init_early();
    return is_console(0) || is_console(1) || is_console(2) ? 1 : 0;
}

static void descriptors_lead_to_the_console_when_there_are_none(void **state)
{
    (void)state;
    assert_int_equal(in_child(without_descriptors), 0);
    assert_int_equal(in_child(with_a_gap), 0);
}

static void descriptors_that_are_there_stay(void **state)
{
    (void)state;
    assert_int_equal(in_child(with_all), 0);
}

static int take(void *arg, const char *key, char **words, unsigned count, struct err *e)
{
    (void)arg;
    (void)e;
    if (strcmp(key, "log-level") != 0 || count != 1)
        return 0;
    note(words[0]);
    return 1;
}

static void forget(void *arg)
{
    (void)arg;
    note("forget");
}

/* Into a root of another configuration: that one counts, and what was wrong in both is told once. */
static int boot_into_a_root(void)
{
    static const struct init_settings settings = {take, forget, NULL};
    static struct init i;
    struct boot b;
    FILE *f;

    if (!enter_small_root() || mkdir("/etc", 0755) < 0)
        return 90;
    f = fopen("/etc/guestd.conf", "w");
    fputs("log-level first\nmodule one\nnonsense\noverlay tmpfs\nenv A=b\n", f);
    fclose(f);
    boot_begin(&b);
    init_boot(&i, &b, &settings);
    if (strcmp(order, "take first one root forget second two") != 0)
        return 1;
    if (b.problem_count != 1 || strcmp(b.problems[0], "/etc/guestd.conf:3: there is no key 'nonsense'") != 0)
        return 2;
    if (i.config.env || !i.config.mounts || type_at("/data") != TMPFS_MAGIC)
        return 3;
    boot_clear(&b);
    config_clear(&i.config);
    return 0;
}

/* As most do: without a configuration. */
static int boot_without_one(void)
{
    static const struct init_settings settings = {take, forget, NULL};
    static struct init i;
    struct boot b;

    if (!enter_small_root())
        return 90;
    boot_begin(&b);
    init_boot(&i, &b, &settings);
    config_clear(&i.config);
    return b.problem_count == 0 && strcmp(order, "take no-root") == 0 ? 0 : 1;
}

static void a_boot_has_an_order(void **state)
{
    (void)state;
    in_small_root(boot_into_a_root);
    in_small_root(boot_without_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_lead_to_the_console_when_there_are_none),
        cmocka_unit_test(descriptors_that_are_there_stay),
        cmocka_unit_test(a_boot_has_an_order),
    };

    return RUN(tests);
}
