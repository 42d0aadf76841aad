/* Whose time the guest takes. The machine's own clock is never touched: the calls that would are ours. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/rtc.h>

#include "core/clock.h"
#include "core/fd.h"
#include "core/limits.h"

static struct {
    const char *ptp_name; /* NULL: there is no such clock */
    struct timespec ptp, wall, set;
    int64_t rtc_s; /* 0: there is none */
    time_t built;
    bool was_set, may_not;
} world;

static int fake_open(const char *path, int flags)
{
    (void)flags;
    if ((strcmp(path, "/dev/ptp0") == 0 && world.ptp_name) || (strcmp(path, "/dev/rtc0") == 0 && world.rtc_s))
        return dup(0);
    errno = ENOENT;
    return -1;
}

static ssize_t fake_read_file(int dir, const char *path, char *out, size_t size)
{
    (void)dir;
    assert_string_equal(path, "/sys/class/ptp/ptp0/clock_name");
    return snprintf(out, size, "%s\n", world.ptp_name);
}

static int fake_gettime(clockid_t clock, struct timespec *out)
{
    if (clock >= 0)
        return -1;
    *out = world.ptp;
    return 0;
}

static int fake_settime(clockid_t clock, const struct timespec *to)
{
    assert_int_equal(clock, CLOCK_REALTIME);
    if (world.may_not) {
        errno = EPERM;
        return -1;
    }
    world.set = *to;
    world.was_set = true;
    return 0;
}

static int fake_ioctl(int fd, unsigned long request, struct rtc_time *out)
{
    struct tm tm;
    time_t s = (time_t)world.rtc_s;

    (void)fd;
    assert_int_equal(request, RTC_RD_TIME);
    gmtime_r(&s, &tm);
    *out = (struct rtc_time){tm.tm_sec, tm.tm_min, tm.tm_hour, tm.tm_mday, tm.tm_mon, tm.tm_year, 0, 0, 0};
    return 0;
}

static int fake_stat(const char *path, struct stat *st)
{
    assert_string_equal(path, "/proc/self/exe");
    *st = (struct stat){.st_mtim.tv_sec = world.built};
    return 0;
}

#define open(path, flags)        fake_open(path, flags)
#define fd_read_file             fake_read_file
#define clock_gettime(clock, at) fake_gettime(clock, at)
#define clock_settime(clock, to) fake_settime(clock, to)
#define clock_wall()             world.wall
#define ioctl(fd, request, out)  fake_ioctl(fd, request, out)
#define stat(path, out)          fake_stat(path, out)
#include "init/clock.c"

enum { NOW = 1800000000 };

static struct clock_report report;
static struct err e;

static int setup(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    world.wall.tv_sec = NOW;
    return 0;
}

static void a_clock_that_is_off_follows_the_host(void **state)
{
    (void)state;
    world.ptp_name = "KVM virtual PTP";
    world.ptp = (struct timespec){NOW + 3, 500000000};
    assert_int_equal(clock_set_at_boot(&report, &e), 0);
    assert_true(world.was_set);
    assert_int_equal(world.set.tv_sec, NOW + 3);
    assert_int_equal(world.set.tv_nsec, 500000000);
    assert_string_equal(report.source, "/dev/ptp0");
    assert_int_equal(report.offset_ms, 3500);
    world.ptp.tv_sec = NOW - 4;
    assert_int_equal(clock_set_at_boot(&report, &e), 0);
    assert_int_equal(report.offset_ms, -3500);
}

static void a_clock_that_is_nearly_right_stays(void **state)
{
    (void)state;
    world.ptp_name = "KVM virtual PTP";
    world.ptp = (struct timespec){NOW, 100000000};
    assert_int_equal(clock_set_at_boot(&report, &e), 0);
    assert_false(world.was_set);
    assert_null(report.source);
    world.ptp.tv_nsec += 1000000;
    assert_int_equal(clock_set_at_boot(&report, &e), 0);
    assert_true(world.was_set);
}

static void a_network_cards_clock_is_nobodys_time(void **state)
{
    (void)state;
    world.ptp_name = "mlx5_ptp";
    world.ptp.tv_sec = 37;
    assert_int_equal(clock_set_at_boot(&report, &e), 0);
    assert_false(world.was_set);
}

static void without_a_source_it_is_the_hosts_to_set(void **state)
{
    (void)state;
    assert_int_equal(clock_set_at_boot(&report, &e), 0);
    world.wall.tv_sec = 5;
    assert_int_equal(clock_set_at_boot(&report, &e), 0);
    assert_false(world.was_set);
}

static void an_unset_clock_takes_the_hardwares_time(void **state)
{
    (void)state;
    world.rtc_s = NOW;
    world.wall.tv_sec = 5;
    assert_int_equal(clock_set_at_boot(&report, &e), 0);
    assert_true(world.was_set);
    assert_int_equal(world.set.tv_sec, NOW);
    assert_string_equal(report.source, "/dev/rtc0");
    assert_int_equal(report.offset_ms, (int64_t)(NOW - 5) * 1000);
}

/* The hardware's is worth less than a clock that may be right, and nothing when it is itself unset. */
static void the_hardwares_time_is_the_last_resort(void **state)
{
    (void)state;
    world.rtc_s = NOW + 100;
    assert_int_equal(clock_set_at_boot(&report, &e), 0);
    assert_false(world.was_set);
    world.rtc_s = 100;
    world.wall.tv_sec = 5;
    assert_int_equal(clock_set_at_boot(&report, &e), 0);
    assert_false(world.was_set);
    world.rtc_s = NOW + 100;
    world.wall.tv_sec = NOW;
    world.built = NOW + 50; /* the image was built after what the clock says */
    assert_int_equal(clock_set_at_boot(&report, &e), 0);
    assert_true(world.was_set);
}

static void a_clock_that_may_not_be_set_is_told(void **state)
{
    (void)state;
    world.ptp_name = "KVM virtual PTP";
    world.may_not = true;
    assert_int_equal(clock_set_at_boot(&report, &e), -1);
    assert_string_equal(e.text, "set the clock by /dev/ptp0: operation not permitted");
    assert_null(report.source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_clock_that_is_off_follows_the_host, setup),
        cmocka_unit_test_setup(a_clock_that_is_nearly_right_stays, setup),
        cmocka_unit_test_setup(a_network_cards_clock_is_nobodys_time, setup),
        cmocka_unit_test_setup(without_a_source_it_is_the_hosts_to_set, setup),
        cmocka_unit_test_setup(an_unset_clock_takes_the_hardwares_time, setup),
        cmocka_unit_test_setup(the_hardwares_time_is_the_last_resort, setup),
        cmocka_unit_test_setup(a_clock_that_may_not_be_set_is_told, setup),
    };

    return RUN(tests);
}
