/* Both codecs against vectors made with other implementations (Python's protobuf and its json_format), and
 * against what hostile clients send. */
#include "rpc/codec/codec.h"

#include <math.h>
#include <stdio.h>

#include "core/limits.h"
#include "test.h"
#include "unit.pb-c.h"

static struct arena arena;
static struct err e;
static struct seg_pool pool;

static Unit__All *decode(enum codec codec, struct bytes in)
{
    arena_clear(&arena);
    return (Unit__All *)codec_decode(codec, &unit__all__descriptor, in, &arena, &e);
}

static Unit__All *from_json(const char *text)
{
    return decode(CODEC_JSON, bytes_of(text));
}

/* The encoded message, NUL-terminated; valid until the next call. */
static char *encode(enum codec codec, const Unit__All *m, const struct chain *bulk, size_t *len)
{
    static char *text;
    struct chain out = {0};

    assert_int_equal(codec_encode(codec, &m->base, bulk, &pool, &out, &e), 0);
    free(text);
    text = malloc(out.bytes + 1);
    chain_peek(&out, text, out.bytes);
    text[out.bytes] = 0;
    *len = out.bytes;
    chain_clear(&out);
    return text;
}

static const char *to_json(const Unit__All *m)
{
    size_t len;

    return encode(CODEC_JSON, m, NULL, &len);
}

/* --- JSON ------------------------------------------------------------------------------------ */

