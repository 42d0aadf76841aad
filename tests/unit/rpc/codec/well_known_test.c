/* Times, masks, wrappers and nothing. */
#include "rpc/codec/json.h"

#include "known_rig.h"

static void only_the_known_are_found(void **state)
{
    ProtobufCMessageDescriptor other = google__protobuf__timestamp__descriptor;

    (void)state;
    assert_non_null(well_known_find(&other));
    assert_null(well_known_find(&unit__all__descriptor));
    other.name = "google.protobuf.Type";
    assert_null(well_known_find(&other));
    other.name = "my.google.protobuf.Timestamp";
    assert_null(well_known_find(&other));
    other.name = "google.protobuf.TimestampX";
    assert_null(well_known_find(&other));
    other.name = "google.protobuf.";
    assert_null(well_known_find(&other));
}

static void times_go_both_ways(void **state)
{
    static const char *const cases[][2] = {
        {"{\"time\":\"1970-01-01T00:00:00Z\"}", "{\"time\":\"1970-01-01T00:00:00Z\"}"},
        {"{\"time\":\"1970-01-01T01:00:00+01:00\"}", "{\"time\":\"1970-01-01T00:00:00Z\"}"},
        {"{\"time\":\"1969-12-31T23:59:59.5Z\"}", "{\"time\":\"1969-12-31T23:59:59.500Z\"}"},
        {"{\"time\":\"2024-02-29T12:00:00.000001Z\"}", "{\"time\":\"2024-02-29T12:00:00.000001Z\"}"},
        {"{\"time\":\"9999-12-31T23:59:59.999999999Z\"}", "{\"time\":\"9999-12-31T23:59:59.999999999Z\"}"},
        {"{\"time\":\"0001-01-01T00:00:00Z\"}", "{\"time\":\"0001-01-01T00:00:00Z\"}"},
        {"{\"time\":null}", "{}"},
    };
    Unit__Known *m = from_json("{\"time\":\"1969-12-31T23:59:59.5Z\"}");

    (void)state;
    assert_int_equal(m->time->seconds, -1);
    assert_int_equal(m->time->nanos, 500000000);
    check_round_trips(cases, ARRAY_LEN(cases));
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const values[] = {"5",
                                         "true",
                                         "{}",
                                         "[]",
                                         "\"\"",
                                         "\"yesterday\"",
                                         "\"2024-02-30T00:00:00Z\"",
                                         "\"2024-01-01T00:00:00\"",
                                         "\"2024-01-01T00:00:00.0123456789Z\"",
                                         "\"0000-12-31T23:59:59Z\"",
                                         "\"0001-01-01T00:00:00+00:01\"",
                                         "\"9999-12-31T23:59:59-00:01\""};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char text[128];
        const char *const refused[][2] = {
            {text, "unmarshal google.protobuf.Timestamp: not an RFC 3339 time"}};

        snprintf(text, sizeof text, "{\"time\":%s}", values[i]);
        check_refused(refused, 1);
    }
}

static void durations_go_both_ways(void **state)
{
    static const struct {
        const char *in, *out;
        int64_t seconds;
        int32_t nanos;
    } cases[] = {
        {"0s", "0s", 0, 0},
        {"-0s", "0s", 0, 0},
        {"1s", "1s", 1, 0},
        {"+1s", "1s", 1, 0},
        {"1.5s", "1.500s", 1, 500000000},
        {"1.s", "1s", 1, 0},
        {".5s", "0.500s", 0, 500000000},
        {"-.5s", "-0.500s", 0, -500000000},
        {"-1.000001s", "-1.000001s", -1, -1000},
        {"0.000000001s", "0.000000001s", 0, 1},
        {"3.100000000s", "3.100s", 3, 100000000},
        {"315576000000s", "315576000000s", 315576000000, 0},
        {"-315576000000.999999999s", "-315576000000.999999999s", -315576000000, -999999999},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char in[64], out[64];
        Unit__Known *m;

        snprintf(in, sizeof in, "{\"duration\":\"%s\"}", cases[i].in);
        snprintf(out, sizeof out, "{\"duration\":\"%s\"}", cases[i].out);
        m = from_json(in);
        if (!m)
            fail_msg("%s: %s", in, e.text);
        assert_int_equal(m->duration->seconds, cases[i].seconds);
        assert_int_equal(m->duration->nanos, cases[i].nanos);
        assert_string_equal(to_json(m), out);
    }
}

