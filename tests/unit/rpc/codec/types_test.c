/* The registry of messages by name. */
#include "test.h"

#include "rpc/codec/types.c"

#include <stdio.h>

#include "unit.pb-c.h"

static const ProtobufCMessageDescriptor *find(const char *name)
{
    return types_find(bytes_of(name));
}

static int setup(void **state)
{
    (void)state;
    count = added_count = 0;
    return 0;
}

static void a_message_brings_those_of_its_fields(void **state)
{
    (void)state;
    assert_null(find("unit.All"));
    assert_int_equal(types_add(&unit__all__descriptor), 0);
    assert_ptr_equal(find("unit.All"), &unit__all__descriptor);
    assert_ptr_equal(find("unit.Known"), &unit__known__descriptor);
    assert_ptr_equal(find("google.protobuf.Timestamp"), &google__protobuf__timestamp__descriptor);
    assert_ptr_equal(find("google.protobuf.Struct"), &google__protobuf__struct__descriptor);
    assert_ptr_equal(find("google.protobuf.Value"), &google__protobuf__value__descriptor); /* a map's value */
}

static void only_whole_names_are_found(void **state)
{
    (void)state;
    assert_int_equal(types_add(&unit__all__descriptor), 0);
    assert_null(find(""));
    assert_null(find("All"));
    assert_null(find("unit.Al"));
    assert_null(find("unit.All."));
    assert_null(find("unit.AllX"));
    assert_null(find("unit.Color"));
    assert_null(find("unit.All.MInt32Entry"));
    assert_null(types_find((struct bytes){NULL, 0}));
    assert_null(types_find(BYTES_LIT("unit.All\0x")));
    assert_non_null(types_find((struct bytes){"unit.AllX", 8}));
}

static void what_is_there_stays(void **state)
{
    ProtobufCMessageDescriptor other = unit__all__descriptor;
    unsigned had;

    (void)state;
    assert_int_equal(types_add(&unit__all__descriptor), 0);
    assert_ptr_equal(find("unit.All"), &unit__all__descriptor);
    had = count;
    assert_int_equal(types_add(&other), 0);
    assert_ptr_equal(find("unit.All"), &unit__all__descriptor);
    assert_int_equal(count, had);
}

static void there_is_an_end(void **state)
{
    static ProtobufCMessageDescriptor many[TYPES_MAX + 1];
    static char names[TYPES_MAX + 1][16];

    (void)state;
    for (unsigned i = 0; i <= TYPES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "m.%u", i * 7919 % (TYPES_MAX + 1)); /* in no order */
        many[i].name = names[i];
        assert_int_equal(types_add(&many[i]), i < TYPES_MAX ? 0 : -1);
    }
    for (unsigned i = 0; i <= TYPES_MAX; i++)
        assert_ptr_equal(find(names[i]), i < TYPES_MAX ? &many[i] : NULL);
    assert_int_equal(types_add(&unit__all__descriptor), 0);
    assert_null(find("unit.All"));
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_message_brings_those_of_its_fields),
        T(only_whole_names_are_found),
        T(what_is_there_stays),
        T(there_is_an_end),
    };

    return RUN(tests);
}
