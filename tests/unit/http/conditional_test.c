#include "http/conditional.h"

#include "test.h"

#define MODIFIED 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT: the RFC's own example */

static const struct validators file = {"\"abc\"", MODIFIED, true};
static const struct validators bare = {NULL, 0, false};

/* The verdict over fields "name", "value", ..., NULL. */
static enum conditional_result check(const struct validators *v, const char *const *fields)
{
    struct http_fields request = {0};
    enum conditional_result result;

    for (; *fields; fields += 2)
        assert_int_equal(http_fields_add(&request, fields[0], bytes_of(fields[1])), 0);
    result = conditional_check(&request, v);
    http_fields_clear(&request);
    return result;
}

#define CHECK_FIELDS(v, ...) check(v, (const char *const[]){__VA_ARGS__, NULL})

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define SAME   "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

static void by_tag(void **state)
{
    (void)state;
    assert_int_equal(CHECK_FIELDS(&file, "if-none-match", "\"abc\""), CONDITIONAL_NOT_MODIFIED);
    assert_int_equal(CHECK_FIELDS(&file, "if-none-match", "W/\"abc\""), CONDITIONAL_NOT_MODIFIED);
    assert_int_equal(CHECK_FIELDS(&file, "if-none-match", "\"x\", \"abc\""), CONDITIONAL_NOT_MODIFIED);
    assert_int_equal(CHECK_FIELDS(&file, "if-none-match", "*"), CONDITIONAL_NOT_MODIFIED);
    assert_int_equal(CHECK_FIELDS(&file, "if-none-match", "\"x\""), CONDITIONAL_SEND);
    assert_int_equal(CHECK_FIELDS(&file, "if-none-match", "\"x\"", "if-none-match", "\"abc\""),
                     CONDITIONAL_NOT_MODIFIED);
    assert_int_equal(CHECK_FIELDS(&file, "if-match", "\"abc\""), CONDITIONAL_SEND);
    assert_int_equal(CHECK_FIELDS(&file, "if-match", "*"), CONDITIONAL_SEND);
    assert_int_equal(CHECK_FIELDS(&file, "if-match", "W/\"abc\""), CONDITIONAL_FAILED);
    assert_int_equal(CHECK_FIELDS(&file, "if-match", "\"x\""), CONDITIONAL_FAILED);
    assert_int_equal(CHECK_FIELDS(&file, "if-match", "abc"), CONDITIONAL_FAILED);
    assert_int_equal(CHECK_FIELDS(&bare, "if-match", "\"abc\""), CONDITIONAL_FAILED);
    assert_int_equal(CHECK_FIELDS(&bare, "if-none-match", "\"abc\""), CONDITIONAL_SEND);
}

static void by_date(void **state)
{
    (void)state;
    assert_int_equal(CHECK_FIELDS(&file, "if-modified-since", SAME), CONDITIONAL_NOT_MODIFIED);
    assert_int_equal(CHECK_FIELDS(&file, "if-modified-since", AFTER), CONDITIONAL_NOT_MODIFIED);
    assert_int_equal(CHECK_FIELDS(&file, "if-modified-since", BEFORE), CONDITIONAL_SEND);
    assert_int_equal(CHECK_FIELDS(&file, "if-modified-since", "yesterday"), CONDITIONAL_SEND);
    assert_int_equal(CHECK_FIELDS(&file, "if-unmodified-since", SAME), CONDITIONAL_SEND);
    assert_int_equal(CHECK_FIELDS(&file, "if-unmodified-since", BEFORE), CONDITIONAL_FAILED);
    assert_int_equal(CHECK_FIELDS(&bare, "if-modified-since", SAME), CONDITIONAL_SEND);
    assert_int_equal(CHECK_FIELDS(&bare, "if-unmodified-since", BEFORE), CONDITIONAL_SEND);
}

/* A tag that is there decides alone. */
static void tags_before_dates(void **state)
{
    (void)state;
    assert_int_equal(CHECK_FIELDS(&file, "if-none-match", "\"x\"", "if-modified-since", SAME),
                     CONDITIONAL_SEND);
    assert_int_equal(CHECK_FIELDS(&file, "if-match", "\"abc\"", "if-unmodified-since", BEFORE),
                     CONDITIONAL_SEND);
    assert_int_equal(CHECK_FIELDS(&file, "if-match", "\"x\"", "if-none-match", "\"abc\""),
                     CONDITIONAL_FAILED);
}

static bool counts(const struct validators *v, const char *value)
{
    struct http_fields request = {0};
    bool ret;

    assert_int_equal(http_fields_add(&request, "if-range", bytes_of(value)), 0);
    assert_true(conditional_asked(&request));
    ret = conditional_range(&request, v);
    http_fields_clear(&request);
    return ret;
}

static void if_range(void **state)
{
    static const struct http_fields none;

    (void)state;
    assert_true(conditional_range(&none, &file));
    assert_false(conditional_asked(&none));
    assert_true(counts(&file, "\"abc\""));
    assert_true(counts(&file, SAME));
    assert_false(counts(&file, "W/\"abc\""));
    assert_false(counts(&file, "\"abc\" "
                               "x"));
    assert_false(counts(&file, "\"x\""));
    assert_false(counts(&file, AFTER));
    assert_false(counts(&file, "*"));
    assert_false(counts(&bare, "\"abc\""));
    assert_false(counts(&bare, SAME));
}

static void lists(void **state)
{
    (void)state;
    assert_true(conditional_list_has(BYTES_LIT(" ,\t\"a\" , \"b,c\""), "\"b,c\"", false));
    assert_false(conditional_list_has(BYTES_LIT("\"a\" rubbish \"b\""), "\"b\"", false));
    assert_false(conditional_list_has(BYTES_LIT("\"b"), "\"b\"", false));
    assert_false(conditional_list_has(BYTES_LIT("W/"), "\"b\"", true));
    assert_false(conditional_list_has(BYTES_LIT(""), "\"b\"", true));
}

static int64_t date(const char *text)
{
    int64_t seconds;

    return conditional_parse_date(bytes_of(text), MODIFIED, &seconds) == 0 ? seconds : -1;
}

static void dates(void **state)
{
    static const char *const bad[] = {
        "",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nop 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "784111777",
        "Sunday and more, 06-Nov-94 08:49:37 GMT",
    };

    (void)state;
    assert_int_equal(date("Sun, 06 Nov 1994 08:49:37 GMT"), MODIFIED);
    assert_int_equal(date("Sunday, 06-Nov-94 08:49:37 GMT"), MODIFIED);
    assert_int_equal(date("Sun Nov  6 08:49:37 1994"), MODIFIED);
    assert_int_equal(date("Wed Nov 16 08:49:37 1994"), MODIFIED + 10 * 86400);
    assert_int_equal(date("Thursday, 01-Jan-70 00:00:01 GMT"), 1);
    assert_int_equal(date("Friday, 01-Jan-44 00:00:00 GMT"), 2335219200); /* in 50 years, not 50 years ago */
    assert_int_equal(date("Sat, 31 Dec 2016 23:59:60 GMT"), 1483228800);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (date(bad[i]) != -1)
            fail_msg("'%s' is a date", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_tag),   cmocka_unit_test(by_date), cmocka_unit_test(tags_before_dates),
        cmocka_unit_test(if_range), cmocka_unit_test(lists),   cmocka_unit_test(dates),
    };

    return RUN(tests);
}