/* What goes in, in any of the accepted forms, and what comes out: protobuf's canonical form. */
static const char *const round_trips[][2] = {
    {"{}", "{}"},
    {"{\"fDouble\":1.5}", "{\"fDouble\":1.5}"},
    {"{\"f_double\":\"1e3\"}", "{\"fDouble\":1000}"},
    {"{\"fDouble\":\"NaN\",\"fFloat\":\"-Infinity\"}", "{\"fDouble\":\"NaN\",\"fFloat\":\"-Infinity\"}"},
    {"{\"fDouble\":0.1,\"fFloat\":0.1}", "{\"fDouble\":0.1,\"fFloat\":0.1}"},
    {"{\"fDouble\":1.7976931348623157e308}", "{\"fDouble\":1.7976931348623157e+308}"},
    {"{\"fDouble\":100000000000000000000,\"fInt32\":5}", "{\"fDouble\":1e+20,\"fInt32\":5}"},
    {"{\"fInt32\":-2147483648,\"fUint32\":4294967295}", "{\"fInt32\":-2147483648,\"fUint32\":4294967295}"},
    {"{\"fInt32\":\"12\",\"fUint32\":1e3}", "{\"fInt32\":12,\"fUint32\":1000}"},
    {"{\"fInt32\":5.0,\"fSint32\":\"-1e2\"}", "{\"fInt32\":5,\"fSint32\":-100}"},
    {"{\"fInt64\":\"-9223372036854775808\",\"fUint64\":\"18446744073709551615\"}",
     "{\"fInt64\":\"-9223372036854775808\",\"fUint64\":\"18446744073709551615\"}"},
    {"{\"fInt64\":12,\"fSint64\":-3,\"fFixed64\":4,\"fSfixed64\":-5}",
     "{\"fInt64\":\"12\",\"fSint64\":\"-3\",\"fFixed64\":\"4\",\"fSfixed64\":\"-5\"}"},
    {"{\"fFixed32\":7,\"fSfixed32\":-7}", "{\"fFixed32\":7,\"fSfixed32\":-7}"},
    {"{\"fBool\":true}", "{\"fBool\":true}"},
    {"{\"fBool\":false,\"fInt32\":0,\"fString\":\"\",\"fBytes\":\"\",\"rInt32\":[],\"mString\":{}}", "{}"},
    {"{\"fString\":\"a\\u00e4\\ud83d\\ude00\\n\\\"\"}", "{\"fString\":\"a\xc3\xa4\xf0\x9f\x98\x80\\n\\\"\"}"},
    {"{\"fBytes\":\"AAEC/w==\"}", "{\"fBytes\":\"AAEC/w==\"}"},
    {"{\"fBytes\":\"AAEC_w\"}", "{\"fBytes\":\"AAEC/w==\"}"},
    {"{\"fEnum\":\"COLOR_RED\"}", "{\"fEnum\":\"COLOR_RED\"}"},
    {"{\"fEnum\":-2}", "{\"fEnum\":\"COLOR_BLUE\"}"},
    {"{\"fEnum\":77}", "{\"fEnum\":77}"},
    {"{\"child\":{\"child\":{}}}", "{\"child\":{\"child\":{}}}"},
    {"{\"child\":null,\"oString\":null,\"rInt32\":null,\"cString\":null}", "{}"},
    {"{\"rInt32\":[1,\"2\",3.0],\"rString\":[\"\",\"x\"],\"rEnum\":[0,\"COLOR_RED\"]}",
     "{\"rInt32\":[1,2,3],\"rString\":[\"\",\"x\"],\"rEnum\":[\"COLOR_UNSPECIFIED\",\"COLOR_RED\"]}"},
    {"{\"rAll\":[{},{\"fInt32\":1}],\"rBytes\":[\"\",\"QQ==\"],\"rDouble\":[0,1.5]}",
     "{\"rAll\":[{},{\"fInt32\":1}],\"rBytes\":[\"\",\"QQ==\"],\"rDouble\":[0,1.5]}"},
    {"{\"mString\":{\"a\":\"\",\"\":\"b\"}}", "{\"mString\":{\"a\":\"\",\"\":\"b\"}}"},
    {"{\"mInt32\":{\"-5\":{\"fBool\":true}},\"mBool\":{\"true\":\"9\"},\"mUint64\":{\"18446744073709551615\":"
     "\"QQ\"}}",
     "{\"mInt32\":{\"-5\":{\"fBool\":true}},\"mBool\":{\"true\":\"9\"},\"mUint64\":{\"18446744073709551615\":"
     "\"QQ==\"}}"},
    {"{\"oString\":\"\",\"oInt32\":0,\"oBool\":false,\"oAll\":{}}",
     "{\"oString\":\"\",\"oInt32\":0,\"oBool\":false,\"oAll\":{}}"},
    {"{\"cUint32\":0}", "{\"cUint32\":0}"},
    {"{\"cString\":null,\"cAll\":{}}", "{\"cAll\":{}}"},
    {"{\"time\":\"2024-02-29T12:00:00.5+01:00\"}", "{\"time\":\"2024-02-29T11:00:00.500Z\"}"},
    {"{\"unknown\":{\"deep\":[1,{}]},\"fInt32\":1}", "{\"fInt32\":1}"},
    {" \t\n{ \"fInt32\" : 1 } ", "{\"fInt32\":1}"},
};

static void json_round_trips(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(round_trips); i++) {
        Unit__All *m = from_json(round_trips[i][0]);

        if (!m)
            fail_msg("%s: %s", round_trips[i][0], e.text);
        assert_string_equal(to_json(m), round_trips[i][1]);
    }
}

