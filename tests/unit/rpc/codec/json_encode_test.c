/* Messages as ProtoJSON, from structs of the test's own. Round trips are codec_test.c's. */
#include "test.h"

#include "rpc/codec/json_encode.c"

#include "core/limits.h"
#include "unit.pb-c.h"

static struct err e;

/* The message as JSON text, valid until the next call. */
static const char *json_of(const ProtobufCMessage *m)
{
    static char text[8192];
    struct chain out = {0};

    assert_int_equal(json_encode(m, NULL, NULL, &out, &e), 0);
    assert_true(out.bytes < sizeof text);
    chain_peek(&out, text, out.bytes);
    text[out.bytes] = 0;
    chain_clear(&out);
    return text;
}

static void implicit_fields_are_written_when_they_are_not_zero(void **state)
{
    Unit__All m = UNIT__ALL__INIT;

    (void)state;
    assert_string_equal(json_of(&m.base), "{}");
    m.f_int32 = -1;
    m.f_uint64 = UINT64_MAX;
    m.f_sint64 = INT64_MIN;
    m.f_bool = true;
    assert_string_equal(json_of(&m.base),
                        "{\"fInt32\":-1,\"fUint64\":\"18446744073709551615\",\"fSint64\":\"-"
                        "9223372036854775808\",\"fBool\":true}");
}

/* A zero that was set is told; that is what `optional` is for. */
static void set_fields_are_written_though_they_are_zero(void **state)
{
    Unit__All m = UNIT__ALL__INIT;

    (void)state;
    m._o_int32_case = UNIT__ALL___O_INT32_O_INT32;
    m._o_string_case = UNIT__ALL___O_STRING_O_STRING;
    m.o_string = "";
    m.choice_case = UNIT__ALL__CHOICE_C_UINT32;
    assert_string_equal(json_of(&m.base), "{\"oString\":\"\",\"oInt32\":0,\"cUint32\":0}");
}

static void numbers_read_back_without_more_digits_than_they_need(void **state)
{
    static const struct {
        double value;
        const char *text;
    } doubles[] = {
        {0.1, "0.1"},
        {1e22, "1e+22"},
        {1. / 3, "0.3333333333333333"},
        {5e-324, "4.94065645841247e-324"},
        {-0., "-0"},
        {123456789012345678., "1.2345678901234568e+17"},
    };
    static const struct {
        float value;
        const char *text;
    } floats[] = {
        {0.1f, "0.1"}, {16777216, "16777216"}, {3.4028235e38f, "3.4028235e+38"}, {1.f / 3, "0.33333334"}};
    char want[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(doubles); i++) {
        Unit__All m = UNIT__ALL__INIT;
        const char *text;

        m.f_double = doubles[i].value;
        snprintf(want, sizeof want, "{\"fDouble\":%s}", doubles[i].text);
        text = json_of(&m.base);
        assert_true(strtod(text + 11, NULL) == doubles[i].value);
        assert_string_equal(text, want);
    }
    for (size_t i = 0; i < ARRAY_LEN(floats); i++) {
        Unit__All m = UNIT__ALL__INIT;
        const char *text;

        m.f_float = floats[i].value;
        snprintf(want, sizeof want, "{\"fFloat\":%s}", floats[i].text);
        text = json_of(&m.base);
        assert_true(strtof(text + 10, NULL) == floats[i].value);
        assert_string_equal(text, want);
    }
}

/* Of every size, the smallest too. */
static void every_float_reads_back(void **state)
{
    uint32_t bits = 1;

    (void)state;
    for (int i = 0; i < 20000; i++, bits = bits * 1664525 + 1013904223) {
        Unit__All m = UNIT__ALL__INIT;

        memcpy(&m.f_float, &bits, sizeof bits);
        if (!isfinite(m.f_float) || m.f_float == 0)
            continue;
        assert_true(strtof(json_of(&m.base) + 10, NULL) == m.f_float);
    }
}

static void what_is_no_number_is_a_word(void **state)
{
    Unit__All m = UNIT__ALL__INIT;

    (void)state;
    m.f_double = NAN;
    m.f_float = -INFINITY;
    assert_string_equal(json_of(&m.base), "{\"fDouble\":\"NaN\",\"fFloat\":\"-Infinity\"}");
    m.f_double = INFINITY;
    m.f_float = 0;
    assert_string_equal(json_of(&m.base), "{\"fDouble\":\"Infinity\"}");
}

static void enums_have_their_names_where_they_have_one(void **state)
{
    Unit__All m = UNIT__ALL__INIT;
    Unit__Color list[] = {UNIT__COLOR__COLOR_UNSPECIFIED, UNIT__COLOR__COLOR_BLUE, (Unit__Color)77};

    (void)state;
    m.r_enum = list;
    m.n_r_enum = 3;
    assert_string_equal(json_of(&m.base), "{\"rEnum\":[\"COLOR_UNSPECIFIED\",\"COLOR_BLUE\",77]}");
}

