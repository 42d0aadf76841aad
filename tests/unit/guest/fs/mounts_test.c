/* Lines as /proc/self/mountinfo has them, and the machine's own table while something is mounted. */
#include "guest/fs/mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "test.h"

static struct mounts of(const char *text)
{
    struct mounts m = {.fd = -1};
    char *copy = strdup(text), *rest = copy, *line;

    while ((line = strsep(&rest, "\n")))
        assert_int_equal(mounts_add(&m, line), 0);
    free(copy);
    return m;
}

static void the_longest_point_counts(void **state)
{
    struct mounts m = of("22 1 8:1 / / rw,noatime shared:1 - ext4 /dev/sda1 rw\n"
                         "30 22 0:40 / /mnt/nfs rw - nfs4 host:/x rw,addr=1.2.3.4\n"
                         "31 30 0:41 / /mnt/nfs/deep rw shared:7 master:2 - fuse.sshfs x rw\n"
                         "32 30 0:42 / /mnt/nfs/scratch rw - tmpfs none rw\n"
                         "33 22 0:43 / /new rw - brandnewfs none rw\n"
                         "34 22 0:44 / /a\\040b\\134c rw - 9p x rw\n"
                         "35 22 0:45 / /fast rw - xfs /dev/sdb rw\n");

    (void)state;
    assert_int_equal(mounts_lane(&m, "/"), 0);
    assert_int_equal(mounts_lane(&m, "/mnt"), 0);
    assert_int_equal(mounts_lane(&m, "/mnt/nfs"), makedev(0, 40));
    assert_int_equal(mounts_lane(&m, "/mnt/nfs/"), makedev(0, 40));
    assert_int_equal(mounts_lane(&m, "/mnt/nfs/x/y"), makedev(0, 40));
    assert_int_equal(mounts_lane(&m, "/mnt/nfs2/x"), 0);
    assert_int_equal(mounts_lane(&m, "/mnt/nfs/deep/x"), makedev(0, 41));
    assert_int_equal(mounts_lane(&m, "/mnt/nfs/scratch/x"), 0);
    assert_int_equal(mounts_lane(&m, "/tmp/..//mnt/./nfs/x"), makedev(0, 40));
    assert_int_equal(mounts_lane(&m, "/mnt/nfs/.."), 0);
    assert_int_equal(mounts_lane(&m, "/new"), makedev(0, 43));
    assert_int_equal(mounts_lane(&m, "/a b\\c/x"), makedev(0, 44));
    assert_int_equal(mounts_lane(&m, "/fast/x"), 0);
    assert_int_equal(mounts_lane(&m, "mnt/nfs"), 0);
    assert_true(mounts_slow(&m, 30) && mounts_slow(&m, 31) && mounts_slow(&m, 34));
    assert_false(mounts_slow(&m, 22) || mounts_slow(&m, 32) || mounts_slow(&m, 35) || mounts_slow(&m, 99));
    assert_int_equal(m.count, 5); /* what is fast and in nothing slow is not kept */
    mounts_destroy(&m);
}

static void a_slow_root_and_what_covers_another(void **state)
{
    struct mounts m = of("22 1 0:30 / / rw - virtiofs root rw\n"
                         "23 22 0:31 / /tmp rw - tmpfs none rw\n"
                         "24 22 0:32 / /data rw - nfs x rw\n"
                         "25 24 0:33 / /data rw - ext4 x rw\n");

    (void)state;
    assert_int_equal(mounts_lane(&m, "/etc/passwd"), makedev(0, 30));
    assert_int_equal(mounts_lane(&m, "/"), makedev(0, 30));
    assert_int_equal(mounts_lane(&m, "/tmp/x"), 0);
    assert_int_equal(mounts_lane(&m, "/data/x"), 0); /* the later one covers the earlier */
    mounts_destroy(&m);
}

static void nonsense_is_passed_over(void **state)
{
    struct mounts m = of("\n"
                         "22\n"
                         "22 1 0:30 / /x\n"
                         "22 1 zero / /x rw - nfs a rw\n"
                         "22 1 0:30 / /x rw -\n"
                         " - nfs\n"
                         "22 1 0:30 / /y\\04 rw - nfs");

    (void)state;
    assert_int_equal(m.count, 1);
    assert_int_equal(mounts_lane(&m, "/y\\04"), makedev(0, 30));
    mounts_destroy(&m);
}

static void the_table_is_bounded(void **state)
{
    struct mounts m = {.fd = -1};
    char line[64];

    (void)state;
    for (int i = 1; i <= 300; i++) {
        snprintf(line, sizeof line, "1 1 0:%d / /m%d rw - nfs x rw", i, i);
        assert_int_equal(mounts_add(&m, line), 0);
    }
    assert_int_equal(mounts_lane(&m, "/m256"), makedev(0, 256));
    assert_int_equal(mounts_lane(&m, "/m257"), 0);
    mounts_destroy(&m);
}

/* A mount and its end are seen, without a turn of the loop for anything else. */
static void changes_are_seen(void **state)
{
    char dir[] = "/tmp/guestd-mounts-XXXXXX", inside[64], options[64];
    struct loop l;
    struct mounts m;
    int fuse;

    (void)state;
    assert_int_equal(unshare(CLONE_NEWNS), 0);
    assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    assert_non_null(mkdtemp(dir));
    snprintf(inside, sizeof inside, "%s/x", dir);
    assert_int_equal(loop_init(&l), 0);
    mounts_init(&m, &l);
    assert_int_equal(mounts_lane(&m, inside), 0);
    for (int i = 0; i < 3; i++)
        ev_run(l.ev, EVRUN_NOWAIT);
    assert_int_equal(ev_pending_count(l.ev), 0);

    fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC); /* nobody ever answers */
    assert_true(fuse >= 0);
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
    assert_int_equal(mount("hung", dir, "fuse", 0, options), 0);
    for (int i = 0; i < 3; i++)
        ev_run(l.ev, EVRUN_NOWAIT);
    assert_int_not_equal(mounts_lane(&m, inside), 0);
    assert_int_equal(mounts_lane(&m, "/tmp"), 0);

    close(fuse);
    assert_int_equal(umount2(dir, MNT_DETACH), 0);
    for (int i = 0; i < 3; i++)
        ev_run(l.ev, EVRUN_NOWAIT);
    assert_int_equal(mounts_lane(&m, inside), 0);
    mounts_destroy(&m);
    loop_destroy(&l);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_point_counts), cmocka_unit_test(a_slow_root_and_what_covers_another),
        cmocka_unit_test(nonsense_is_passed_over),  cmocka_unit_test(the_table_is_bounded),
        cmocka_unit_test(changes_are_seen),
    };

    return RUN(tests);
}