static void json_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "null",
        "[]",
        "1",
        "\"x\"",
        "{",
        "{\"fInt32\":}",
        "{\"fInt32\":1}}",
        "{'fInt32':1}",
        "{\"fInt32\":1,\"fInt32\":2}",
        "{\"fInt32\":1.5}",
        "{\"fInt32\":2147483648}",
        "{\"fInt32\":\"\"}",
        "{\"fInt32\":\"1 \"}",
        "{\"fInt32\":\"0x1\"}",
        "{\"fInt32\":true}",
        "{\"fUint32\":-1}",
        "{\"fUint32\":4294967296}",
        "{\"fInt64\":\"9223372036854775808\"}",
        "{\"fUint64\":\"-1\"}",
        "{\"fUint64\":18446744073709551616}",
        "{\"fUint64\":\"18446744073709551616\"}",
        "{\"fBool\":\"true\"}",
        "{\"fBool\":1}",
        "{\"fString\":1}",
        "{\"fString\":\"\xff\"}",
        "{\"fString\":\"\\ud800\"}",
        "{\"fString\":\"a\\u0000b\"}",
        "{\"fBytes\":\"*\"}",
        "{\"fBytes\":\"A\"}",
        "{\"fBytes\":1}",
        "{\"fEnum\":\"COLOR_PUCE\"}",
        "{\"fEnum\":true}",
        "{\"child\":1}",
        "{\"child\":[]}",
        "{\"rInt32\":1}",
        "{\"rInt32\":[null]}",
        "{\"rInt32\":[[1]]}",
        "{\"mString\":[]}",
        "{\"mString\":{\"a\":null}}",
        "{\"mString\":{\"a\":1}}",
        "{\"mInt32\":{\"x\":{}}}",
        "{\"mBool\":{\"1\":1}}",
        "{\"cString\":\"\",\"cUint32\":1}",
        "{\"time\":\"yesterday\"}",
        "{\"time\":5}",
        "{\"fDouble\":\"inf\"}",
        "{\"fDouble\":\"1x\"}",
        "{\"fFloat\":1e39}",
        "{\"fDouble\":1e999}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (from_json(bad[i]))
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
        assert_true(strlen(e.text) > 10);
    }
}

/* The error names the field, and never quotes a value. */
static void json_errors_tell_no_secrets(void **state)
{
    (void)state;
    assert_null(from_json("{\"child\":{\"fInt32\":\"hunter2\"}}"));
    assert_string_equal(e.text, "unmarshal unit.All: field 'f_int32': not a 32-bit integer");
    assert_null(from_json("{\"fString\":\"hunter2\" hunter3}"));
    assert_null(strstr(e.text, "hunter"));
}

static void nesting_is_bounded(void **state)
{
    char text[5 * 300 + 16];
    uint8_t wire[1000];
    size_t at = sizeof wire;

    (void)state;
    for (int depth = NESTING_MAX - 1; depth <= NESTING_MAX + 200; depth++) {
        size_t n = 0;

        if (depth > NESTING_MAX && depth < NESTING_MAX + 195)
            continue;
        for (int i = 0; i < depth && n < sizeof text - 310; i++)
            n += (size_t)sprintf(text + n, "%s", i % 2 ? "[" : "{");
        if (depth <= NESTING_MAX) {
            assert_null(from_json(text)); /* not closed: malformed, not too deep */
            assert_non_null(strstr(e.text, "malformed"));
        } else {
            assert_null(from_json(text));
            assert_non_null(strstr(e.text, "deeper"));
        }
    }
    for (int depth = 0; depth < NESTING_MAX + 1; depth++) { /* child { child { ... */
        size_t len = sizeof wire - at;

        if (len >= 128) {
            wire[--at] = (uint8_t)(len >> 7);
            wire[--at] = (uint8_t)(len & 0x7f) | 0x80;
        } else {
            wire[--at] = (uint8_t)len;
        }
        wire[--at] = 1;
        wire[--at] = 17 << 3 & 0x7f; /* field 17, length-delimited: two bytes of key */
        wire[at] = 0x8a;
        if (depth == NESTING_MAX - 1)
            assert_non_null(decode(CODEC_PROTO, (struct bytes){(char *)wire + at, sizeof wire - at}));
    }
    assert_null(decode(CODEC_PROTO, (struct bytes){(char *)wire + at, sizeof wire - at}));
    assert_non_null(strstr(e.text, "deeper"));
}

/* --- the binary form ------------------------------------------------------------------------- */

