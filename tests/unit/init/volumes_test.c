/* The `mount` statements, with file servers that do not answer. */
#include "init/small_root.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>

#include "init/filesystem.h"

static int mount_seen(const char *source, const char *target, const char *type, const struct mount_options *o,
                      struct err *e)
{
    if (strcmp(type, "hangs") == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody else would end us */
        for (;;)
            pause();
    }
    if (strcmp(type, "dies") == 0)
        _exit(7);
    if (strcmp(type, "refuses") == 0)
        return err_set(e, STATUS_FAILED_PRECONDITION, EACCES, "mount %s", source);
    if (strcmp(type, "answers") == 0)
        type = "tmpfs";
    return filesystem_mount(source, target, type, o, e);
}

#define filesystem_mount(source, target, type, o, e) mount_seen(source, target, type, o, e)
#include "init/volumes.c"
#undef filesystem_mount

static int slow_ones(void)
{
    struct config_mount m = {.source = "server:/x", .target = "/x"};
    uint64_t end = clock_mono_ms() + 60000;
    struct err e;

    if (!enter_small_root())
        return 90;
    m.type = "answers";
    if (mount_volume(&m, end, &e) < 0 || type_at("/x") != TMPFS_MAGIC)
        return 1;
    m.type = "refuses";
    if (mount_volume(&m, end, &e) == 0 || strcmp(e.text, "mount server:/x: permission denied") != 0)
        return 2;
    m.type = "dies";
    if (mount_volume(&m, end, &e) == 0 || strcmp(e.text, "mount server:/x: its process has died") != 0)
        return 3;
    if (waitpid(-1, NULL, WNOHANG) != -1)
        return 4; /* none is left */
    m.type = "hangs";
    if (mount_volume(&m, clock_mono_ms() + 50, &e) == 0 || e.status != STATUS_DEADLINE_EXCEEDED ||
        strcmp(e.text, "server:/x does not answer; the mount goes on trying") != 0)
        return 5;
    return waitpid(-1, NULL, WNOHANG) == 0 ? 0 : 6; /* it is still there */
}

static int statements(void)
{
    struct config c;
    struct boot b;

    if (!enter_small_root())
        return 90;
    touch("/file");
    config_init(&c);
    config_take_text(&c, "f",
                     BYTES_LIT("mount none /deep/in/it tmpfs size=64k\n"
                               "mount /deep/in /alias none rbind\n"
                               "mount /file /etc-file none bind\n"
                               "mount LABEL=nothere /x ext4 nofail\n"
                               "mount none /file tmpfs\n"));
    boot_begin(&b);
    volumes_mount(&c, &b);
    if (type_at("/alias/it") != TMPFS_MAGIC || !exists("/etc-file") || exists("/x"))
        return 1;
    if (b.problem_count != 1 ||
        strcmp(b.problems[0], "mount /file: mount none on '/file' as tmpfs: not a directory") != 0)
        return 2;
    boot_clear(&b);
    config_clear(&c);
    return 0;
}

static void a_server_that_hangs_holds_nobody(void **state)
{
    (void)state;
    in_small_root(slow_ones);
}

static void statements_are_mounted_in_order(void **state)
{
    (void)state;
    in_small_root(statements);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_hangs_holds_nobody),
        cmocka_unit_test(statements_are_mounted_in_order),
    };

    return RUN(tests);
}
