#include "http/query.h"

#include "test.h"

static void takes_pairs(void **state)
{
    struct bytes rest = BYTES_LIT("&a=1&&b&=x&c=%3D=&"), name, value;
    static const char *const want[][2] = {{"a", "1"}, {"b", ""}, {"", "x"}, {"c", "%3D="}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(query_next(&rest, &name, &value));
        assert_true(bytes_are(name, want[i][0]));
        assert_true(bytes_are(value, want[i][1]));
    }
    assert_false(query_next(&rest, &name, &value));
    assert_int_equal(rest.len, 0);
}

static void unescapes(void **state)
{
    static const char *const broken[] = {"%", "%4", "a%", "%g0", "%0g", "%%41"};
    char out[32];

    (void)state;
    assert_int_equal(query_unescape(BYTES_LIT("a+b%2B%c3%A9"), out), 6);
    assert_string_equal(out, "a b+\xc3\xa9");
    assert_int_equal(query_unescape(BYTES_LIT("x%00y"), out), 3);
    assert_memory_equal(out, "x\0y", 4);
    assert_int_equal(query_unescape(BYTES_LIT(""), out), 0);
    for (size_t i = 0; i < ARRAY_LEN(broken); i++)
        assert_int_equal(query_unescape(bytes_of(broken[i]), out), -1);
    strcpy(out, "%41%42");
    assert_int_equal(query_unescape(bytes_of(out), out), 2);
    assert_string_equal(out, "AB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(takes_pairs), cmocka_unit_test(unescapes)};

    return RUN(tests);
}
