#include "core/writer.h"

#include "core/base64.h"
#include "test.h"

static char *text_of(struct chain *c)
{
    char *s = malloc(c->bytes + 1);

    chain_peek(c, s, c->bytes);
    s[c->bytes] = 0;
    return s;
}

static void json_strings(void **state)
{
    static const struct {
        struct bytes in;
        const char *out;
    } cases[] = {
        {{"", 0}, "\"\""},
        {{"plain", 5}, "\"plain\""},
        {{"q\"b\\s/", 6}, "\"q\\\"b\\\\s/\""},
        {{"\n\r\t\x01\x1f\x7f", 6}, "\"\\n\\r\\t\\u0001\\u001f\x7f\""},
        {{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9}, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {{"a\xff\xc3", 3}, "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
        {{"a\0b", 3}, "\"a\\u0000b\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct chain c = {0};
        struct writer w;
        char *got;

        writer_init(&w, &c, NULL, SIZE_MAX);
        writer_json_string(&w, cases[i].in);
        assert_int_equal(writer_done(&w), 0);
        got = text_of(&c);
        assert_string_equal(got, cases[i].out);
        free(got);
        chain_clear(&c);
    }
}

/* Each ASCII character at each place of a long text is written as it is alone: eight at a step are no different. */
static void json_characters_anywhere(void **state)
{
    enum { N = 19 };

    (void)state;
    for (int ch = 0; ch < 128; ch++) {
        for (size_t at = 0; at < N; at++) {
            struct chain whole = {0}, pieces = {0};
            char text[N + 1] = "abcdefghijklmnopqrs", *got, *want;
            struct writer w;

            text[at] = (char)ch;
            writer_init(&w, &whole, NULL, SIZE_MAX);
            writer_json_text(&w, (struct bytes){text, N});
            assert_int_equal(writer_done(&w), 0);
            writer_init(&w, &pieces, NULL, SIZE_MAX);
            for (size_t i = 0; i < N; i++)
                writer_json_text(&w, (struct bytes){text + i, 1});
            assert_int_equal(writer_done(&w), 0);
            got = text_of(&whole);
            want = text_of(&pieces);
            assert_string_equal(got, want);
            free(got);
            free(want);
            chain_clear(&whole);
            chain_clear(&pieces);
        }
    }
}

/* base64 of a chain cut in every way equals base64 of the whole, over segment boundaries too. */
static void base64_of_pieces(void **state)
{
    enum { N = 20000 };
    struct seg_pool p;
    static uint8_t data[N];
    static char want[BASE64_LEN(N) + 1];

    (void)state;
    assert_int_equal(seg_pool_init(&p, 64 * SEG_SIZE), 0);
    for (int i = 0; i < N; i++)
        data[i] = (uint8_t)(i * 31 + (i >> 8));
    for (size_t piece = 1; piece < 9000; piece = piece * 3 + 1) {
        struct chain in = {0}, out = {0};
        struct writer w;
        char *got;

        for (size_t at = 0; at < N; at += piece) {
            size_t n = MIN(piece, N - at);
            struct seg *s = seg_heap(n);

            memcpy(s->data, data + at, n);
            s->used = s->cap;
            assert_int_equal(chain_give(&in, s, s->data, n), 0);
        }
        base64_encode(data, N, want);
        writer_init(&w, &out, &p, SIZE_MAX);
        writer_str(&w, "x"); /* so that groups of four cross the segments' ends */
        writer_base64(&w, &in);
        assert_int_equal(writer_done(&w), 0);
        got = text_of(&out);
        assert_string_equal(got + 1, want);
        free(got);
        chain_clear(&in);
        chain_clear(&out);
    }
    assert_int_equal(p.in_use, 0);
    seg_pool_destroy(&p);
}

static void numbers(void **state)
{
    struct chain c = {0};
    struct writer w;
    char *got;

    (void)state;
    writer_init(&w, &c, NULL, SIZE_MAX);
    writer_unsigned(&w, 0);
    writer_char(&w, ' ');
    writer_unsigned(&w, UINT64_MAX);
    writer_char(&w, ' ');
    writer_integer(&w, -10);
    writer_char(&w, ' ');
    writer_integer(&w, INT64_MIN);
    writer_char(&w, ' ');
    writer_integer(&w, INT64_MAX);
    assert_int_equal(writer_done(&w), 0);
    got = text_of(&c);
    assert_string_equal(got, "0 18446744073709551615 -10 -9223372036854775808 9223372036854775807");
    free(got);
    chain_clear(&c);
}

static void limits(void **state)
{
    struct seg_pool p;
    struct chain c = {0};
    struct writer w;
    char big[5000];

    (void)state;
    memset(big, 'a', sizeof big);
    writer_init(&w, &c, NULL, 100);
    writer_str(&w, ""); /* there is no place yet, and none is needed */
    assert_int_equal(c.bytes, 0);
    writer_put(&w, big, 90);
    writer_put(&w, big, 11);
    assert_int_equal(writer_done(&w), -1);
    assert_true(w.too_long);
    assert_true(c.bytes <= 100);
    chain_clear(&c);

    assert_int_equal(seg_pool_init(&p, SEG_SIZE), 0); /* the pool runs out */
    writer_init(&w, &c, &p, SIZE_MAX);
    for (int i = 0; i < 4; i++)
        writer_put(&w, big, sizeof big);
    assert_int_equal(writer_done(&w), -1);
    assert_false(w.too_long);
    chain_clear(&c);
    assert_int_equal(p.in_use, 0);
    seg_pool_destroy(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_strings),     cmocka_unit_test(json_characters_anywhere),
        cmocka_unit_test(base64_of_pieces), cmocka_unit_test(numbers),
        cmocka_unit_test(limits),
    };

    return RUN(tests);
}
