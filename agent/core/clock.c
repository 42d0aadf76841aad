#include "core/clock.h"

#include <stdbool.h>
#include <stdio.h>

/* The proleptic Gregorian calendar, by Howard Hinnant's days_from_civil
 * (https://howardhinnant.github.io/date_algorithms.html): no locale, no tzdata, no limits of time_t. */
static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
    int64_t era;
    unsigned yoe, doy, doe;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = (unsigned)(y - era * 400);
    doy = (153 * (m + (m > 2 ? -3u : 9u)) + 2) / 5 + d - 1;
    doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

static void civil_from_days(int64_t z, int *year, unsigned *month, unsigned *day)
{
    int64_t era, y;
    unsigned doe, yoe, doy, mp;

    z += 719468;
    era = (z >= 0 ? z : z - 146096) / 146097;
    doe = (unsigned)(z - era * 146097);
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    y = (int64_t)yoe + era * 400;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = (int)(y + (*month <= 2));
}

/* Seconds since the epoch as a date and the seconds of that day; clamped to what both formats can say. */
static int split(int64_t seconds, int *year, unsigned *month, unsigned *day, int64_t *days)
{
    int rest;

    seconds = seconds < CLOCK_SECONDS_MIN   ? CLOCK_SECONDS_MIN
              : seconds > CLOCK_SECONDS_MAX ? CLOCK_SECONDS_MAX
                                            : seconds;
    *days = seconds / 86400;
    rest = (int)(seconds % 86400);
    if (rest < 0) {
        rest += 86400;
        (*days)--;
    }
    civil_from_days(*days, year, month, day);
    return rest;
}

/* The last `width` digits of v (>= 0), behind the character `before`. By hand: each entry of a directory's listing has a time, and
 * printf was the dearest part of it. */
static char *put_digits(char *at, char before, int v, int width)
{
    *at++ = before;
    for (int i = width; i-- > 0; v /= 10)
        at[i] = (char)('0' + v % 10);
    return at + width;
}

int clock_fraction(int32_t nanos, char out[CLOCK_FRACTION])
{
    char *end = out;

    if (nanos % 1000)
        end = put_digits(out, '.', nanos, 9);
    else if (nanos % 1000000)
        end = put_digits(out, '.', nanos / 1000, 6);
    else if (nanos)
        end = put_digits(out, '.', nanos / 1000000, 3);
    *end = 0;
    return (int)(end - out);
}

int clock_rfc3339(int64_t seconds, int32_t nanos, char out[40])
{
    int64_t days;
    unsigned month, day;
    int year, rest = split(seconds, &year, &month, &day, &days);
    char *at = out + snprintf(out, 40, "%04d", year); /* it may be any */

    at = put_digits(at, '-', (int)month, 2);
    at = put_digits(at, '-', (int)day, 2);
    at = put_digits(at, 'T', rest / 3600, 2);
    at = put_digits(at, ':', rest / 60 % 60, 2);
    at = put_digits(at, ':', rest % 60, 2);
    at += clock_fraction(nanos, at);
    *at++ = 'Z';
    *at = 0;
    return (int)(at - out);
}

void clock_http_date(int64_t seconds, char out[CLOCK_HTTP_DATE])
{
    static const char names[] = "ThuFriSatSunMonTueWed", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t days;
    unsigned month, day;
    int year, rest = split(seconds, &year, &month, &day, &days);

    snprintf(out, CLOCK_HTTP_DATE, "%.3s, %02u %.3s %04d %02d:%02d:%02d GMT",
             names + 3 * ((days % 7 + 7) % 7), day % 100, months + (size_t)3 * (month - 1), year % 10000,
             rest / 3600 % 24, rest / 60 % 60, rest % 60);
}

/* Reads exactly `digits` digits; returns -1 when they are not there. */
static int number(const char **s, const char *end, int digits)
{
    int v = 0;

    if (end - *s < digits)
        return -1;
    for (int i = 0; i < digits; i++, (*s)++) {
        if (**s < '0' || **s > '9')
            return -1;
        v = v * 10 + (**s - '0');
    }
    return v;
}

static bool literal(const char **s, const char *end, char c)
{
    if (*s == end || **s != c)
        return false;
    (*s)++;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

int clock_day(int year, int month, int day, int64_t *seconds)
{
    if (year < 0 || year > 9999 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return -1;
    *seconds = days_from_civil(year, (unsigned)month, (unsigned)day) * 86400;
    return 0;
}

int clock_year(int64_t seconds)
{
    unsigned month, day;
    int64_t days;
    int year;

    split(seconds, &year, &month, &day, &days);
    return year;
}

int clock_parse_rfc3339(const char *s, size_t len, int64_t *seconds, int32_t *nanos)
{
    const char *end = s + len;
    int year, month, day, hour, minute, second, offset = 0;

    year = number(&s, end, 4);
    if (year < 1 || !literal(&s, end, '-'))
        return -1;
    month = number(&s, end, 2);
    if (!literal(&s, end, '-'))
        return -1;
    day = number(&s, end, 2);
    if (clock_day(year, month, day, seconds) < 0 || s == end || (*s != 'T' && *s != 't'))
        return -1;
    s++;
    hour = number(&s, end, 2);
    if (hour < 0 || hour > 23 || !literal(&s, end, ':'))
        return -1;
    minute = number(&s, end, 2);
    if (minute < 0 || minute > 59 || !literal(&s, end, ':'))
        return -1;
    second = number(&s, end, 2);
    if (second < 0 || second > 59)
        return -1;
    *nanos = 0;
    if (literal(&s, end, '.')) {
        int digits = 0;

        for (; s < end && *s >= '0' && *s <= '9'; s++, digits++)
            if (digits < 9)
                *nanos = *nanos * 10 + (*s - '0');
        if (digits == 0 || digits > 9)
            return -1;
        for (; digits < 9; digits++)
            *nanos *= 10;
    }
    if (s < end && (*s == 'Z' || *s == 'z')) {
        s++;
    } else {
        int sign = literal(&s, end, '+') ? 1 : literal(&s, end, '-') ? -1 : 0;
        int oh = number(&s, end, 2);
        int om = sign && literal(&s, end, ':') ? number(&s, end, 2) : -1;

        if (oh < 0 || oh > 23 || om < 0 || om > 59)
            return -1;
        offset = sign * (oh * 3600 + om * 60);
    }
    if (s != end)
        return -1;
    *seconds += hour * 3600 + minute * 60 + second - offset;
    return *seconds < CLOCK_SECONDS_MIN || *seconds > CLOCK_SECONDS_MAX ? -1 : 0;
}