static void keys_of_maps_are_texts(void **state)
{
    Unit__All m = UNIT__ALL__INIT;
    Unit__All__MInt32Entry number = UNIT__ALL__MINT32_ENTRY__INIT, *numbers[] = {&number};
    Unit__All__MBoolEntry truth = UNIT__ALL__MBOOL_ENTRY__INIT, *truths[] = {&truth};
    Unit__All__MUint64Entry big = UNIT__ALL__MUINT64_ENTRY__INIT, *bigs[] = {&big};

    (void)state;
    number.key = -5; /* its value is not set: the empty message */
    m.m_int32 = numbers;
    m.n_m_int32 = 1;
    truth.key = true;
    truth.value = 9;
    m.m_bool = truths;
    m.n_m_bool = 1;
    big.key = 7;
    m.m_uint64 = bigs;
    m.n_m_uint64 = 1;
    assert_string_equal(json_of(&m.base),
                        "{\"mInt32\":{\"-5\":{}},\"mBool\":{\"true\":\"9\"},\"mUint64\":{\"7\":\"\"}}");
}

static void texts_are_escaped(void **state)
{
    Unit__All m = UNIT__ALL__INIT;

    (void)state;
    m.f_string = "\"\\\n\t\x01\x7f\xe2\x82\xac";
    assert_string_equal(json_of(&m.base), "{\"fString\":\"\\\"\\\\\\n\\t\\u0001\x7f\xe2\x82\xac\"}");
}

static void maps_are_known_by_the_name_of_their_entry(void **state)
{
    const ProtobufCMessageDescriptor *d = &unit__all__descriptor;
    int maps = 0;

    (void)state;
    for (unsigned i = 0; i < d->n_fields; i++) {
        bool map = json_is_map(d, &d->fields[i]);

        assert_int_equal(map, strncmp(d->fields[i].name, "m_", 2) == 0);
        maps += map;
    }
    assert_int_equal(maps, 4);
}

static void sizes_are_those_of_the_members(void **state)
{
    (void)state;
    assert_int_equal(json_value_size(PROTOBUF_C_TYPE_INT32), sizeof(int32_t));
    assert_int_equal(json_value_size(PROTOBUF_C_TYPE_BOOL), sizeof(protobuf_c_boolean));
    assert_int_equal(json_value_size(PROTOBUF_C_TYPE_ENUM), sizeof(int));
    assert_int_equal(json_value_size(PROTOBUF_C_TYPE_FLOAT), sizeof(float));
    assert_int_equal(json_value_size(PROTOBUF_C_TYPE_DOUBLE), sizeof(double));
    assert_int_equal(json_value_size(PROTOBUF_C_TYPE_FIXED64), sizeof(uint64_t));
    assert_int_equal(json_value_size(PROTOBUF_C_TYPE_STRING), sizeof(char *));
    assert_int_equal(json_value_size(PROTOBUF_C_TYPE_BYTES), sizeof(ProtobufCBinaryData));
    assert_int_equal(json_value_size(PROTOBUF_C_TYPE_MESSAGE), sizeof(void *));
}

static void too_large_is_told(void **state)
{
    Unit__All m = UNIT__ALL__INIT;
    struct chain out = {0};
    char *big = malloc(MESSAGE_MAX);

    (void)state;
    memset(big, 'x', MESSAGE_MAX - 1);
    big[MESSAGE_MAX - 1] = 0;
    m.f_string = big;
    assert_int_equal(json_encode(&m.base, NULL, NULL, &out, &e), -1);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(e.text, "marshal unit.All: larger than 16777216 bytes");
    chain_clear(&out);
    free(big);
}

static void without_segments_it_fails_and_says_memory(void **state)
{
    Unit__All m = UNIT__ALL__INIT;
    struct seg_pool tiny;
    struct chain out = {0};
    char *big = malloc(40000);

    (void)state;
    assert_int_equal(seg_pool_init(&tiny, SEG_SIZE), 0);
    memset(big, 'x', 39999);
    big[39999] = 0;
    m.f_string = big;
    assert_int_equal(json_encode(&m.base, NULL, &tiny, &out, &e), -1);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    assert_null(strstr(e.text, "larger than"));
    chain_clear(&out);
    assert_int_equal(tiny.in_use, 0);
    seg_pool_destroy(&tiny);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(implicit_fields_are_written_when_they_are_not_zero),
        cmocka_unit_test(set_fields_are_written_though_they_are_zero),
        cmocka_unit_test(numbers_read_back_without_more_digits_than_they_need),
        cmocka_unit_test(every_float_reads_back),
        cmocka_unit_test(what_is_no_number_is_a_word),
        cmocka_unit_test(enums_have_their_names_where_they_have_one),
        cmocka_unit_test(keys_of_maps_are_texts),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(maps_are_known_by_the_name_of_their_entry),
        cmocka_unit_test(sizes_are_those_of_the_members),
        cmocka_unit_test(too_large_is_told),
        cmocka_unit_test(without_segments_it_fails_and_says_memory),
    };

    return RUN(tests);
}
