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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces),
        cmocka_unit_test(bounded),
    };

    return RUN(tests);
}
