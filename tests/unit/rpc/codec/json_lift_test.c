/* Long strings on their way past the parser: which are lifted, and that nobody can tell by the message or by the error. */
#include "test.h"

#include <stdio.h>

#include "core/limits.h"
#include "rpc/codec/json.h"
#include "rpc/codec/json_lift.c"
#include "unit.pb-c.h"

#define ALL  (&unit__all__descriptor)
#define LONG "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0" /* 32 digits of base64 */
#define FROM 32

static int setup(void **state)
{
    (void)state;
    json_init();
    return 0;
}

/* --- what is lifted -------------------------------------------------------------------------- */

/* Asserts what is left of the text; "*" in `want` stands for the mark. */
static void leaves(const char *text, const char *want, size_t count)
{
    char expected[512], *to = expected;
    struct json_lift l;

    for (; *want; want++) {
        if (*want == '*')
            to = stpcpy(to, "\\u0000");
        else
            *to++ = *want;
    }
    *to = 0;
    json_lift(&l, bytes_of(text), FROM);
    assert_int_equal(l.count, count);
    assert_int_equal(l.text.len, strlen(expected));
    assert_memory_equal(l.text.ptr, expected, l.text.len);
    json_lift_clear(&l);
}

#define STAYS(text) leaves(text, text, 0)

static void long_plain_strings_are_lifted(void **state)
{
    (void)state;
    leaves("{\"a\":\"" LONG "\"}", "{\"a\":\"*0\"}", 1);
    leaves("[\"" LONG "\", \"short\",\"" LONG LONG "\"]", "[\"*0\", \"short\",\"*1\"]", 2);
    leaves("\"\\n" LONG "\"\"" LONG "~ }{][,:\"", "\"\\n" LONG "\"\"*0\"",
           1); /* brackets in a string are plain */
    leaves("\"\\\\\"\"" LONG "\\\"\"\"\\\"\"\"" LONG "\"", "\"\\\\\"\"" LONG "\\\"\"\"\\\"\"\"*0\"", 1);
}

static void others_stay(void **state)
{
    (void)state;
    STAYS("");
    STAYS("{}");
    STAYS("\"MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM\""); /* one too short */
    STAYS("\"" LONG "\\n\"");
    STAYS("\"" LONG "\t\"");
    STAYS("\"\xc3\xa4" LONG "\"");
    STAYS("\"" LONG "\xff\"");
    STAYS(LONG);
}

/* A string that is none, or that writes a NUL as what stands for the others does: then all of them stay. */
static void all_stay_where_one_could_be_mistaken(void **state)
{
    (void)state;
    STAYS("[\"" LONG "\",\"\\u00000\"]");
    STAYS("[\"\\u00000\",\"" LONG "\"]");
    STAYS("[\"" LONG "\",\"a\\u0000\"]");
    STAYS("[\"" LONG "\",\"" LONG);
    STAYS("[\"" LONG "\",\"\\");
    STAYS("[\"" LONG "\",\"\\\"");
    leaves("[\"" LONG "\",\"\\\\u00000\"]", "[\"*0\",\"\\\\u00000\"]", 1); /* a backslash, and u00000 */
    leaves("[\"" LONG "\",\"\\u0001\"]", "[\"*0\",\"\\u0001\"]", 1);
}

static void every_length_and_every_byte(void **state)
{
    char text[96];

    (void)state;
    for (size_t n = 0; n < 64; n++) {
        for (size_t at = 0; at < n; at++) {
            for (unsigned c = 1; c < 256; c++) {
                struct json_lift l;
                bool plain = c >= ' ' && c < 0x80 && c != '"' && c != '\\';

                if (c == '"' || c == '\\') /* the string would end elsewhere */
                    continue;
                memset(text, 'x', n + 2);
                text[0] = text[n + 1] = '"';
                text[1 + at] = (char)c;
                json_lift(&l, (struct bytes){text, n + 2}, FROM);
                assert_int_equal(l.count, plain && n >= FROM);
                if (l.count > 0)
                    assert_true(l.values[0].ptr == text + 1 && l.values[0].len == n);
                json_lift_clear(&l);
            }
        }
    }
}

/* More of them than have one digit. */
static void each_has_its_number(void **state)
{
    static char text[1200 * 40] = "[";
    struct json_lift l;
    json_t *j;
    size_t n = 1;

    (void)state;
    for (int i = 0; i < 1200; i++)
        n += (size_t)sprintf(text + n, "%s\"" LONG "%04d\"", i ? "," : "", i);
    text[n++] = ']';
    json_lift(&l, (struct bytes){text, n}, FROM);
    assert_int_equal(l.count, 1200);
    json_set_alloc_funcs(malloc, free); /* outside a decode there is no budget */
    j = json_loadb(l.text.ptr, l.text.len, JSON_ALLOW_NUL, NULL);
    assert_int_equal(json_array_size(j), 1200);
    for (int i = 0; i < 1200; i++) {
        struct bytes s = json_lift_string(&l, json_array_get(j, (size_t)i));

        assert_true(json_lifted(&l, json_array_get(j, (size_t)i)));
        assert_int_equal(s.len, 36);
        assert_int_equal(atoi(s.ptr + 32), i);
    }
    json_decref(j);
    json_lift_clear(&l);
}

/* --- that nobody can tell -------------------------------------------------------------------- */

