/* Struct, Value and ListValue: JSON in protobuf. */
#include "rpc/codec/json.h"

#include <math.h>

#include "known_rig.h"

static void json_stays_as_it_is(void **state)
{
    static const char *const same[] = {
        "{\"struct\":{}}",
        "{\"struct\":{\"a\":null,\"\":[1,\"2\",true,false,{\"b\":[]}],\"c\":{}}}",
        "{\"value\":null}",
        "{\"value\":1.5}",
        "{\"value\":-1}",
        "{\"value\":\"NaN\"}",
        "{\"value\":\"\"}",
        "{\"value\":false}",
        "{\"value\":{}}",
        "{\"value\":[]}",
        "{\"value\":[[null]]}",
        "{\"list\":[]}",
        "{\"list\":[null,[null],{\"a\":null}]}",
        "{\"rValue\":[null,1,[]]}",
        "{\"mValue\":{\"a\":null,\"b\":[1]}}",
        "{\"cValue\":null}",
        "{\"rNull\":[null,null]}",
        "{\"mNull\":{\"1\":null}}",
        "{\"cNull\":null}",
    };
    static const char *const cases[][2] = {
        {"{\"struct\":null,\"list\":null,\"rValue\":null,\"mValue\":null}", "{}"},
        {"{\"null\":null}", "{}"},
        {"{\"null\":\"NULL_VALUE\",\"rNull\":[\"NULL_VALUE\",0]}", "{\"rNull\":[null,null]}"},
        {"{\"value\":1e3}", "{\"value\":1000}"},
        {"{\"value\":-100000000000000000000}", "{\"value\":-1e+20}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        const char *const both[][2] = {{same[i], same[i]}};

        check_round_trips(both, 1);
    }
    check_round_trips(cases, ARRAY_LEN(cases));
}

static void every_kind_is_told_from_the_others(void **state)
{
    static const struct {
        const char *text;
        Google__Protobuf__Value__KindCase kind;
    } cases[] = {
        {"{\"value\":null}", GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE},
        {"{\"value\":0}", GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE},
        {"{\"value\":0.5}", GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE},
        {"{\"value\":\"0\"}", GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE},
        {"{\"value\":true}", GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE},
        {"{\"value\":false}", GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE},
        {"{\"value\":{}}", GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE},
        {"{\"value\":[]}", GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(from_json(cases[i].text)->value->kind_case, cases[i].kind);
}

static void what_is_something_else_is_refused(void **state)
{
    static const char *const cases[][2] = {
        {"{\"struct\":[]}", "unmarshal google.protobuf.Struct: not an object"},
        {"{\"struct\":1}", "unmarshal google.protobuf.Struct: not an object"},
        {"{\"list\":{}}", "unmarshal google.protobuf.ListValue: not an array"},
        {"{\"rNull\":[1.5]}", "unmarshal unit.Known: field 'r_null': not an enum value"},
        {"{\"null\":1}", "unmarshal unit.Known: field 'null': no such enum value"},
        {"{\"null\":\"null\"}", "unmarshal unit.Known: field 'null': no such enum value"},
        {"{\"cValue\":null,\"cNull\":null}",
         "unmarshal unit.Known: field 'c_null': another member of its oneof is set already"},
        {"{\"rValue\":{}}", "unmarshal unit.Known: field 'r_value': not an array"},
    };

    (void)state;
    check_refused(cases, ARRAY_LEN(cases));
}

static void a_value_must_be_one_that_json_has(void **state)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    Google__Protobuf__Value value = GOOGLE__PROTOBUF__VALUE__INIT;
    Google__Protobuf__Struct__FieldsEntry entry = GOOGLE__PROTOBUF__STRUCT__FIELDS_ENTRY__INIT,
                                          *entries[] = {&entry};
    Google__Protobuf__Struct object = GOOGLE__PROTOBUF__STRUCT__INIT;
    Unit__Known m = UNIT__KNOWN__INIT;

    (void)state;
    m.value = &value;
    check_no_json(&m, "marshal google.protobuf.Value: it has no kind");
    value.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        value.number_value = bad[i];
        check_no_json(&m, "marshal google.protobuf.Value: a number that JSON does not have");
    }
    object.fields = entries; /* an entry without its value */
    object.n_fields = 1;
    m.value = NULL;
    m.struct_ = &object;
    check_no_json(&m, "marshal google.protobuf.Value: it has no kind");
}

/* Each level of JSON is two or three of messages; these are what is bounded, so that what came as JSON can go on in the
 * binary form. */
static void depth_is_that_of_messages(void **state)
{
    static const struct {
        const char *field, *open, *close;
        int deepest;
    } cases[] = {
        {"list", "[", "]", NESTING_MAX / 2},               /* ListValue, Value */
        {"value", "[", "]", (NESTING_MAX - 1) / 2 + 1},    /* Value, ListValue */
        {"struct", "{\"a\":", "}", (NESTING_MAX - 1) / 3}, /* Struct, entry, Value */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int more = 0; more < 2; more++) {
            static char text[2048];
            bool map = *cases[i].open == '{';
            const Unit__Known *m;
            size_t len;

            snprintf(text, sizeof text, "{\"%s\":", cases[i].field);
            for (int n = 0; n < cases[i].deepest + more; n++)
                strcat(text, cases[i].open);
            strcat(text, map ? "1" : "");
            for (int n = 0; n < cases[i].deepest + more; n++)
                strcat(text, cases[i].close);
            strcat(text, "}");
            m = from_json(text);
            assert_int_equal(!m, more);
            if (!m) {
                assert_string_equal(e.text, "unmarshal: nested deeper than 100 levels");
            } else {
                struct arena other = {0};
                const char *wire = encoded(CODEC_PROTO, &m->base, &len);

                assert_non_null(codec_decode(CODEC_PROTO, &unit__known__descriptor, (struct bytes){wire, len},
                                             &other, &e));
                arena_clear(&other);
                assert_string_equal(to_json(m), text);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(json_stays_as_it_is),
        T(every_kind_is_told_from_the_others),
        T(what_is_something_else_is_refused),
        T(a_value_must_be_one_that_json_has),
        T(depth_is_that_of_messages),
    };

    return RUN(tests);
}