static void what_is_no_duration_is_refused(void **state)
{
    static const char *const values[] = {"1",
                                         "null",
                                         "{}",
                                         "\"\"",
                                         "\"s\"",
                                         "\"1\"",
                                         "\".s\"",
                                         "\"-s\"",
                                         "\"+-1s\"",
                                         "\"1 s\"",
                                         "\" 1s\"",
                                         "\"1ss\"",
                                         "\"1S\"",
                                         "\"01s\"",
                                         "\"00s\"",
                                         "\"1e3s\"",
                                         "\"1..5s\"",
                                         "\"0.0123456789s\"",
                                         "\"315576000001s\"",
                                         "\"-315576000001s\"",
                                         "\"9999999999999999999999s\""};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char text[128];
        const char *const refused[][2] = {
            {text, "unmarshal google.protobuf.Duration: not a number of seconds with an \"s\""}};

        snprintf(text, sizeof text, "{\"rDuration\":[%s]}", values[i]);
        check_refused(refused, 1);
    }
}

static void times_out_of_range_have_no_json(void **state)
{
    static const struct {
        int64_t seconds;
        int32_t nanos;
    } times[] = {{-62135596801, 0}, {253402300800, 0}, {0, -1}, {0, 1000000000}},
      durations[] = {
          {315576000001, 0}, {-315576000001, 0}, {0, 1000000000}, {0, -1000000000}, {1, -1}, {-1, 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
        Unit__Known m = UNIT__KNOWN__INIT;

        m.time = &time;
        time.seconds = times[i].seconds;
        time.nanos = times[i].nanos;
        check_no_json(&m, "marshal google.protobuf.Timestamp: out of range");
    }
    for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
        Google__Protobuf__Duration duration = GOOGLE__PROTOBUF__DURATION__INIT;
        Unit__Known m = UNIT__KNOWN__INIT;

        m.duration = &duration;
        duration.seconds = durations[i].seconds;
        duration.nanos = durations[i].nanos;
        check_no_json(&m, "marshal google.protobuf.Duration: out of range");
    }
}

static void masks_change_their_case(void **state)
{
    static const char *const cases[][2] = {
        {"{\"mask\":\"\"}", "{\"mask\":\"\"}"},
        {"{\"mask\":\" \\t\\n \"}", "{\"mask\":\"\"}"},
        {"{\"mask\":\"a\"}", "{\"mask\":\"a\"}"},
        {"{\"mask\":\"fooBar.bazQux,f2X\"}", "{\"mask\":\"fooBar.bazQux,f2X\"}"},
        {"{\"mask\":\" Foo,ABC \"}", "{\"mask\":\"Foo,ABC\"}"},
        {"{\"mask\":null}", "{}"},
    };
    Unit__Known *m = from_json("{\"mask\":\"fooBar.bazQux,Foo,ABC\"}");

    (void)state;
    assert_int_equal(m->mask->n_paths, 3);
    assert_string_equal(m->mask->paths[0], "foo_bar.baz_qux");
    assert_string_equal(m->mask->paths[1], "_foo");
    assert_string_equal(m->mask->paths[2], "_a_b_c");
    check_round_trips(cases, ARRAY_LEN(cases));
}

static void what_is_no_mask_is_refused(void **state)
{
#define WHY "unmarshal google.protobuf.FieldMask: not a list of paths in lowerCamelCase"
    static const char *const cases[][2] = {
        {"{\"mask\":1}", "unmarshal google.protobuf.FieldMask: not a string"},
        {"{\"mask\":[\"a\"]}", "unmarshal google.protobuf.FieldMask: not a string"},
        {"{\"mask\":\"foo_bar\"}", WHY},
        {"{\"mask\":\"a,\"}", WHY},
        {"{\"mask\":\",a\"}", WHY},
        {"{\"mask\":\"a,,b\"}", WHY},
        {"{\"mask\":\"a, b\"}", WHY},
        {"{\"mask\":\".a\"}", WHY},
        {"{\"mask\":\"a.\"}", WHY},
        {"{\"mask\":\"a..b\"}", WHY},
        {"{\"mask\":\"1a\"}", WHY},
        {"{\"mask\":\"a.1\"}", WHY},
        {"{\"mask\":\"a-b\"}", WHY},
        {"{\"mask\":\"\xc3\xa4\"}", WHY},
    };

    (void)state;
    check_refused(cases, ARRAY_LEN(cases));
#undef WHY
}

static void paths_that_could_not_be_read_back_have_no_json(void **state)
{
    static const char *const bad[] = {"",   "fooBar", "foo__bar", "foo_", "foo_1", "_.a",
                                      "_A", "a,b",    "a b",      "1foo", "a..b",  "\xc3\xa4"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char *paths[] = {"good", (char *)bad[i]};
        Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
        Unit__Known m = UNIT__KNOWN__INIT;

        m.mask = &mask;
        mask.paths = paths;
        mask.n_paths = 2;
        check_no_json(&m, "marshal google.protobuf.FieldMask: a path that has no lowerCamelCase");
    }
}

