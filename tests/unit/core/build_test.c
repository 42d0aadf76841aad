/* What a program says of its own build. */
#include "core/build.c"

#include "test.h"

#define HEADER(name, desc, type) name "\0\0\0" desc "\0\0\0" type "\0\0\0"
#define ID                       HEADER("\4", "\4", "\3") "GNU\0\1\2\xab\xcd"

static bool found(const char *data, size_t len, size_t align, char out[2 * BUILD_ID_MAX + 1])
{
    char *copy = malloc(len + 1); /* of its very length, so that a read behind it is seen */
    bool is;

    memcpy(copy, data, len);
    copy = realloc(copy, len ? len : 1);
    *out = 0;
    is = find_id((struct bytes){copy, len}, align, out);
    free(copy);
    return is;
}

static void the_note_is_found_among_others(void **state)
{
    static const struct {
        struct bytes notes;
        size_t align;
    } good[] = {
        {BYTES_LIT(ID), 4},
        {BYTES_LIT(HEADER("\4", "\1", "\1") "GNU\0x\0\0\0" ID), 4},
        {BYTES_LIT(HEADER("\4", "\4", "\3") "ABC\0four" ID), 4}, /* another owner's type 3 */
        {BYTES_LIT(HEADER("\3", "\0", "\3") "GNU\0" ID), 0},
        {BYTES_LIT(HEADER("\4", "\1", "\5") "GNU\0x\0\0\0\0\0\0\0" HEADER("\4", "\4",
                                                                          "\3") "GNU\0\1\2\xab\xcd\0\0\0\0"),
         8},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        char out[2 * BUILD_ID_MAX + 1];

        assert_true(found(good[i].notes.ptr, good[i].notes.len, good[i].align, out));
        assert_string_equal(out, "0102abcd");
    }
}

static void what_is_cut_off_or_too_long_is_none(void **state)
{
    char out[2 * BUILD_ID_MAX + 1];

    (void)state;
    for (size_t len = 0; len < sizeof(ID) - 1; len++)
        assert_false(found(ID, len, 4, out));
    assert_false(found(HEADER("\4", "\0", "\3") "GNU", 16, 4, out));
    assert_false(found("\4\0\0\0\xff\xff\xff\xff\3\0\0\0GNU\0xxxx", 20, 4, out));
    assert_false(found("\xff\xff\xff\xff\4\0\0\0\3\0\0\0GNU\0xxxx", 20, 4, out));
    assert_false(found(HEADER("\4", "\x21", "\3") "GNU\0abcdefghijklmnopqrstuvwxyz0123456789", 52, 4, out));
}

static void this_program_has_one(void **state)
{
    (void)state;
    assert_int_equal(strlen(build_id()), 40);
    assert_int_equal(strspn(build_id(), "0123456789abcdef"), 40);
    assert_ptr_equal(build_id(), build_id());
}

static void it_is_printed_line_by_line(void **state)
{
    char text[256] = "", want[256];
    FILE *out = fmemopen(text, sizeof text, "w");

    (void)state;
    build_print(out, "name");
    fclose(out);
    snprintf(want, sizeof want, "name %s\ncommit %s\nbuild %s\n", GUESTD_VERSION,
             *build_commit() ? build_commit() : "unknown", build_id());
    assert_string_equal(text, want);
    assert_int_equal(strspn(build_commit(), "0123456789abcdef"), strlen(build_commit()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_note_is_found_among_others),
        cmocka_unit_test(what_is_cut_off_or_too_long_is_none),
        cmocka_unit_test(this_program_has_one),
        cmocka_unit_test(it_is_printed_line_by_line),
    };

    return RUN(tests);
}
