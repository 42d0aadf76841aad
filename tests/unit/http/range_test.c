#include "http/range.c"

#include "test.h"

static struct ranges got;

static enum range_result parse(const char *text, uint64_t size)
{
    return range_parse(bytes_of(text), size, &got);
}

/* "0+5 7+1": the ranges that were found. */
static const char *found(void)
{
    static char text[40 * RANGES_MAX];
    char *at = text;

    *text = 0;
    for (unsigned i = 0; i < got.count; i++)
        at += sprintf(at, "%s%" PRIu64 "+%" PRIu64, i ? " " : "", got.list[i].start, got.list[i].size);
    return text;
}

static void parts(void **state)
{
    static const struct {
        const char *field, *ranges;
    } cases[] = {
        {"bytes=0-0", "0+1"},
        {"bytes=0-99", "0+100"},
        {"bytes=0-1000", "0+100"},
        {"bytes=50-", "50+50"},
        {"bytes=-1", "99+1"},
        {"bytes=-1000", "0+100"},
        {"BYTES=1-2", "1+2"},
        {"bytes= 1-2 ,\t3-4,,", "1+2 3+2"},
        {"bytes=99-", "99+1"},
        {"bytes=100-,0-0", "0+1"},
        {"bytes=5-5,0-0", "5+1 0+1"},
        {"bytes=0-99999999999999999999999", "0+100"},
        {"bytes=-99999999999999999999999", "0+100"},
        {"bytes=1 - 2", "1+2"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(parse(cases[i].field, 100), RANGE_PARTS);
        assert_string_equal(found(), cases[i].ranges);
    }
}

static void unsatisfiable(void **state)
{
    static const char *const cases[] = {
        "bytes=100-",  "bytes=100-200,300-", "bytes=-0",    "bytes=",      "bytes=,",
        "bytes=5",     "bytes=a-b",          "bytes=2-1",   "bytes=--1",   "bytes=-",
        "bytes=1-2-3", "bytes=+1-2",         "bytes=0-0,x", "bytes=1-\n2", "bytes=99999999999999999999999-"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(parse(cases[i], 100), RANGE_UNSATISFIABLE);
}

static void whole(void **state)
{
    char many[16 * RANGES_MAX] = "bytes=0-0";

    (void)state;
    assert_int_equal(range_parse((struct bytes){NULL, 0}, 100, &got), RANGE_WHOLE);
    assert_int_equal(parse("", 100), RANGE_WHOLE);
    assert_int_equal(parse("lines=1-2", 100), RANGE_WHOLE);
    assert_int_equal(parse("bytes=0-", 0),
                     RANGE_WHOLE); /* an empty file has no part, and nothing to refuse */
    assert_int_equal(parse("bytes=-5", 0), RANGE_WHOLE);
    assert_int_equal(parse("bytes=0-60,40-", 100), RANGE_WHOLE); /* 61 + 60 bytes of 100 */
    assert_int_equal(parse("bytes=0-49,50-", 100), RANGE_PARTS);
    for (int i = 1; i < RANGES_MAX; i++)
        sprintf(many + strlen(many), ",%d-%d", 2 * i, 2 * i);
    assert_int_equal(parse(many, 1000), RANGE_PARTS);
    assert_int_equal(got.count, RANGES_MAX);
    strcat(many, ",900-900");
    assert_int_equal(parse(many, 1000), RANGE_WHOLE);
}

static void no_sum_overflows(void **state)
{
    (void)state;
    assert_int_equal(parse("bytes=0-,0-,0-", UINT64_MAX), RANGE_WHOLE);
    assert_int_equal(parse("bytes=18446744073709551614-", UINT64_MAX), RANGE_PARTS);
    assert_string_equal(found(), "18446744073709551614+1");
}

static void descriptions(void **state)
{
    char text[RANGE_TEXT];

    (void)state;
    describe(&(struct range){5, 10}, 100, text);
    assert_string_equal(text, "bytes 5-14/100");
    describe(NULL, 100, text);
    assert_string_equal(text, "bytes */100");
}

/* What is announced is what the pieces are, and no two boundaries are the same. */
static void multipart(void **state)
{
    static const struct range list[] = {{0, 5}, {90, 10}};
    char boundary[RANGE_BOUNDARY], other[RANGE_BOUNDARY], text[RANGE_HEAD], expected[RANGE_HEAD];
    uint64_t sum = 15;

    (void)state;
    assert_int_equal(range_boundary(boundary), 0);
    assert_int_equal(range_boundary(other), 0);
    assert_int_equal(strlen(boundary), RANGE_BOUNDARY - 1);
    assert_string_not_equal(boundary, other);
    sum += range_part_head(boundary, true, "text/plain", &list[0], 100, text);
    snprintf(expected, sizeof expected,
             "--%s\r\nContent-Range: bytes 0-4/100\r\nContent-Type: text/plain\r\n\r\n", boundary);
    assert_string_equal(text, expected);
    sum += range_part_head(boundary, false, "text/plain", &list[1], 100, text);
    assert_memory_equal(text, "\r\n--", 4);
    sum += range_multipart_end(boundary, text);
    snprintf(expected, sizeof expected, "\r\n--%s--\r\n", boundary);
    assert_string_equal(text, expected);
    assert_int_equal(range_multipart_size(boundary, "text/plain", list, 2, 100), sum);
    range_multipart_type(boundary, text);
    snprintf(expected, sizeof expected, "multipart/byteranges; boundary=%s", boundary);
    assert_string_equal(text, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),        cmocka_unit_test(unsatisfiable),
        cmocka_unit_test(whole),        cmocka_unit_test(no_sum_overflows),
        cmocka_unit_test(descriptions), cmocka_unit_test(multipart),
    };

    return RUN(tests);
}
