/* doctor: its words, and what it prints. What it finds is checkup's. */
#include "test.h"

#include "ctl_rig.h"

#include "ctl/doctor.c"

static void a_line_for_each(void **state)
{
    static const char *const kinds[] = {"socket     bad      unix:/no/such: no such socket",
                                        "handshake  skipped  cannot be told",
                                        "protocol   skipped",
                                        "token      skipped",
                                        "version    skipped",
                                        "clock      skipped",
                                        "cgroups    skipped"};

    (void)state;
    assert_int_equal(GUESTCTL("-t", "unix:/no/such", "doctor"), CHECKUP_CODE + CHECKUP_SOCKET);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        assert_non_null(strstr(printed, kinds[i]));
    assert_string_equal(said, "");
}

static void json_is_one_line(void **state)
{
    (void)state;
    assert_int_equal(GUESTCTL("-t", "unix:/no/such", "--json", "doctor"), CHECKUP_CODE + CHECKUP_SOCKET);
    assert_memory_equal(printed, "{\"target\":\"unix:/no/such\",", 26);
    assert_string_equal(strchr(printed, '\n'), "\n");
    assert_non_null(strstr(printed, "\"exit_code\":10}\n"));
}

static void wrong_words_are_usage(void **state)
{
    (void)state;
    assert_int_equal(GUESTCTL("doctor", "x"), CTL_USAGE);
    assert_int_equal(GUESTCTL("doctor", "--frob"), CTL_USAGE);
    assert_int_equal(GUESTCTL("doctor", "--skew", "x"), CTL_USAGE);
    assert_int_equal(GUESTCTL("doctor", "--patience", "-1s"), CTL_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_for_each),
        cmocka_unit_test(json_is_one_line),
        cmocka_unit_test(wrong_words_are_usage),
    };

    return RUN(tests);
}