static void wrappers_are_what_they_hold(void **state)
{
    static const char *const cases[][2] = {
        {"{\"wDouble\":0,\"wFloat\":\"NaN\"}", "{\"wDouble\":0,\"wFloat\":\"NaN\"}"},
        {"{\"wInt64\":-1,\"wUint64\":\"18446744073709551615\"}",
         "{\"wInt64\":\"-1\",\"wUint64\":\"18446744073709551615\"}"},
        {"{\"wInt32\":\"-7\",\"wUint32\":4294967295}", "{\"wInt32\":-7,\"wUint32\":4294967295}"},
        {"{\"wBool\":false,\"wString\":\"\",\"wBytes\":\"\"}",
         "{\"wBool\":false,\"wString\":\"\",\"wBytes\":\"\"}"},
        {"{\"wBytes\":\"_w\"}", "{\"wBytes\":\"/w==\"}"},
        {"{\"wBool\":null,\"wString\":null,\"wInt64\":null}", "{}"},
        {"{\"rInt64\":[0,\"1\"]}", "{\"rInt64\":[\"0\",\"1\"]}"},
        {"{\"mString\":{\"true\":\"\"}}", "{\"mString\":{\"true\":\"\"}}"},
        {"{\"cBool\":false}", "{\"cBool\":false}"},
        {"{\"cBool\":null}", "{}"},
        {"{\"empty\":{}}", "{\"empty\":{}}"},
        {"{\"empty\":{\"unknown\":1}}", "{\"empty\":{}}"},
        {"{\"empty\":null}", "{}"},
    };
    static const char *const bad[][2] = {
        {"{\"wInt32\":2147483648}",
         "unmarshal google.protobuf.Int32Value: field 'value': not a 32-bit integer"},
        {"{\"wString\":{\"value\":\"\"}}",
         "unmarshal google.protobuf.StringValue: field 'value': not a string"},
        {"{\"wBool\":\"true\"}", "unmarshal google.protobuf.BoolValue: field 'value': not a boolean"},
        {"{\"rInt64\":[null]}", "unmarshal google.protobuf.Int64Value: is null"},
        {"{\"mString\":{\"true\":null}}", "unmarshal unit.Known: field 'm_string': a value is null"},
        {"{\"empty\":[]}", "unmarshal google.protobuf.Empty: not an object"},
    };

    (void)state;
    check_round_trips(cases, ARRAY_LEN(cases));
    check_refused(bad, ARRAY_LEN(bad));
}

/* In the binary form a map's entry may lack its value: it is the empty one then. */
static void a_map_may_lack_a_value(void **state)
{
    Unit__Known__MDurationEntry entry = UNIT__KNOWN__MDURATION_ENTRY__INIT, *entries[] = {&entry};
    Unit__Known__MStringEntry text = UNIT__KNOWN__MSTRING_ENTRY__INIT, *texts[] = {&text};
    Unit__Known m = UNIT__KNOWN__INIT;

    (void)state;
    entry.key = "a";
    m.m_duration = entries;
    m.n_m_duration = 1;
    m.m_string = texts;
    m.n_m_string = 1;
    assert_string_equal(to_json(&m), "{\"mDuration\":{\"a\":\"0s\"},\"mString\":{\"false\":\"\"}}");
}

/* A method may take or give one of them by itself: then the JSON is no object. */
static void they_stand_alone(void **state)
{
    static const struct {
        const ProtobufCMessageDescriptor *d;
        const char *text;
    } cases[] = {
        {&google__protobuf__string_value__descriptor, "\"x\""},
        {&google__protobuf__int32_value__descriptor, "5"},
        {&google__protobuf__duration__descriptor, "\"1s\""},
        {&google__protobuf__list_value__descriptor, "[1,[]]"},
        {&google__protobuf__value__descriptor, "null"},
        {&google__protobuf__empty__descriptor, "{}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const ProtobufCMessage *m = codec_decode(CODEC_JSON, cases[i].d, bytes_of(cases[i].text), &arena, &e);
        size_t len;

        if (!m)
            fail_msg("%s: %s", cases[i].text, e.text);
        assert_string_equal(encoded(CODEC_JSON, m, &len), cases[i].text);
        arena_clear(&arena);
    }
    assert_null(
        codec_decode(CODEC_JSON, &google__protobuf__string_value__descriptor, bytes_of("null"), &arena, &e));
    assert_null(
        codec_decode(CODEC_JSON, &google__protobuf__string_value__descriptor, bytes_of(""), &arena, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(only_the_known_are_found),
        T(times_go_both_ways),
        T(what_is_no_time_is_refused),
        T(durations_go_both_ways),
        T(what_is_no_duration_is_refused),
        T(times_out_of_range_have_no_json),
        T(masks_change_their_case),
        T(what_is_no_mask_is_refused),
        T(paths_that_could_not_be_read_back_have_no_json),
        T(wrappers_are_what_they_hold),
        T(a_map_may_lack_a_value),
        T(they_stand_alone),
    };

    return RUN(tests);
}
