/* Devices by name, in a root where files stand for them. */
#include "init/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "core/base.h"

static int polls, last_timeout;
static const char *comes; /* the device that appears while poll waits */

/* A file below /dev is a device. */
static int stat_seen(const char *path, struct stat *st)
{
    int result = stat(path, st);

    if (result == 0 && S_ISREG(st->st_mode))
        st->st_mode = S_IFBLK;
    return result;
}

static int poll_seen(struct pollfd *p, nfds_t n, int timeout)
{
    polls++;
    last_timeout = timeout;
    if (!comes)
        return poll(p, n, timeout);
    return 1;
}

static ssize_t recv_seen(int fd, void *buffer, size_t size, int flags)
{
    static const char event[] = "add@/devices/x\0ACTION=add\0SUBSYSTEM=block";
    char path[64];

    if (!comes)
        return recv(fd, buffer, size, flags);
    if (polls < 3) { /* others come first */
        errno = polls == 1 ? ENOBUFS : EAGAIN;
        polls++;
        return -1;
    }
    snprintf(path, sizeof path, "/dev/%s", comes);
    comes = NULL;
    close(open(path, O_CREAT | O_WRONLY, 0600));
    memcpy(buffer, event, sizeof event);
    return sizeof event;
}

#define stat(path, st)              stat_seen(path, st)
#define poll(p, n, timeout)         poll_seen(p, n, timeout)
#define recv(fd, buffer, size, how) recv_seen(fd, buffer, size, how)

#include "init/devices.c"

#undef stat
#undef poll
#undef recv

#define ID   "12345678-9abc-4def-8012-3456789abcde"
#define PART "00000000-0000-0000-0000-000000000003"

static char root[] = "/tmp/devices-test-XXXXXX";

static int setup(void **state)
{
    char command[2048];

    (void)state;
    if (!mkdtemp(root))
        return -1;
    snprintf(command, sizeof command,
             "cd %s && PATH=$PATH:/sbin:/usr/sbin && mkdir -p dev/cciss sys/class/block && "
             "(cd sys/class/block && touch fd0 loop0 vda vdaa vdb nvme0n1 nvme0n1p3 'cciss!c0d0') && "
             "touch dev/loop0 dev/nvme0n1p3 dev/fd0 && "
             "truncate -s 4M dev/vda dev/vdb dev/vdaa dev/cciss/c0d0 dev/nvme0n1 && "
             "mke2fs -q -t ext4 -L data dev/vdb && mke2fs -q -t ext4 -L data dev/vdaa && "
             "mke2fs -q -t ext4 -L raid -U " ID " dev/cciss/c0d0 && cp dev/vdb dev/fd0 && "
             "sgdisk -n 3:0:+1M -c 3:boot -u 3:" PART " -n 4 -c 4:gone dev/nvme0n1 >/dev/null",
             root);
    return system(command); // NOLINT(cert-env33-c,concurrency-mt-unsafe)
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command); // NOLINT(cert-env33-c,concurrency-mt-unsafe)
}

/* Into that root, and a network namespace without uevents of others. */
static bool enter(void)
{
    return unshare(CLONE_NEWNS | CLONE_NEWNET) == 0 && chroot(root) == 0 && chdir("/") == 0;
}

static int names(void)
{
    static const char *const cases[][2] = {
        {"/dev/vda", "/dev/vda"},
        {"LABEL=data", "/dev/vdb"}, /* before vdaa, as the kernel counts; and no floppy */
        {"UUID=" ID, "/dev/cciss/c0d0"},
        {"UUID=12345678-9ABC-4DEF-8012-3456789ABCDE", "/dev/cciss/c0d0"},
        {"PARTUUID=" PART, "/dev/nvme0n1p3"},
        {"PARTLABEL=boot", "/dev/nvme0n1p3"},
        {"PARTLABEL=gone", NULL}, /* the table has it, the kernel does not */
        {"LABEL=", NULL},
        {"UUID=", NULL},
        {"LABEL=dat", NULL},
        {"/dev/none", NULL},
        {"nfs:/x", NULL},
    };
    char path[DEVICE_PATH_MAX];
    struct err e;

    if (!enter())
        return 90;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int found = device_find(cases[i][0], 0, path, &e);

        if (found != (cases[i][1] ? 0 : -1) || (found == 0 && strcmp(path, cases[i][1]) != 0))
            return 1 + (int)i;
    }
    if (strcmp(device_type("/dev/vdb"), "ext4") != 0 || device_type("/dev/vda") || device_type("/dev/none"))
        return 50;
    return polls == 0 ? 0 : 51;
}

static int what_is_missing(void)
{
    char path[DEVICE_PATH_MAX];
    struct err e;

    if (!enter())
        return 90;
    if (device_find("LABEL=nothere", 0, path, &e) == 0)
        return 3;
    if (strstr(e.text, "there is no device LABEL=nothere after 0 ms; there is /dev/vda (no file system), "
                       "/dev/vdb (ext4, "
                       "LABEL=data, UUID=") != e.text)
        return 1;
    return e.status == STATUS_NOT_FOUND && !strstr(e.text, "loop0") && strstr(e.text, ID) ? 0 : 2;
}

/* Nothing comes: one call that sleeps, and no other. The machine's own devices may come meanwhile, which wakes it; not always. */
static int a_wait_for_nothing(void)
{
    char path[DEVICE_PATH_MAX];
    struct err e;

    if (!enter())
        return 90;
    for (int attempts = 0; attempts < 20; attempts++) {
        polls = 0;
        if (device_find("/dev/never", 60, path, &e) == 0)
            return 1;
        if (polls == 1)
            return last_timeout > 0 && last_timeout <= 60 ? 0 : 2;
    }
    return 3;
}

static int a_device_that_comes(void)
{
    char path[DEVICE_PATH_MAX];
    struct err e;

    if (!enter())
        return 90;
    comes = "late";
    if (device_find("/dev/late", 60000, path, &e) < 0)
        return 1;
    return strcmp(path, "/dev/late") == 0 && unlink("/dev/late") == 0 ? 0 : 2;
}

static void devices_have_names(void **state)
{
    (void)state;
    if (geteuid() == 0) /* roots of one's own are root's */
        assert_int_equal(in_child(names), 0);
}

static void what_is_there_instead_is_told(void **state)
{
    (void)state;
    if (geteuid() == 0)
        assert_int_equal(in_child(what_is_missing), 0);
}

static void a_wait_is_one_poll(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return;
    assert_int_equal(in_child(a_wait_for_nothing), 0);
    assert_int_equal(in_child(a_device_that_comes), 0);
}

static void sources(void **state)
{
    (void)state;
    assert_true(device_is_named("/dev/vda"));
    assert_true(device_is_named("LABEL=x"));
    assert_true(device_is_named("PARTLABEL=x"));
    assert_false(device_is_named("tmpfs"));
    assert_false(device_is_named("/data"));
    assert_false(device_is_named("label=x"));
    assert_true(device_uevent(BYTES_LIT("add@/x\0ACTION=add\0SUBSYSTEM=block\0MAJOR=1\0")));
    assert_false(device_uevent(BYTES_LIT("add@/x\0ACTION=add\0SUBSYSTEM=blocks\0")));
    assert_false(device_uevent(BYTES_LIT("add@/x\0SUBSYSTEM=block"))); /* without its end */
    assert_false(device_uevent((struct bytes){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_have_names),
        cmocka_unit_test(what_is_there_instead_is_told),
        cmocka_unit_test(a_wait_is_one_poll),
        cmocka_unit_test(sources),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
