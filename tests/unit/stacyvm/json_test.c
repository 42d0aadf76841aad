#include "stacyvm/json.h"

#include "test.h"

static const char *const names[] = {"more", "bad", "{", "}", "[", "]", NULL, NULL, "0", "t", "f", "n"};

/* The tokens of the text, which comes in pieces of `step` bytes: strings as "text", names as 'text'. */
static const char *read_in(struct bytes text, size_t step)
{
    static char out[8192];
    struct json j = {0};
    enum json_token token = JSON_MORE;
    bool open = false;
    char *at = out;

    for (size_t i = 0; i < text.len && token != JSON_BAD; i += step) {
        struct bytes in = {text.ptr + i, MIN(step, text.len - i)}, piece;

        while ((token = json_next(&j, &in, &piece)) != JSON_MORE && token != JSON_BAD) {
            char quote = j.is_key ? '\'' : '"';

            if (token != JSON_TEXT && token != JSON_TEXT_END) {
                at = stpcpy(at, names[token]);
                continue;
            }
            if (!open)
                *at++ = quote;
            open = token == JSON_TEXT;
            if (open)
                at = mempcpy(at, piece.ptr, piece.len);
            else
                *at++ = quote;
        }
    }
    strcpy(at, token == JSON_BAD ? "bad" : j.done ? "" : "...");
    return out;
}

static const char *read_text(const char *text)
{
    return read_in(bytes_of(text), 1000);
}

static void tokens(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", "..."},
        {" {} ", "{}"},
        {"[]", "[]"},
        {"[1,-2.5e+3,0,0.1E9]", "[0000]"},
        {"{\"a\":1,\"b\":[true,false,null],\"\":{}}", "{'a'0'b'[tfn]''{}}"},
        {" \t\r\n\"x\"\n", "\"x\""},
        {"null", "n"},
        {"12", "..."},
        {"12 ", "0"},
        {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "\"a\"\\/\b\f\n\r\tz\""},
        {"\"\\u0041\\u00e4\\u20AC\\ud83d\\ude00\"", "\"A\303\244\342\202\254\360\237\230\200\""},
        {"\"\\ud83d\"", "\"\357\277\275\""},
        {"\"\\ud83dx\"", "\"\357\277\275x\""},
        {"\"\\ud83d\\n\"", "\"\357\277\275\n\""},
        {"\"\\ud83d\\u0041\"", "\"\357\277\275A\""},
        {"\"\\ud83d\\ud83d\\ude00\"", "\"\357\277\275\360\237\230\200\""},
        {"\"\\ude00\"", "\"\357\277\275\""},
        {"\"\377\303\"", "\"\377\303\""},
        {"[[[", "[[[..."},
        {"{\"a\"", "{'a'..."},
    };
    size_t steps[] = {1, 2, 3, 7, 1000};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t k = 0; k < ARRAY_LEN(steps); k++)
            assert_string_equal(read_in(bytes_of(cases[i].in), steps[k]), cases[i].out);
}

static void what_is_no_json(void **state)
{
    static const char *const bad[] = {
        "}",          "]",       "[}",
        "{]",         "[1,]",    "[,1]",
        "{,}",        "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}", "{1:2}",   "{a:1}",
        "[1 2]",      "nul ",    "tru]",
        "nullx",      "01 ",     "-",
        "- ",         "1. ",     ".5",
        "1e ",        "1e+ ",    "+1",
        "--1",        "[1.e5]",  "\"\n\"",
        "\"\x01\"",   "\"\\x\"", "\"\\u12g4\"",
        "{} {}",      "{}x",     "'a'",
        "\"a\"\"b\"", "//",      "\xef\xbb\xbf{}",
        "[\"a\":1]",  "NaN",     "{\"a\":1 \"b\":2}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const char *got = read_text(bad[i]);

        if (strlen(got) < 3 || (strcmp(got + strlen(got) - 3, "bad") != 0 && strcmp(bad[i], "-") != 0))
            fail_msg("'%s': '%s'", bad[i], got);
    }
}

static void a_nul_in_a_string_is_told(void **state)
{
    struct json j = {0};
    struct bytes in = BYTES_LIT("\"a\\u0000b\\ud800\\u0000\""), text;

    (void)state;
    assert_int_equal(json_next(&j, &in, &text), JSON_TEXT);
    assert_int_equal(json_next(&j, &in, &text), JSON_TEXT);
    assert_true(bytes_equal(text, (struct bytes){"", 1}));
    assert_int_equal(json_next(&j, &in, &text), JSON_TEXT);
    assert_int_equal(json_next(&j, &in, &text), JSON_TEXT);
    assert_true(bytes_equal(text, BYTES_LIT("\357\277\275\0")));
    assert_int_equal(json_next(&j, &in, &text), JSON_TEXT_END);
    assert_true(j.done);
}

static void depth_has_a_bound(void **state)
{
    char deep[NESTING_MAX + 2];
    char want[NESTING_MAX + 8];

    (void)state;
    memset(deep, '[', sizeof deep);
    memset(want, '[', sizeof want);
    deep[NESTING_MAX] = 0;
    strcpy(want + NESTING_MAX, "...");
    assert_string_equal(read_text(deep), want);
    deep[NESTING_MAX] = '[';
    deep[NESTING_MAX + 1] = 0;
    strcpy(want + NESTING_MAX, "bad");
    assert_string_equal(read_text(deep), want);
}

static void bad_stays_bad(void **state)
{
    struct json j = {0};
    struct bytes in = BYTES_LIT("x{}"), text;

    (void)state;
    assert_int_equal(json_next(&j, &in, &text), JSON_BAD);
    assert_int_equal(json_next(&j, &in, &text), JSON_BAD);
    in.len = 0;
    assert_int_equal(json_next(&j, &in, &text), JSON_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens),
        cmocka_unit_test(what_is_no_json),
        cmocka_unit_test(a_nul_in_a_string_is_told),
        cmocka_unit_test(depth_has_a_bound),
        cmocka_unit_test(bad_stays_bad),
    };

    return RUN(tests);
}
