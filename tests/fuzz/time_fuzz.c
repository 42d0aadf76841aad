#include "core/clock.h"

#include "fuzz.h"

/* The seconds of an RFC 3339 time once more, by the C library; the text is known to be one. */
static int64_t seconds_of(const char *text)
{
    const char *zone = text + 19 + strcspn(text + 19, "Zz+-");
    int hours = 0, minutes = 0, day;
    struct tm t = {0};
    int64_t seconds;

    CHECK(sscanf(text, "%4d-%2d-%2d%*c%2d:%2d:%2d", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min,
                 &t.tm_sec) == 6);
    t.tm_year -= 1900;
    t.tm_mon--;
    day = t.tm_mday;
    seconds = timegm(&t);
    CHECK(t.tm_mday == day); /* else timegm has made another day of one that there is not */
    CHECK(strchr("Zz", *zone) || sscanf(zone + 1, "%2d:%2d", &hours, &minutes) == 2);
    return seconds - (*zone == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

/* A time that is understood is what the C library thinks it is, and is written in a form that means the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *exact = fuzz_copy(data, size), *text = fuzz_text(data, size);
    int64_t seconds, seconds_again;
    int32_t nanos, nanos_again;
    char written[40];
    int n;

    if (clock_parse_rfc3339(exact, size, &seconds, &nanos) < 0)
        return 0;
    CHECK(strlen(text) == size && seconds == seconds_of(text));
    CHECK(nanos >= 0 && nanos < 1000000000);
    n = clock_rfc3339(seconds, nanos, written);
    CHECK(n > 0 && (size_t)n == strlen(written) && written[n - 1] == 'Z');
    CHECK(clock_parse_rfc3339(written, (size_t)n, &seconds_again, &nanos_again) == 0);
    CHECK(seconds == seconds_again && nanos == nanos_again);
    return 0;
}
