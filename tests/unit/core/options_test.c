#include "core/options.h"

#include "test.h"

static const struct option table[] = {
    {1, "user", 'u', "NAME", "who", false},
    {2, "tty", 't', NULL, "a terminal", false},
    {3, "interactive", 'i', NULL, "input", false},
    {4, "port", 0, "N", "where", true},
};

#define PARSE(single, ...)                                                                                   \
    char *words[] = {"prog", __VA_ARGS__, NULL};                                                             \
    struct options o = {.table = table,                                                                      \
                        .count = 4,                                                                          \
                        .argc = (int)ARRAY_LEN(words) - 1,                                                   \
                        .argv = words,                                                                       \
                        .at = 1,                                                                             \
                        .single_dash = (single)};                                                            \
    const char *value;                                                                                       \
    struct err e

static void forms(void **state)
{
    PARSE(false, "--user", "a", "--user=b=c", "-u", "d", "-ue", "-it", "--", "-x");

    (void)state;
    for (const char *want[] = {"a", "b=c", "d", "e"}, **w = want; w < want + 4; w++) {
        assert_int_equal(options_next(&o, &value, &e), 1);
        assert_string_equal(value, *w);
    }
    assert_int_equal(options_next(&o, &value, &e), 3);
    assert_null(value);
    assert_int_equal(options_next(&o, &value, &e), 2);
    assert_int_equal(options_next(&o, &value, &e), OPTIONS_END);
    assert_string_equal(words[o.at], "-x");
}

static void single_dash(void **state)
{
    PARSE(true, "-port", "7", "--port=8", "-port=9", "-t", "operand", "-t");

    (void)state;
    for (const char *want[] = {"7", "8", "9"}, **w = want; w < want + 3; w++) {
        assert_int_equal(options_next(&o, &value, &e), 4);
        assert_string_equal(value, *w);
    }
    assert_int_equal(options_next(&o, &value, &e), 2);
    assert_int_equal(options_next(&o, &value, &e), OPTIONS_END);
    assert_string_equal(words[o.at], "operand");
}

static void refused(void **state)
{
    static const char *const bad[] = {"--us", "--nope=secret", "-x", "--tty=1", "--user", "-tx"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        PARSE(false, (char *)(uintptr_t)bad[i]);
        int ret = options_next(&o, &value, &e);

        if (i == 5) {
            assert_int_equal(ret, 2);
            ret = options_next(&o, &value, &e);
        }
        assert_int_equal(ret, OPTIONS_ERROR);
        assert_non_null(strstr(e.text, i == 5 ? "-x" : i == 1 ? "--nope" : i == 3 ? "--tty" : bad[i]));
        assert_null(strstr(e.text, "secret"));
    }
}

static void numbers(void **state)
{
    static const char *const bad[] = {"", "-1", "1x", " 1", "11", "0", "99999999999999999999999", "+1"};
    PARSE(false, "--port", "5");
    uint64_t n;

    (void)state;
    assert_int_equal(options_next(&o, &value, &e), 4);
    assert_int_equal(options_number(&o, value, 1, 10, &n, &e), 0);
    assert_int_equal(n, 5);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(options_number(&o, bad[i], 1, 10, &n, &e), -1);
        assert_non_null(strstr(e.text, "--port"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(single_dash),
        cmocka_unit_test(refused),
        cmocka_unit_test(numbers),
    };

    return RUN(tests);
}