/* LONG stands for ~. */
static const char *const texts[] = {
    "{\"fBytes\":\"~\"}",
    "{\"fString\":\"~\"}",
    "{\"rBytes\":[\"~~\",\"QQ==\",\"~\"],\"rString\":[\"~\",\"\",\"~~~\"]}",
    "{\"mString\":{\"a\":\"~\",\"b\":\"~~\"},\"mUint64\":{\"7\":\"~\"}}",
    "{\"mString\":{\"~\":\"~\"}}",
    "{\"~\":\"~\",\"fInt32\":1}",
    "{\"unknown\":[\"~\",{\"a\":\"~\"}],\"fInt32\":1}",
    "{\"cBytes\":\"~\"}",
    "{\"fString\":\"~\\\\u00000\",\"fBytes\":\"~\"}",
    "{\"fInt32\":\"00000000000000000000000000000000000000000000000012\"}",
    "{\"fInt64\":\"-0000000000000000000000000000000000000000000000000000000012\"}",
    "{\"fDouble\":\"00000000000000000000000000000000000000000000000001.5\"}",
    "{\"rInt32\":[\"00000000000000000000000000000000000000000000000012\"]}",
    "{\"mBool\":{\"true\":\"00000000000000000000000000000000000000000000000012\"}}",
    /* and what is refused */
    "{\"fBytes\":\"~*\"}",
    "{\"fBytes\":\"~A\"}",
    "{\"fBytes\":[\"~\"]}",
    "{\"fInt32\":\"~\"}",
    "{\"fUint64\":\"~\"}",
    "{\"fFloat\":\"~\"}",
    "{\"fBool\":\"~\"}",
    "{\"fEnum\":\"~\"}",
    "{\"time\":\"~\"}",
    "{\"child\":\"~\"}",
    "{\"child\":{\"child\":{\"fInt32\":\"~\"}}}",
    "{\"rInt32\":\"~\"}",
    "{\"rEnum\":[\"~\"]}",
    "{\"mString\":\"~\"}",
    "{\"mInt32\":{\"~\":{}}}",
    "{\"mInt32\":{\"1\":\"~\"}}",
    "{\"cString\":\"~\",\"cBytes\":\"~\"}",
    "{\"fBytes\":\"~\",\"fBytes\":\"~\"}",
    "{\"~\":1,\"~\":2}",
    "{\"~\":1,\n\"fBytes\":\"~\",\"~\":2}",
    "{\"fBytes\":\"~\",\n \"fInt32\":}",
    "{\"fBytes\":\"~\" \"~\"}",
    "{\"fBytes\":\"~\"}\"~\"",
    "{\"fBytes\":\"~",
    "[\"~\"]",
    "\"~\"",
    "{\"fString\":\"\\u00000\",\"fBytes\":\"~\"}",
    "{\"fBytes\":\"~\",\"fString\":\"\\u00000\"}",
    "{\"\\u00000\":\"~\"}",
    "{\"fString\":\"~\\u0000\"}",
    "{\"fString\":\"~\xff\"}",
    "{\"fString\":\"~\t\"}",
};

/* The message in the binary form, or the error. */
static size_t outcome(struct bytes in, size_t from, char *out, size_t size)
{
    struct arena a = {.max = MIB};
    struct chain c = {0};
    struct err e = {0};
    size_t n;
    const ProtobufCMessage *m = json_decode(ALL, in, from, &a, &e);

    if (m) {
        assert_int_equal(codec_encode(CODEC_PROTO, m, NULL, NULL, &c, &e), 0);
        n = c.bytes;
        assert_in_range(n, 0, size);
        chain_peek(&c, out, n);
        chain_clear(&c);
    } else {
        n = (size_t)snprintf(out, size, "%d: %s", (int)e.status, e.text);
    }
    arena_clear(&a);
    return n;
}

static void the_outcome_is_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char text[1024], with[1024], without[1024];
        size_t n = 0, x, y;

        for (const char *p = texts[i]; *p; p++)
            n += (size_t)(*p == '~' ? sprintf(text + n, LONG) : sprintf(text + n, "%c", *p));
        x = outcome((struct bytes){text, n}, FROM, with, sizeof with);
        y = outcome((struct bytes){text, n}, SIZE_MAX, without, sizeof without);
        if (x != y || memcmp(with, without, x) != 0)
            fail_msg("%s: %.*s, and without lifting %.*s", text, (int)x, with, (int)y, without);
    }
}

/* What the lifting is for: jansson's memory does not grow with a long value. */
static void the_parser_does_not_see_it(void **state)
{
    static const char head[] = "{\"fBytes\":\"", tail[] = "\"}";
    enum { N = 1000000, ALL_OF_IT = sizeof head - 1 + N + sizeof tail - 1 };
    static char text[ALL_OF_IT + 1];
    struct bytes in = {text, ALL_OF_IT};
    struct arena a = {.max = 900 * KIB};
    struct err e;
    Unit__All *m;

    (void)state;
    memset(text, 'A', ALL_OF_IT);
    memcpy(text, head, sizeof head - 1);
    memcpy(text + ALL_OF_IT - (sizeof tail - 1), tail, sizeof tail);
    assert_null(json_decode(ALL, in, SIZE_MAX, &a, &e));
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    m = (Unit__All *)json_decode(ALL, in, KIB, &a, &e);
    assert_non_null(m);
    assert_int_equal(m->f_bytes.len, N / 4 * 3);
    arena_clear(&a);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(long_plain_strings_are_lifted), T(others_stay),         T(all_stay_where_one_could_be_mistaken),
        T(every_length_and_every_byte),   T(each_has_its_number), T(the_outcome_is_the_same),
        T(the_parser_does_not_see_it),
    };

    return RUN(tests);
}
