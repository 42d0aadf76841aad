#include "core/utf8.h"

#include "test.h"

static void valid(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "12345678\303\24412345678",
                                       "abcdefg\xf0\x9f\x98\x80"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(utf8_valid(bytes_of(good[i])));
}

static void invalid(void **state)
{
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x41",
                                      "\xe0\x80\x80",
                                      "\xe0\x9f\xbf",
                                      "\xe2\x82",
                                      "\xed\xa0\x80",
                                      "\xf0\x80\x80\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "12345678\xff",
                                      "1234567\xc3",
                                      "\xf0\x9f\x98"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(utf8_valid(bytes_of(bad[i])));
}

/* Every code point there is, and none more. */
static void encode_all(void **state)
{
    char out[4];

    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        size_t n = utf8_put(c, out);

        assert_int_equal(utf8_char((struct bytes){out, n}), c >= 0xd800 && c <= 0xdfff ? 0 : n);
    }
}

/* Of each valid character every beginning waits for its rest, and nothing else does. */
static void tails(void **state)
{
    static const char *const none[] = {"",         "a",        "\x80",         "\xc0",
                                       "\xff",     "\xc3\xa4", "\xe0\x9f",     "\xed\xa0",
                                       "\xf4\x90", "\xf0\x8f", "\xe2\x82\xac", "\xc3 "};
    char out[8] = "xy";

    (void)state;
    for (uint32_t c = 0x80; c <= 0x10ffff; c += c < 0x900 ? 1 : 61) {
        size_t n = c >= 0xd800 && c <= 0xdfff ? 0 : utf8_put(c, out + 2);

        for (size_t i = 1; i < n; i++)
            assert_int_equal(utf8_tail((struct bytes){out, 2 + i}), i);
        assert_int_equal(utf8_tail((struct bytes){out, 2 + n}), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_int_equal(utf8_tail(bytes_of(none[i])), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid),
        cmocka_unit_test(invalid),
        cmocka_unit_test(encode_all),
        cmocka_unit_test(tails),
    };

    return RUN(tests);
}
