#include "stacyvm/exec.h"

#include "test.h"

/* The pieces as the inside of a JSON string, "|" after each and at the end. */
static const char *written(const struct bytes *pieces, size_t count)
{
    static char out[256];
    struct exec_text t = {0};
    struct chain c = {0};
    struct writer w;

    writer_init(&w, &c, NULL, sizeof out - 1);
    for (size_t i = 0; i < count; i++) {
        exec_text_put(&t, &w, pieces[i]);
        writer_char(&w, '|');
    }
    exec_text_end(&t, &w);
    assert_int_equal(writer_done(&w), 0);
    chain_peek(&c, out, c.bytes);
    out[c.bytes] = 0;
    chain_clear(&c);
    return out;
}

#define WRITTEN(...)                                                                                         \
    written((const struct bytes[]){__VA_ARGS__}, ARRAY_LEN(((const struct bytes[]){__VA_ARGS__})))

static void characters_are_not_split(void **state)
{
    (void)state;
    assert_string_equal(WRITTEN(BYTES_LIT("a\303"), BYTES_LIT("\244b")), "a|\303\244b|");
    assert_string_equal(WRITTEN(BYTES_LIT("\360"), BYTES_LIT("\237"), BYTES_LIT("\230"), BYTES_LIT("\200")),
                        "|||\360\237\230\200|");
    assert_string_equal(WRITTEN(BYTES_LIT("x\342\202"), BYTES_LIT("")), "x||\357\277\275\357\277\275");
    assert_string_equal(WRITTEN(BYTES_LIT("\342\202"), BYTES_LIT("y")), "|\357\277\275\357\277\275y|");
    assert_string_equal(WRITTEN(BYTES_LIT("\303"), BYTES_LIT("\303"), BYTES_LIT("\244")),
                        "|\357\277\275|\303\244|");
    assert_string_equal(WRITTEN(BYTES_LIT("\"\n"), BYTES_LIT("\377")), "\\\"\\n|\357\277\275|");
}

/* However a text is cut, what is written is the same. */
static void cuts_do_not_matter(void **state)
{
    static const char text[] =
        "a\303\244\342\202\254\360\237\230\200\377\360\237\230x\355\240\200\302\"\\\1z\340";
    struct bytes whole = {text, sizeof text - 1};
    char want[256];

    (void)state;
    strcpy(want, written(&whole, 1));
    for (size_t i = 0; i <= whole.len; i++) {
        for (size_t k = i; k <= whole.len; k++) {
            const struct bytes pieces[] = {{text, i}, {text + i, k - i}, {text + k, whole.len - k}};
            const char *got = written(pieces, 3);
            char plain[256], expected[256];
            size_t n = 0, m = 0;

            for (const char *c = got; *c; c++)
                if (*c != '|')
                    plain[n++] = *c;
            for (const char *c = want; *c; c++)
                if (*c != '|')
                    expected[m++] = *c;
            plain[n] = expected[m] = 0;
            assert_string_equal(plain, expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_not_split),
        cmocka_unit_test(cuts_do_not_matter),
    };

    return RUN(tests);
}
