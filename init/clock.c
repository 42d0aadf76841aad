#include "init/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include <linux/rtc.h>

#include "core/clock.h"
#include "core/fd.h"
#include "core/limits.h"

#define PTP      "/dev/ptp0"
#define PTP_NAME "/sys/class/ptp/ptp0/clock_name"
#define RTC      "/dev/rtc0"

/* A descriptor of a clock as a clock's number (linux/posix-timers.h, FD_TO_CLOCKID). */
static clockid_t clock_of(int fd)
{
    return (clockid_t)(~(unsigned)fd << 3 | 3);
}

/* Whether the clock is a VMM's, which has the wall clock's time. That of a network card may be anything. */
static bool is_of_the_host(void)
{
    static const char *const names[] = {"KVM virtual PTP", "hyperv", "ptp_vmw"};
    char name[64];

    if (fd_read_file(AT_FDCWD, PTP_NAME, name, sizeof name) < 0)
        return false;
    name[strcspn(name, "\n")] = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static int64_t ms_between(struct timespec from, struct timespec to)
{
    return (int64_t)(to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
}

static int set_clock(const char *source, struct timespec to, int64_t offset_ms, struct clock_report *report,
                     struct err *e)
{
    if (clock_settime(CLOCK_REALTIME, &to) < 0)
        return err_set(e, STATUS_INTERNAL, errno, "set the clock by %s", source);
    *report = (struct clock_report){source, offset_ms};
    return 0;
}

/* Returns 1 when the host's clock was there, 0 when not, or -1 with *e. */
static int follow_the_host(struct clock_report *report, struct err *e)
{
    CLEANUP_FD int fd = open(PTP, O_RDONLY | O_CLOEXEC);
    struct timespec host;
    int64_t off;

    if (fd < 0 || !is_of_the_host() || clock_gettime(clock_of(fd), &host) < 0)
        return 0;
    off = ms_between(clock_wall(), host);
    if (off >= -CLOCK_OFF_MS && off <= CLOCK_OFF_MS)
        return 1;
    return set_clock(PTP, host, off, report, e) < 0 ? -1 : 1;
}

/* The time that cannot be in the past any more: when our program was written, or when its file was, if that is later. */
static int64_t built_s(void)
{
    struct stat st;
    int64_t written = 1767225600; /* 2026-01-01 */

    return stat("/proc/self/exe", &st) == 0 ? MAX(written, (int64_t)st.st_mtim.tv_sec) : written;
}

static int follow_the_hardware(struct clock_report *report, struct err *e)
{
    CLEANUP_FD int fd = -1;
    struct rtc_time t = {0};
    struct timespec now = clock_wall(), rtc = {0};
    int64_t built = built_s(), rtc_s;
    char text[96];
    int n;

    if (now.tv_sec >= built)
        return 0;
    fd = open(RTC, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, RTC_RD_TIME, &t) < 0)
        return 0;
    n = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1,
                 t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
    if (clock_parse_rfc3339(text, (size_t)n, &rtc_s, &(int32_t){0}) < 0)
        return 0;
    rtc.tv_sec = (time_t)rtc_s;
    return rtc.tv_sec < built ? 0 : set_clock(RTC, rtc, ms_between(now, rtc), report, e);
}

int clock_set_at_boot(struct clock_report *report, struct err *e)
{
    int result;

    *report = (struct clock_report){0};
    result = follow_the_host(report, e);
    if (result != 0)
        return result < 0 ? -1 : 0;
    return follow_the_hardware(report, e);
}
