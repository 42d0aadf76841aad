/* ProtoJSON in: the bounds of memory and depth, numbers at their edges, and what each kind of field refuses.
 * Round trips are codec_test.c's. */
#include "test.h"

#include <stdio.h>

#include "core/base.h"

/* The machine's memory ends after so many allocations; < 0: never. */
static int allocations = -1;

static void *malloc_counted(size_t size)
{
    if (allocations == 0)
        return NULL;
    allocations -= allocations > 0;
    return malloc(size);
}

#define malloc(size) malloc_counted(size)

#include "rpc/codec/json_decode.c"

#undef malloc

#include "unit.pb-c.h"

static struct arena arena;
static struct err e;

static int setup(void **state)
{
    (void)state;
    json_init();
    allocations = -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_clear(&arena);
    return 0;
}

static Unit__All *decode(const char *text)
{
    arena_clear(&arena);
    arena = (struct arena){.max = MIB};
    return (Unit__All *)json_decode(&unit__all__descriptor, bytes_of(text), 32, &arena, &e);
}

/* --- parsing within bounds ------------------------------------------------------------------- */

static void depth_counts_brackets_outside_texts(void **state)
{
    char text[512] = "", in_text[1024] = "{\"fString\":\"";

    (void)state;
    for (int i = 0; i < NESTING_MAX; i++)
        strcat(text, "[");
    assert_false(too_deep(bytes_of(text)));
    strcat(text, "{");
    assert_true(too_deep(bytes_of(text)));
    for (int i = 0; i < NESTING_MAX + 50; i++)
        strcat(in_text, "[\\\"{");
    strcat(in_text, "\"}");
    assert_false(too_deep(bytes_of(in_text)));
    assert_false(too_deep(bytes_of("]]]]]]]")));
    assert_false(too_deep(BYTES_LIT("\"\\"))); /* ends inside an escape */
}

static void side_by_side_is_not_deep(void **state)
{
    static char text[4096] = "{\"rInt32\":[";

    (void)state;
    for (int i = 0; i < 300; i++)
        strcat(text, i ? ",1" : "1");
    strcat(text, "],\"unknown\":[");
    for (int i = 0; i < 300; i++)
        strcat(text, i ? ",[]" : "[]");
    strcat(text, "]}");
    assert_non_null(decode(text));
}

static void the_budget_bounds_and_is_given_back(void **state)
{
    static const char text[] = "{\"a\":[1,2,3,\"some text\"],\"b\":{\"c\":null}}";
    size_t least = 0;

    (void)state;
    for (size_t max = 0; max < 65536 && !least; max += 32) {
        json_t *j = json_parse(bytes_of(text), max, &e);

        if (j)
            least = max;
        else
            assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
        json_decref(j);
        /* Nothing is kept. The last allocation may have been rounded up to more than there was. */
        assert_in_range(budget, max, max + 32);
    }
    assert_true(least > sizeof text);
}

static void the_machines_memory_may_end_at_any_point(void **state)
{
    static const char text[] =
        "{\"mString\":{\"a\":\"b\"},\"mInt32\":{\"1\":{}},\"fBytes\":\"AAAA\",\"rString\":[\"x\"]}";

    (void)state;
    for (int n = 0;; n++) {
        bool ran_out;

        arena_clear(&arena);
        arena = (struct arena){.max = MIB};
        allocations = n;
        ran_out = !json_decode(&unit__all__descriptor, bytes_of(text), 32, &arena, &e);
        allocations = -1;
        if (!ran_out) {
            assert_true(n > 5);
            return;
        }
    }
}

/* The arena takes blocks of some size: the bound falls into each of them once. */
static void the_arena_may_end_at_any_point(void **state)
{
    static char text[8192] = "{\"rAll\":[{}";
    bool enough = false;

    (void)state;
    for (int i = 0; i < 100; i++)
        strcat(text, ",{\"mString\":{\"a\":\"b\"},\"fBytes\":\"AAAA\",\"rString\":[\"x\"]}");
    strcat(text, "]}");
    for (size_t budget_kib = 16; !enough; budget_kib++) {
        json_t *j = json_parse(bytes_of(text), MIB, &e);
        struct decoder c = {.a = &arena, .e = &e, .where = "x"};
        ProtobufCMessage *m;

        arena_clear(&arena);
        arena = (struct arena){.max = budget_kib * 512};
        enough = json_get_message(&c, &unit__all__descriptor, j, &m) == 0;
        if (!enough) {
            assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
            assert_non_null(strstr(e.text, "bytes of memory"));
        }
        json_decref(j);
    }
}

/* --- values ---------------------------------------------------------------------------------- */

static void malformed_text_is_located_and_not_quoted(void **state)
{
    (void)state;
    assert_null(decode("{\"fString\":\n\"secret\" secret}"));
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_memory_equal(e.text, "unmarshal: malformed JSON at line 2 column ", 43);
    assert_null(strstr(e.text, "secret"));
    assert_null(decode("{\"fInt32\":1,\"fInt32\":2}"));
    assert_null(decode("[]"));
    assert_string_equal(e.text, "unmarshal: the JSON is not an object");
}

/* A field may be written in both ways, but only once. */
static void one_field_under_two_names_is_refused(void **state)
{
    (void)state;
    assert_null(decode("{\"cString\":\"a\",\"c_string\":\"b\"}"));
    assert_non_null(strstr(e.text, "set already"));
}

