#include "core/base64.h"

#include "test.h"

/* The vectors of RFC 4648 section 10. */
static const char *const vectors[][2] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static ptrdiff_t decode(const char *s, char *out)
{
    ptrdiff_t n = base64_decode(bytes_of(s), (uint8_t *)out);

    if (n >= 0)
        out[n] = 0;
    return n;
}

static void known(void **state)
{
    char out[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        size_t n = strlen(vectors[i][0]);

        memset(out, 0, sizeof out);
        base64_encode((const uint8_t *)vectors[i][0], n, out);
        assert_string_equal(out, vectors[i][1]);
        assert_int_equal(decode(vectors[i][1], out), n);
        assert_string_equal(out, vectors[i][0]);
    }
    assert_int_equal(decode("Zg", out), 1); /* no padding */
    assert_int_equal(decode("Zm8", out), 2);
    assert_int_equal(decode("-_-_", out), 3); /* URL-safe */
    assert_memory_equal(out, "\xfb\xff\xbf", 3);
}

static void refused(void **state)
{
    static const char *const bad[] = {
        "Z", "Zg=", "Zg==Zg==", "Zm9v=", "====", "Zm 9v", "Zm9\n", "Z===", "Zm9v\x80===", "="};
    char out[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(decode(bad[i], out), -1);
}

static void round_trip(void **state)
{
    uint8_t in[600], back[602];
    char text[804];

    (void)state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 167 + 13);
    for (size_t n = 0; n <= sizeof in; n++) {
        base64_encode(in, n, text);
        assert_int_equal(base64_decode((struct bytes){text, BASE64_LEN(n)}, back), n);
        assert_memory_equal(in, back, n);
    }
}

/* Digit by digit, as the RFC says it. */
static ptrdiff_t slowly(const uint8_t *s, size_t n, uint8_t *out)
{
    static const char *const alphabets[] = {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};
    unsigned bits = 0, have = 0;
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        const char *at = s[i] ? strchr(alphabets[0], s[i]) : NULL;

        if (!at && s[i] && strchr(alphabets[1], s[i]))
            at = strchr(alphabets[1], s[i]) - alphabets[1] + alphabets[0];
        if (!at)
            return -1;
        bits = bits << 6 | (unsigned)(at - alphabets[0]);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[len++] = (uint8_t)(bits >> have);
        }
    }
    return (ptrdiff_t)len;
}

static void every_byte_in_every_place(void **state)
{
    (void)state;
    for (size_t n = 2; n <= 11; n++) {
        if (n % 4 == 1)
            continue;
        for (size_t at = 0; at < n; at++) {
            for (unsigned c = 0; c < 256; c++) {
                uint8_t text[11], want[16];
                uint8_t *got = malloc(n / 4 * 3 + 2); /* no more room than the header asks for */
                ptrdiff_t len;

                memcpy(text, "Zm9vYmFyMTI", n);
                text[at] = (uint8_t)c;
                if (n % 4 == 0 && at == n - 1 && c == '=') { /* that is padding */
                    free(got);
                    continue;
                }
                len = slowly(text, n, want);
                assert_int_equal(base64_decode((struct bytes){(char *)text, n}, got), len);
                if (len > 0)
                    assert_memory_equal(got, want, len);
                free(got);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(refused),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(every_byte_in_every_place),
    };

    return RUN(tests);
}
