/* Messages with a JSON form of their own. */
#include "google/protobuf/timestamp.pb-c.h"
#include <stdio.h>

#include "rpc/codec/json.h"
#include "test.h"
#include "unit.pb-c.h"

#define TIMESTAMP (&google__protobuf__timestamp__descriptor)

static struct err e;

static int setup(void **state)
{
    (void)state;
    codec_init();
    return 0;
}

/* Decodes the text of a JSON value into *t. */
static int decode(const char *value, Google__Protobuf__Timestamp *t)
{
    struct arena a = {.max = 65536};
    char text[128];
    json_t *j;
    int ret;

    snprintf(text, sizeof text, "{\"v\":%s}", value);
    j = json_parse(bytes_of(text), 65536, &e);
    assert_non_null(j);
    google__protobuf__timestamp__init(t);
    ret = well_known_find(TIMESTAMP)->decode(json_object_get(j, "v"), &t->base, &a, &e);
    json_decref(j);
    arena_clear(&a);
    return ret;
}

static const char *encode(int64_t seconds, int32_t nanos)
{
    static char text[64];
    Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    struct chain out = {0};
    struct writer w;

    t.seconds = seconds;
    t.nanos = nanos;
    writer_init(&w, &out, NULL, 64);
    well_known_find(TIMESTAMP)->encode(&w, &t.base);
    assert_int_equal(writer_done(&w), 0);
    chain_peek(&out, text, out.bytes);
    text[out.bytes] = 0;
    chain_clear(&out);
    return text;
}

static void only_the_known_are_found(void **state)
{
    ProtobufCMessageDescriptor other = *TIMESTAMP;

    (void)state;
    assert_non_null(well_known_find(TIMESTAMP));
    assert_null(well_known_find(&unit__all__descriptor));
    other.name = "google.protobuf.Duration";
    assert_null(well_known_find(&other));
    other.name = "my.google.protobuf.Timestamp";
    assert_null(well_known_find(&other));
    other.name = "google.protobuf.TimestampX";
    assert_null(well_known_find(&other));
}

static void times_go_both_ways(void **state)
{
    static const struct {
        const char *in, *out;
        int64_t seconds;
        int32_t nanos;
    } cases[] = {
        {"\"1970-01-01T00:00:00Z\"", "\"1970-01-01T00:00:00Z\"", 0, 0},
        {"\"1970-01-01T01:00:00+01:00\"", "\"1970-01-01T00:00:00Z\"", 0, 0},
        {"\"1969-12-31T23:59:59.5Z\"", "\"1969-12-31T23:59:59.500Z\"", -1, 500000000},
        {"\"2024-02-29T12:00:00.000001Z\"", "\"2024-02-29T12:00:00.000001Z\"", 1709208000, 1000},
        {"\"9999-12-31T23:59:59.999999999Z\"", "\"9999-12-31T23:59:59.999999999Z\"", 253402300799, 999999999},
        {"\"0001-01-01T00:00:00Z\"", "\"0001-01-01T00:00:00Z\"", -62135596800, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        Google__Protobuf__Timestamp t;

        assert_int_equal(decode(cases[i].in, &t), 0);
        assert_int_equal(t.seconds, cases[i].seconds);
        assert_int_equal(t.nanos, cases[i].nanos);
        assert_string_equal(encode(t.seconds, t.nanos), cases[i].out);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {"5",
                                      "true",
                                      "{}",
                                      "[]",
                                      "\"\"",
                                      "\"yesterday\"",
                                      "\"2024-02-30T00:00:00Z\"",
                                      "\"2024-01-01T00:00:00\""};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        Google__Protobuf__Timestamp t;

        if (decode(bad[i], &t) == 0)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
        assert_string_equal(e.text, "google.protobuf.Timestamp: not an RFC 3339 time");
    }
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(only_the_known_are_found),
        T(times_go_both_ways),
        T(what_is_no_time_is_refused),
    };

    return RUN(tests);
}