static void proto_known(void **state)
{
    /* Made with Python: All(f_sint32=-3, f_string="hi", f_bytes=b"\0\xff", o_int32=0, m_string={"k": "v"},
     * r_int32=[1, 300], c_uint32=5, time=Timestamp(seconds=1, nanos=2)).SerializeToString() */
    static const uint8_t wire[] = {0x38, 0x05, 0x72, 0x02, 'h',  'i',  0x7a, 0x02, 0x00, 0xff,
                                   0x92, 0x01, 0x03, 0x01, 0xac, 0x02, 0xc2, 0x01, 0x06, 0x0a,
                                   0x01, 'k',  0x12, 0x01, 'v',  0xe8, 0x01, 0x00, 0x88, 0x02,
                                   0x05, 0xa2, 0x02, 0x04, 0x08, 0x01, 0x10, 0x02};
    Unit__All *m = decode(CODEC_PROTO, (struct bytes){(const char *)wire, sizeof wire});
    size_t len;
    char *back;

    (void)state;
    assert_non_null(m);
    assert_int_equal(m->f_sint32, -3);
    assert_string_equal(m->f_string, "hi");
    assert_int_equal(m->f_bytes.len, 2);
    assert_int_equal(m->_o_int32_case, UNIT__ALL___O_INT32_O_INT32);
    assert_int_equal(m->o_int32, 0);
    assert_int_equal(m->_o_string_case, 0);
    assert_int_equal(m->n_m_string, 1);
    assert_string_equal(m->m_string[0]->value, "v");
    assert_int_equal(m->r_int32[1], 300);
    assert_int_equal(m->choice_case, UNIT__ALL__CHOICE_C_UINT32);
    assert_int_equal(m->time->nanos, 2);
    back = encode(CODEC_PROTO, m, NULL, &len);
    assert_int_equal(len, sizeof wire);
    assert_memory_equal(back, wire, len);
    assert_non_null(decode(CODEC_PROTO, (struct bytes){NULL, 0}));
}

static void proto_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"\x72\x05hi", 4}, /* longer than there is */
        {"\x72\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
        {"\x72", 1},                                              /* no length */
        {"\x18", 1},                                              /* no value */
        {"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* a varint of 11 bytes */
        {"\x09\x01\x02", 3},                                      /* half a double */
        {"\x00\x01", 2},                                          /* field 0 */
        {"\x1b\x1c", 2},                                          /* a group */
        {"\x1f", 1},                                              /* wire type 7 */
        {"\x72\x01\xff", 3},                                      /* not UTF-8 */
        {"\x72\x03"
         "a\0b",
         5},                             /* a NUL */
        {"\xc2\x01\x03\x0a\x01\xff", 6}, /* not UTF-8, a map's key */
        {"\x8a\x01\x01\x08", 4},         /* a broken child */
        {"\x92\x01\x02\x80\x80", 5},     /* a packed list that ends inside a number */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (decode(CODEC_PROTO, (struct bytes){bad[i].bytes, bad[i].len}))
            fail_msg("accepted: case %zu", i);
        assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    }
    /* Unknown fields of every kind are skipped. */
    assert_non_null(decode(CODEC_PROTO, (struct bytes){"\xc8\x3e\x01\xc2\x3e\x02\xff\xff\xcd\x3e"
                                                       "aaaa\xc9\x3e"
                                                       "aaaaaaaa",
                                                       24}));
}

/* A few megabytes that would decode to gigabytes. */
static void memory_is_bounded(void **state)
{
    size_t n = 4 << 20;
    char *big = malloc(n);

    (void)state;
    for (size_t i = 0; i + 3 <= n; i += 3)
        memcpy(big + i, "\xa2\x01\x00", 3); /* an empty message each, 300 bytes in memory */
    assert_null(decode(CODEC_PROTO, (struct bytes){big, n / 3 * 3}));
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    memset(big, ' ', n);
    memcpy(big, "{\"rAll\":[", 9);
    for (size_t i = 9; i + 3 <= n - 3; i += 3)
        memcpy(big + i, "{},", 3);
    assert_null(decode(CODEC_JSON, (struct bytes){big, n}));
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    free(big);
}

