/* What becomes of the file systems: what is asked of the kernel, in which order, and for how long. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "core/base.h"

static const char *table; /* of mounts */
static char done[512];
static const char *busy_path = ""; /* cannot be unmounted, nor made read-only when it begins with '!' */
static bool hangs;

static void note(const char *what, const char *path)
{
    size_t n = strlen(done);

    snprintf(done + n, sizeof done - n, "%s %s; ", what, path);
}

static FILE *fopen_seen(const char *path, const char *mode)
{
    (void)path;
    return fmemopen((void *)(uintptr_t)table, strlen(table), mode);
}

static int umount_seen(const char *path)
{
    while (hangs)
        pause();
    note("umount", path);
    errno = EBUSY;
    return strstr(busy_path, path) ? -1 : 0;
}

static int mount_seen(const char *path, unsigned long flags)
{
    assert_int_equal(flags, MS_REMOUNT | MS_RDONLY);
    note("read-only", path);
    return *busy_path == '!' ? -1 : 0;
}

#define fopen(path, mode)                    fopen_seen(path, mode)
#define sync()                               note("sync", "all")
#define umount2(path, flags)                 umount_seen(path)
#define mount(source, path, type, flags, op) mount_seen(path, flags)

#include "init/disks.c"

#undef fopen
#undef sync
#undef umount2
#undef mount

#define TABLE                                                                                                \
    "1 0 254:0 / / rw,noatime shared:1 - ext4 /dev/vda rw\n"                                                 \
    "2 1 0:5 / /proc rw - proc proc rw\n"                                                                    \
    "3 1 254:16 / /data rw - xfs /dev/vdb rw\n"                                                              \
    "4 3 0:9 / /data/a\\040file\\134s rw - nfs4 host:/x rw\n"                                                \
    "5 1 0:7 / /tmp rw - tmpfs tmpfs rw\n"                                                                   \
    "no mount\n"

static int setup(void **state)
{
    (void)state;
    table = TABLE;
    done[0] = 0;
    busy_path = "";
    return 0;
}

static void the_newest_goes_first(void **state)
{
    unsigned busy = 9;

    (void)state;
    assert_true(disks_let_go(true, 5000, &busy));
    assert_int_equal(busy, 0);
    assert_string_equal(done, "sync all; umount /data/a file\\s; umount /data; umount /; ");
}

static void what_is_busy_becomes_read_only(void **state)
{
    unsigned busy = 9;

    (void)state;
    table = "1 0 254:0 / / rw - ext4 /dev/vda rw\n";
    busy_path = "/";
    assert_true(disks_let_go(true, 5000, &busy));
    assert_int_equal(busy, 0);
    assert_string_equal(done, "sync all; umount /; read-only /; ");
    busy_path = "!/";
    assert_true(disks_let_go(true, 5000, &busy));
    assert_int_equal(busy, 1);
}

static void of_a_container_everything_stays(void **state)
{
    unsigned busy = 9;

    (void)state;
    assert_true(disks_let_go(false, 5000, &busy));
    assert_int_equal(busy, 0);
    assert_string_equal(done, "sync all; ");
}

/* The last test: its thread never ends. */
static void a_hung_one_does_not_hold_the_end(void **state)
{
    unsigned busy = 9;

    (void)state;
    hangs = true;
    assert_false(disks_let_go(true, 50, &busy));
    assert_int_equal(busy, 9);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_newest_goes_first),
        T(what_is_busy_becomes_read_only),
        T(of_a_container_everything_stays),
        T(a_hung_one_does_not_hold_the_end),
    };

    return RUN(tests);
}
