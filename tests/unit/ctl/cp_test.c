/* cp's words: which side is which, and what is no copy. */
#include "test.h"

#include "files_rig.h"

static void wrong_words_are_usage(void **state)
{
    static const struct {
        const char *words[6];
        const char *says;
    } cases[] = {
        {{"cp"}, "a source or a destination is missing"},
        {{"cp", "a"}, "a source or a destination is missing"},
        {{"cp", "a", "b"}, "neither is the guest's"},
        {{"cp", "--resume", ":a", ":b"}, "--resume is for what is sent"},
        {{"cp", "a", ":b", ":c"}, "not all on one side"},
        {{"cp", "-r", "--resume", "a", ":b"}, "--resume is for files"},
        {{"cp", "--nope", "a", ":b"}, "nope"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(guestctl(cases[i].words), CTL_USAGE);
        if (!strstr(said, cases[i].says))
            fail_msg("case %zu says: %s", i, said);
    }
}

static void a_slash_wants_a_directory(void **state)
{
    (void)state;
    answer_error("not_found");
    agent_start();
    assert_int_equal(GUESTCTL("-t", agent.target, "cp", "/etc/passwd", ":/no/"), CTL_REFUSED);
    assert_string_equal(said, "guestctl: cp '/no/': not a directory\n");
}

static void without_an_agent_it_is_our_failure(void **state)
{
    (void)state;
    assert_int_equal(GUESTCTL("-t", "unix:/no/such", "cp", "/etc/passwd", ":/x"), CTL_FAILED);
    assert_non_null(strstr(said, "no such socket"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(wrong_words_are_usage),
        T(a_slash_wants_a_directory),
        T(without_an_agent_it_is_our_failure),
    };

    return RUN(tests);
}
