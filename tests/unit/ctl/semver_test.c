/* Versions: what is one, and the order of section 11. */
#include "test.h"

#include "ctl/semver.c"

static void what_is_no_version(void **state)
{
    static const char *const texts[] = {
        "",       "1",      "1.2",    "1.2.",       "1.2.3.4",        "v1.2.3", "01.2.3",
        "1.02.3", "1.2.3-", "1.2.3+", "1.2.3 beta", "1.2.9999999999", "1.-2.3", "a.b.c"};
    struct semver v;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(semver_parse(texts[i], &v), -1);
}

static void the_parts_are_told(void **state)
{
    struct semver v;

    (void)state;
    assert_int_equal(semver_parse("1.20.300-rc.1+build.5", &v), 0);
    assert_int_equal(v.major, 1);
    assert_int_equal(v.minor, 20);
    assert_int_equal(v.patch, 300);
    assert_int_equal(v.pre_len, strlen("rc.1"));
    assert_memory_equal(v.pre, "rc.1", 4);
    assert_int_equal(semver_parse("0.0.0+b", &v), 0);
    assert_int_equal(v.pre_len, 0);
}

/* The specification's own row, and some between. */
static void they_are_in_order(void **state)
{
    static const char *const rising[] = {
        "0.9.9",      "1.0.0-2",      "1.0.0-11",      "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
        "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",  "1.0.0",         "1.0.1",
        "1.2.0",      "1.10.0",       "2.0.0",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rising); i++) {
        for (size_t k = 0; k < ARRAY_LEN(rising); k++) {
            struct semver a, b;
            int order;

            assert_int_equal(semver_parse(rising[i], &a) | semver_parse(rising[k], &b), 0);
            order = semver_compare(&a, &b);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
}

static void what_it_was_built_from_does_not_count(void **state)
{
    struct semver a, b;

    (void)state;
    assert_int_equal(semver_parse("1.0.0-rc.1+a", &a) | semver_parse("1.0.0-rc.1+b", &b), 0);
    assert_int_equal(semver_compare(&a, &b), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_version),
        cmocka_unit_test(the_parts_are_told),
        cmocka_unit_test(they_are_in_order),
        cmocka_unit_test(what_it_was_built_from_does_not_count),
    };

    return RUN(tests);
}
