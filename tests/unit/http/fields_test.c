#include "http/fields.h"

#include "core/limits.h"
#include "test.h"

static void pieces(void **state)
{
    struct http_fields f = {0};

    (void)state;
    assert_int_equal(http_fields_name(&f, "Con", 3), 0);
    assert_int_equal(http_fields_name(&f, "TENT-type", 9), 0);
    assert_int_equal(http_fields_value(&f, " text/", 6), 0);
    assert_int_equal(http_fields_value(&f, "plain \t", 7), 0);
    assert_int_equal(http_fields_name(&f, "X", 1), 0);
    assert_int_equal(http_fields_value(&f, "", 0), 0);
    assert_int_equal(http_fields_add(&f, "x", BYTES_LIT("second")), 0);
    assert_int_equal(f.count, 3);
    assert_true(bytes_are(http_fields_get(&f, "content-type"), "text/plain"));
    assert_true(bytes_are(http_fields_get(&f, "x"), ""));
    assert_non_null(http_fields_get(&f, "x").ptr);
    assert_null(http_fields_get(&f, "y").ptr);
    assert_int_equal(http_fields_count(&f, "x"), 2);
    http_fields_clear(&f);
}

static void bounded(void **state)
{
    static char big[HEADER_MAX + 1];
    struct http_fields f = {0};

    (void)state;
    memset(big, 'a', sizeof big);
    assert_int_equal(http_fields_add(&f, "n", (struct bytes){big, HEADER_MAX - 1}), 0);
    assert_int_equal(http_fields_add(&f, "m", BYTES_LIT("")), HTTP_FIELDS_TOO_BIG);
    assert_int_equal(f.count, 1);
    assert_int_equal(http_fields_get(&f, "n").len, HEADER_MAX - 1);
    http_fields_clear(&f);
    for (int i = 0; i < HEADER_COUNT_MAX; i++)
        assert_int_equal(http_fields_add(&f, "n", BYTES_LIT("v")), 0);
    assert_int_equal(http_fields_add(&f, "n", BYTES_LIT("v")), HTTP_FIELDS_TOO_BIG);
    http_fields_clear(&f);
}

static void statuses(void **state)
{
    struct http_fields f = {0};

    (void)state;
    assert_int_equal(http_fields_status(http_fields_add(&f, "bad name", BYTES_LIT("v"))), 400);
    assert_int_equal(http_fields_status(HTTP_FIELDS_TOO_BIG), 431);
    assert_int_equal(http_fields_status(-1), 500);
    http_fields_clear(&f);
}

static void written(void **state)
{
    struct http_fields f = {0};
    struct chain out = {0};
    char text[64] = "";

    (void)state;
    assert_int_equal(http_fields_write(&f, &out), 0);
    assert_int_equal(out.bytes, 0);
    assert_int_equal(http_fields_add(&f, "First", BYTES_LIT("1")), 0);
    assert_int_equal(http_fields_add(&f, "empty", BYTES_LIT("")), 0);
    assert_int_equal(http_fields_write(&f, &out), 0);
    assert_true(out.bytes < sizeof text);
    chain_peek(&out, text, out.bytes);
    assert_string_equal(text, "first: 1\r\nempty: \r\n");
    chain_clear(&out);
    http_fields_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces),
        cmocka_unit_test(bounded),
        cmocka_unit_test(statuses),
        cmocka_unit_test(written),
    };

    return RUN(tests);
}
