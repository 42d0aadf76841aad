#include "core/clock.h"

#include "core/base.h"
#include "test.h"

static const struct {
    int64_t seconds;
    int32_t nanos;
    const char *text;
} known[] = {
    {0, 0, "1970-01-01T00:00:00Z"},
    {1, 500000000, "1970-01-01T00:00:01.500Z"},
    {951782400, 0, "2000-02-29T00:00:00Z"},
    {-1, 999999999, "1969-12-31T23:59:59.999999999Z"},
    {1700000000, 1000, "2023-11-14T22:13:20.000001Z"},
    {-62135596800, 0, "0001-01-01T00:00:00Z"},
    {253402300799, 999000000, "9999-12-31T23:59:59.999Z"},
};

static void both_ways(void **state)
{
    char text[40];
    int64_t seconds;
    int32_t nanos;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        assert_int_equal(clock_rfc3339(known[i].seconds, known[i].nanos, text), strlen(known[i].text));
        assert_string_equal(text, known[i].text);
        assert_int_equal(clock_parse_rfc3339(text, strlen(text), &seconds, &nanos), 0);
        assert_int_equal(seconds, known[i].seconds);
        assert_int_equal(nanos, known[i].nanos);
    }
}

static void offsets(void **state)
{
    int64_t seconds;
    int32_t nanos;

    (void)state;
    assert_int_equal(clock_parse_rfc3339("1970-01-01t01:30:00.25+01:30", 28, &seconds, &nanos), 0);
    assert_int_equal(seconds, 0);
    assert_int_equal(nanos, 250000000);
    assert_int_equal(clock_parse_rfc3339("1969-12-31T23:00:00-01:00", 25, &seconds, &nanos), 0);
    assert_int_equal(seconds, 0);
}

static void refused(void **state)
{
    static const char *const bad[] = {"",
                                      "1970",
                                      "1970-01-01",
                                      "1970-01-01T00:00:00",
                                      "1970-13-01T00:00:00Z",
                                      "1970-02-29T00:00:00Z",
                                      "1970-01-01T24:00:00Z",
                                      "1970-01-01T00:60:00Z",
                                      "1970-01-01T00:00:60Z",
                                      "1970-01-01T00:00:00.Z",
                                      "1970-01-01T00:00:00Zx",
                                      "1970-01-01 00:00:00Z",
                                      "1970-01-01T00:00:00+1:00",
                                      "0000-01-01T00:00:00Z",
                                      "+970-01-01T00:00:00Z",
                                      "0001-01-01T00:00:00+00:01"};
    int64_t seconds;
    int32_t nanos;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(clock_parse_rfc3339(bad[i], strlen(bad[i]), &seconds, &nanos), -1);
}

static void http_dates(void **state)
{
    char text[CLOCK_HTTP_DATE];

    (void)state;
    clock_http_date(784111777, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    clock_http_date(-1, text);
    assert_string_equal(text, "Wed, 31 Dec 1969 23:59:59 GMT");
    clock_http_date(INT64_MAX, text);
    assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
}

static void days_and_years(void **state)
{
    static const struct {
        int year, month, day;
    } none[] = {{2023, 2, 29}, {1900, 2, 29}, {2023, 4, 31}, {2023, 1, 0},
                {2023, 0, 1},  {2023, 13, 1}, {-1, 1, 1},    {10000, 1, 1}};
    int64_t seconds;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_int_equal(clock_day(none[i].year, none[i].month, none[i].day, &seconds), -1);
    assert_int_equal(clock_day(2000, 2, 29, &seconds), 0);
    assert_int_equal(seconds, 951782400);
    assert_int_equal(clock_year(seconds), 2000);
    assert_int_equal(clock_year(-1), 1969);
    assert_int_equal(clock_year(INT64_MAX), 9999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),  cmocka_unit_test(offsets),        cmocka_unit_test(refused),
        cmocka_unit_test(http_dates), cmocka_unit_test(days_and_years),
    };

    return RUN(tests);
}
