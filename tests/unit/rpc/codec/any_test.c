/* google.protobuf.Any in JSON. */
#include "rpc/codec/json.h"

#include "known_rig.h"

#define URL "type.googleapis.com/"

static void members_stand_beside_the_type(void **state)
{
    static const char *const cases[][2] = {
        {"{\"any\":{}}", "{\"any\":{}}"},
        {"{\"any\":null}", "{}"},
        {"{\"any\":{\"@type\":\"" URL "unit.All\"}}", "{\"any\":{\"@type\":\"" URL "unit.All\"}}"},
        {"{\"any\":{\"fInt32\":1,\"unknown\":2,\"@type\":\"" URL "unit.All\",\"f_string\":\"x\"}}",
         "{\"any\":{\"@type\":\"" URL "unit.All\",\"fInt32\":1,\"fString\":\"x\"}}"},
        /* The URL is the sender's own; a name alone is one. */
        {"{\"any\":{\"@type\":\"a/b//unit.All\"}}", "{\"any\":{\"@type\":\"a/b//unit.All\"}}"},
        {"{\"any\":{\"@type\":\"unit.All\"}}", "{\"any\":{\"@type\":\"unit.All\"}}"},
        {"{\"any\":{\"@type\":\"/unit.All\"}}", "{\"any\":{\"@type\":\"/unit.All\"}}"},
        {"{\"rAny\":[{},{\"@type\":\"" URL "unit.All\",\"rAll\":[{}]}],\"mAny\":{\"a\":{}}}",
         "{\"rAny\":[{},{\"@type\":\"" URL "unit.All\",\"rAll\":[{}]}],\"mAny\":{\"a\":{}}}"},
        /* A field of that name is a field; and the last of one key's values counts. */
        {"{\"any\":{\"@type\":\"" URL "unit.Known\",\"value\":null}}",
         "{\"any\":{\"@type\":\"" URL "unit.Known\",\"value\":null}}"},
        {"{\"any\":{\"@type\":\"" URL "unit.All\",\"mInt32\":{\"1\":{},\"01\":{\"fInt32\":2}}}}",
         "{\"any\":{\"@type\":\"" URL "unit.All\",\"mInt32\":{\"1\":{\"fInt32\":2}}}}"},
    };

    (void)state;
    check_round_trips(cases, ARRAY_LEN(cases));
}