/* --- bulk ------------------------------------------------------------------------------------ */

/* A bytes field that stays where it is: by reference in one codec, as base64 in the other. */
static void bulk_is_not_copied(void **state)
{
    Unit__All m = UNIT__ALL__INIT, child = UNIT__ALL__INIT, *back;
    struct seg *a = seg_heap(10000), *b = seg_heap(10001);
    struct chain bulk = {0}, out = {0};
    size_t len;
    bool seen = false;

    (void)state;
    memset(a->data, 'a', a->cap);
    memset(b->data, 'b', b->cap);
    assert_int_equal(chain_ref(&bulk, a, a->data, a->cap), 0);
    assert_int_equal(chain_ref(&bulk, b, b->data, b->cap), 0);
    m.child = &child;
    m.f_int32 = 5;
    m.time = NULL;
    child.f_string = (char *)(uintptr_t) "after";
    child.choice_case = UNIT__ALL__CHOICE_C_BYTES;
    child.c_bytes = (ProtobufCBinaryData){bulk.bytes, CODEC_BULK};

    assert_int_equal(codec_encode(CODEC_PROTO, &m.base, &bulk, &pool, &out, &e), 0);
    CHAIN_FOREACH (it, &out)
        seen |= it->data == a->data;
    assert_true(seen);
    assert_int_equal(a->refs, 3);
    chain_clear(&out);
    assert_int_equal(bulk.bytes, 20001);

    for (int codec = CODEC_PROTO; codec <= CODEC_JSON; codec++) {
        char *text = encode((enum codec)codec, &m, &bulk, &len);

        back = decode((enum codec)codec, (struct bytes){text, len});
        assert_non_null(back);
        assert_int_equal(back->f_int32, 5);
        assert_string_equal(back->child->f_string, "after");
        assert_int_equal(back->child->c_bytes.len, 20001);
        assert_int_equal(back->child->c_bytes.data[9999], 'a');
        assert_int_equal(back->child->c_bytes.data[10000], 'b');
    }
    chain_clear(&bulk);
    assert_int_equal(a->refs, 1);
    seg_unref(a);
    seg_unref(b);
    arena_clear(&arena);
    assert_int_equal(pool.in_use, 0);
}

static void encoding_fails_cleanly(void **state)
{
    struct seg_pool tiny;
    struct chain out = {0};
    char *big = calloc(1, 20000);
    Unit__All m = UNIT__ALL__INIT;

    (void)state;
    memset(big, 'x', 19999);
    m.f_string = big;
    assert_int_equal(seg_pool_init(&tiny, SEG_SIZE), 0);
    for (int codec = CODEC_PROTO; codec <= CODEC_JSON; codec++) {
        assert_int_equal(codec_encode((enum codec)codec, &m.base, NULL, &tiny, &out, &e), -1);
        assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
        chain_clear(&out);
        assert_int_equal(tiny.in_use, 0);
    }
    seg_pool_destroy(&tiny);
    free(big);
}

static void names(void **state)
{
    char out[64];

    (void)state;
    codec_json_name("exit_code", out);
    assert_string_equal(out, "exitCode");
    codec_json_name("a__b_1_c_", out);
    assert_string_equal(out, "aB1C");
    codec_json_name("plain", out);
    assert_string_equal(out, "plain");
}

static int setup(void **state)
{
    (void)state;
    codec_init();
    return seg_pool_init(&pool, 64 * MIB);
}

static int teardown(void **state)
{
    (void)state;
    arena_clear(&arena);
    seg_pool_destroy(&pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_round_trips),
        cmocka_unit_test(json_is_refused),
        cmocka_unit_test(json_errors_tell_no_secrets),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(proto_known),
        cmocka_unit_test(proto_is_refused),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(bulk_is_not_copied),
        cmocka_unit_test(encoding_fails_cleanly),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
