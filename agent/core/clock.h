/* Clocks. Deadlines and ages use the monotonic one; only what a person or a file sees uses the wall clock. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of CLOCK_MONOTONIC: stands still while the guest is suspended. */
static inline uint64_t clock_mono_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t clock_mono_ms(void)
{
    return clock_mono_ns() / 1000000u;
}

/* The wall clock, UTC. */
static inline struct timespec clock_wall(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t;
}

/* What google.protobuf.Timestamp allows: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z. */
#define CLOCK_SECONDS_MIN (-62135596800LL)
#define CLOCK_SECONDS_MAX 253402300799LL

/* ".5" as ProtoJSON writes it, with 0, 3, 6 or 9 digits; nanos >= 0. Returns the length. */
#define CLOCK_FRACTION 12
int clock_fraction(int32_t nanos, char out[CLOCK_FRACTION]);

/* RFC 3339 in UTC with 0, 3, 6 or 9 fraction digits as ProtoJSON writes it. out has room for 40 bytes;
 * returns the length. Years outside 1 to 9999 are clamped. */
int clock_rfc3339(int64_t seconds, int32_t nanos, char out[40]);

/* "Sun, 06 Nov 1994 08:49:37 GMT": the date of HTTP, RFC 9110 section 5.6.7. */
#define CLOCK_HTTP_DATE 80 /* for the longest numbers, which cannot come: the compiler does not know */
void clock_http_date(int64_t seconds, char out[CLOCK_HTTP_DATE]);

/* The seconds since the epoch at which a day of the Gregorian calendar begins, UTC; month 1 to 12. Returns 0, or -1 when that
 * month of that year (0 to 9999) has no such day. */
int clock_day(int year, int month, int day, int64_t *seconds);

/* The year, UTC, of the seconds since the epoch; clamped to 1 to 9999. */
int clock_year(int64_t seconds);

/* Parses RFC 3339 ("Z" or an offset, up to 9 fraction digits). Returns 0, or -1 when it is not one. */
int clock_parse_rfc3339(const char *s, size_t len, int64_t *seconds, int32_t *nanos);

#endif