static void what_has_a_form_of_its_own_is_a_value(void **state)
{
    static const char *const same[] = {
        "{\"any\":{\"@type\":\"" URL "google.protobuf.Duration\",\"value\":\"1.500s\"}}",
        "{\"any\":{\"@type\":\"" URL "google.protobuf.Value\",\"value\":null}}",
        "{\"any\":{\"@type\":\"" URL "google.protobuf.Struct\",\"value\":{\"@type\":1}}}",
        "{\"any\":{\"@type\":\"" URL "google.protobuf.StringValue\",\"value\":\"\"}}",
        "{\"any\":{\"@type\":\"" URL "google.protobuf.Int64Value\",\"value\":\"5\"}}",
        "{\"any\":{\"@type\":\"" URL "google.protobuf.Empty\",\"value\":{}}}",
        "{\"any\":{\"@type\":\"" URL "google.protobuf.Any\",\"value\":{}}}",
        "{\"any\":{\"@type\":\"" URL "google.protobuf.Any\",\"value\":{\"@type\":\"" URL
        "unit.Known\",\"any\":{\"@type\":\"" URL "google.protobuf.FieldMask\",\"value\":\"aB\"}}}}",
    };
    static const char *const cases[][2] = {
        {"{\"any\":{\"value\":\"5s\",\"other\":[],\"@type\":\"" URL "google.protobuf.Duration\"}}",
         "{\"any\":{\"@type\":\"" URL "google.protobuf.Duration\",\"value\":\"5s\"}}"},
        {"{\"any\":{\"@type\":\"" URL "google.protobuf.Empty\"}}",
         "{\"any\":{\"@type\":\"" URL "google.protobuf.Empty\",\"value\":{}}}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        const char *const both[][2] = {{same[i], same[i]}};

        check_round_trips(both, 1);
    }
    check_round_trips(cases, ARRAY_LEN(cases));
}

static void the_value_is_the_binary_form(void **state)
{
    const Unit__Known *m = from_json("{\"any\":{\"@type\":\"x/unit.All\",\"fInt32\":5}}");

    (void)state;
    assert_string_equal(m->any->type_url, "x/unit.All");
    assert_int_equal(m->any->value.len, 2);
    assert_memory_equal(m->any->value.data, "\x18\x05", 2);
    /* One way to write it: a key that stands there twice is there once. */
    m = from_json("{\"any\":{\"@type\":\"unit.All\",\"mBool\":{\"true\":1}}}");
    assert_int_equal(m->any->value.len, 7);
    m = from_json("{\"any\":{\"@type\":\"unit.All\",\"mInt32\":{\"1\":{},\"01\":{}}}}");
    assert_int_equal(m->any->value.len, 7);
}

static void what_is_no_any_is_refused(void **state)
{
#define ANY "unmarshal google.protobuf.Any: "
    static const char *const cases[][2] = {
        {"{\"any\":1}", ANY "not an object"},
        {"{\"rAny\":[null]}", ANY "not an object"},
        {"{\"any\":{\"fInt32\":1}}", ANY "no type in \"@type\""},
        {"{\"any\":{\"@type\":1}}", ANY "no type in \"@type\""},
        {"{\"any\":{\"@type\":null}}", ANY "no type in \"@type\""},
        {"{\"any\":{\"@type\":\"\"}}", ANY "no type in \"@type\""},
        {"{\"any\":{\"@type\":\"" URL "no.Such\"}}", ANY "unknown type '" URL "no.Such'"},
        {"{\"any\":{\"@type\":\"" URL "\"}}", ANY "unknown type '" URL "'"},
        {"{\"any\":{\"@type\":\"unit.All/\"}}", ANY "unknown type 'unit.All/'"},
        {"{\"any\":{\"@type\":\"unit.All\",\"@type\":\"unit.All\"}}",
         "unmarshal: malformed JSON at line 1 column 34"},
        {"{\"any\":{\"@type\":\"unit.All\",\"fInt32\":\"x\"}}",
         "unmarshal unit.All: field 'f_int32': not a 32-bit integer"},
        {"{\"any\":{\"@type\":\"google.protobuf.Duration\"}}", ANY "no \"value\""},
        {"{\"any\":{\"@type\":\"google.protobuf.Any\"}}", ANY "no \"value\""},
        {"{\"any\":{\"@type\":\"google.protobuf.Int32Value\",\"value\":null}}",
         "unmarshal google.protobuf.Int32Value: is null"},
        {"{\"any\":{\"@type\":\"google.protobuf.Empty\",\"value\":1}}",
         "unmarshal google.protobuf.Empty: not an object"},
    };

    (void)state;
    check_refused(cases, ARRAY_LEN(cases));
}

static void what_cannot_be_opened_has_no_json(void **state)
{
    static const struct {
        const char *url, *value, *why;
    } cases[] = {
        {"", "\x01", "unknown type ''"},
        {URL "no.Such", "", "unknown type '" URL "no.Such'"},
        {URL "unit.All", "\x18", "unmarshal unit.All: malformed protobuf"},
        {URL "unit.All", "\x72\x01\xff", "unmarshal unit.All: field 'f_string' is not valid UTF-8"},
        {URL "google.protobuf.Any", "\x0a\x01x", "unknown type 'x'"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
        Unit__Known m = UNIT__KNOWN__INIT;
        char why[128];

        m.any = &any;
        any.type_url = (char *)cases[i].url;
        any.value = (ProtobufCBinaryData){strlen(cases[i].value), (uint8_t *)cases[i].value};
        snprintf(why, sizeof why, "marshal google.protobuf.Any: %s", cases[i].why);
        check_no_json(&m, why);
    }
}

/* To what checks the binary form an Any's value is a row of bytes: only the JSON encoder sees what it holds. */
static void depth_goes_on_inside(void **state)
{
    static uint8_t packed[NESTING_MAX + 2][8192];
    size_t len = 0;

    (void)state;
    for (int n = 0; n <= NESTING_MAX + 1; n++) {
        Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
        Unit__Known m = UNIT__KNOWN__INIT;

        any.type_url = n ? "google.protobuf.Any" : "google.protobuf.Empty";
        any.value = (ProtobufCBinaryData){len, n ? packed[n - 1] : NULL};
        m.any = &any;
        /* Known is at depth 0, n + 1 of Any are below it, and Empty is in the last. */
        if (n + 2 <= NESTING_MAX)
            assert_non_null(to_json(&m));
        else
            check_no_json(&m, n == NESTING_MAX - 1
                                  ? "marshal google.protobuf.Empty: nested deeper than 100 levels"
                                  : "marshal google.protobuf.Any: nested deeper than 100 levels");
        len = protobuf_c_message_pack(&any.base, packed[n]);
        assert_true(len + 64 < sizeof packed[n]);
    }
}

/* A few bytes may decode to a thousand times as many; what they may take is bounded as for a request. */
static void memory_is_bounded_inside(void **state)
{
    enum { COUNT = 100000 };
    static uint8_t list[3 * COUNT];
    Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
    Unit__Known m = UNIT__KNOWN__INIT;

    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        memcpy(list + 3 * i, "\xa2\x01\x00", 3); /* r_all: an empty one */
    any.type_url = "unit.All";
    any.value = (ProtobufCBinaryData){sizeof list, list};
    m.any = &any;
    assert_null(to_json(&m));
    assert_int_equal(e.status, STATUS_INTERNAL);
    assert_non_null(
        strstr(e.text, "marshal google.protobuf.Any: unmarshal unit.All: the message needs more"));
    any.value.len = 30;
    assert_non_null(to_json(&m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(members_stand_beside_the_type),     T(what_has_a_form_of_its_own_is_a_value),
        T(the_value_is_the_binary_form),      T(what_is_no_any_is_refused),
        T(what_cannot_be_opened_has_no_json), T(depth_goes_on_inside),
        T(memory_is_bounded_inside),
    };

    return RUN(tests);
}
