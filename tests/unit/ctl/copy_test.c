/* Where a source goes, and under which name its part lies. */
#include "test.h"

#include "ctl/copy.h"

static void a_source_goes_into_a_directory_or_becomes_it(void **state)
{
    static const struct {
        struct copy_place place;
        const char *source;
        bool is_directory;
        const char *name; /* NULL: refused */
    } cases[] = {
        {{"/d", true, true}, "f", false, "/d/f"},   {{"/d/", true, true}, "/x/f", false, "/d/f"},
        {{"/d", true, true}, "x/t/", true, "/d/t"}, {{"/d", true, true}, "x/t/.", true, "/d"},
        {{"/d", true, true}, ".", true, "/d"},      {{"/d", true, true}, "..", true, "/d"},
        {{"/d", true, true}, "/", true, "/d"},      {{"/n", false, false}, "f", false, "/n"},
        {{"/n", false, false}, "t", true, "/n"},    {{"/f", true, false}, "g", false, "/f"},
        {{"/f", true, false}, "t", true, NULL},     {{".", true, true}, "a//b//", true, "./b"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e;
        char *name = copy_name(&cases[i].place, cases[i].source, cases[i].is_directory, &e);

        if (cases[i].name)
            assert_string_equal(name, cases[i].name);
        else
            assert_null(name);
        free(name);
    }
}

static void a_part_is_of_one_name_and_one_version(void **state)
{
    static const char *const others[][2] = {
        {"/d/f", "w"}, {"/d/g", "v"}, {"/d/", "fv"}, {"/d/fv", ""}, {"f", "v"}};
    char *part = copy_part("/d/f", "v"), *again = copy_part("/d/f", "v");

    (void)state;
    assert_string_equal(part, again);
    assert_memory_equal(part, "/d/.guestctl-", 13);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        char *other = copy_part(others[i][0], others[i][1]);

        assert_string_not_equal(strrchr(part, '-'), strrchr(other, '-'));
        free(other);
    }
    free(part);
    free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_goes_into_a_directory_or_becomes_it),
        cmocka_unit_test(a_part_is_of_one_name_and_one_version),
    };

    return RUN(tests);
}