static void integers_end_at_their_edges(void **state)
{
    static const struct {
        const char *value;
        int64_t min;
        uint64_t max, want;
        bool good;
    } cases[] = {
        {"2147483647", INT32_MIN, INT32_MAX, 2147483647, true},
        {"2147483648", INT32_MIN, INT32_MAX, 0, false},
        {"-2147483648", INT32_MIN, INT32_MAX, (uint64_t)INT32_MIN, true},
        {"-2147483649", INT32_MIN, INT32_MAX, 0, false},
        {"\"-2147483649\"", INT32_MIN, INT32_MAX, 0, false},
        {"9223372036854775807", INT64_MIN, INT64_MAX, INT64_MAX, true},
        {"\"9223372036854775808\"", INT64_MIN, INT64_MAX, 0, false},
        {"\"-9223372036854775808\"", INT64_MIN, INT64_MAX, (uint64_t)INT64_MIN, true},
        {"\"-9223372036854775809\"", INT64_MIN, INT64_MAX, 0, false},
        {"\"18446744073709551615\"", 0, UINT64_MAX, UINT64_MAX, true},
        {"\"18446744073709551616\"", 0, UINT64_MAX, 0, false},
        {"-1", 0, UINT64_MAX, 0, false},
        {"\"-1\"", 0, UINT64_MAX, 0, false},
        {"\"-0\"", 0, UINT64_MAX, 0, true},
        {"0", 0, UINT64_MAX, 0, true},
        {"1e3", 0, UINT32_MAX, 1000, true},
        {"\"1e3\"", 0, UINT32_MAX, 1000, true},
        {"1.5", 0, UINT32_MAX, 0, false},
        {"\"1.5\"", 0, UINT32_MAX, 0, false},
        {"1e300", 0, UINT64_MAX, 0, false},
        {"4294967296.0", 0, UINT32_MAX, 0, false},
        {"-1.0", 0, UINT32_MAX, 0, false},
        {"9007199254740994.0", 0, UINT64_MAX, 0, false}, /* beyond this a double is not exact */
        {"\"\"", 0, UINT32_MAX, 0, false},
        {"\" 1\"", 0, UINT32_MAX, 0, false},
        {"\"+1\"", 0, UINT32_MAX, 0, false},
        {"\"1x\"", 0, UINT32_MAX, 0, false},
        {"\"0x10\"", 0, UINT32_MAX, 0, false},
        {"\"1e\"", 0, UINT32_MAX, 0, false},
        {"\"-\"", INT32_MIN, INT32_MAX, 0, false},
        {"null", 0, UINT32_MAX, 0, false},
        {"true", 0, UINT32_MAX, 0, false},
        {"[1]", 0, UINT32_MAX, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[64];
        uint64_t v = 0;
        json_t *j;
        bool good;

        snprintf(text, sizeof text, "{\"v\":%s}", cases[i].value);
        j = json_parse(bytes_of(text), MIB, &e);
        assert_non_null(j);
        good = get_integer(json_object_get(j, "v"), cases[i].min, cases[i].max, &v) == 0;
        json_decref(j);
        if (good != cases[i].good || (good && v != cases[i].want))
            fail_msg("%s in [%lld, %llu]: %d, %llu", cases[i].value, (long long)cases[i].min,
                     (unsigned long long)cases[i].max, good, (unsigned long long)v);
    }
}

static void errors_name_the_innermost_message_and_field(void **state)
{
    (void)state;
    assert_null(decode("{\"child\":{\"rAll\":[{},{\"fBool\":\"x\"}]}}"));
    assert_string_equal(e.text, "unmarshal unit.All: field 'f_bool': not a boolean");
    assert_null(decode("{\"mInt32\":{\"x\":{}}}"));
    assert_string_equal(e.text, "unmarshal unit.All: field 'key': not a 32-bit integer");
    assert_null(decode("{\"mString\":{\"a\":null}}"));
    assert_string_equal(e.text, "unmarshal unit.All: field 'm_string': a value is null");
}

static void names_have_two_spellings(void **state)
{
    const ProtobufCMessageDescriptor *d = &unit__all__descriptor;

    (void)state;
    assert_ptr_equal(find_field(d, "f_string"), find_field(d, "fString"));
    assert_non_null(find_field(d, "fString"));
    assert_null(find_field(d, "FString"));
    assert_null(find_field(d, "fstring"));
    assert_null(find_field(d, ""));
}

static void values_become_text_again(void **state)
{
    json_t *j = json_parse(bytes_of("{ \"a\" : [ 1 , \"x\" ] }"), MIB, &e);
    char *text = json_text(j);

    (void)state;
    assert_string_equal(text, "{\"a\":[1,\"x\"]}");
    free(text);
    allocations = 0;
    text = json_text(j);
    allocations = -1;
    assert_null(text);
    json_decref(j);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(depth_counts_brackets_outside_texts),
        T(side_by_side_is_not_deep),
        T(the_budget_bounds_and_is_given_back),
        T(the_machines_memory_may_end_at_any_point),
        T(the_arena_may_end_at_any_point),
        T(malformed_text_is_located_and_not_quoted),
        T(one_field_under_two_names_is_refused),
        T(integers_end_at_their_edges),
        T(errors_name_the_innermost_message_and_field),
        T(names_have_two_spellings),
        T(values_become_text_again),
    };

    return RUN(tests);
}
