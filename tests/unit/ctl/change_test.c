/* rm, mkdir, mv, chmod: their words, and what is asked for. */
#include "test.h"

#include "files_rig.h"

static void wrong_words_are_usage(void **state)
{
    static const struct {
        const char *words[5];
        int code;
        const char *says;
    } cases[] = {
        {{"rm"}, CTL_USAGE, "rm: an operand is missing"},
        {{"rm", "-f"}, CTL_OK, ""},
        {{"rm", "/"}, CTL_REFUSED, "rm '/': this is not removed"},
        {{"rm", "-rf", ":"}, CTL_REFUSED, "this is not removed"},
        {{"rm", "--nope", "x"}, CTL_USAGE, "nope"},
        {{"mkdir"}, CTL_USAGE, "an operand is missing"},
        {{"mkdir", "-m", "8", "x"}, CTL_USAGE, "'8' is no mode in octal"},
        {{"mv", "x"}, CTL_USAGE, "an operand is missing"},
        {{"chmod", "755"}, CTL_USAGE, "an operand is missing"},
        {{"chmod", "10000", "x"}, CTL_USAGE, "'10000' is no mode in octal"},
        {{"chmod", "", "x"}, CTL_USAGE, "'' is no mode in octal"},
        {{"chmod", "-1", "x"}, CTL_USAGE, "option '-1' is unknown"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (guestctl(cases[i].words) != cases[i].code || !strstr(said, cases[i].says))
            fail_msg("case %zu says: %s", i, said);
    }
}

static void a_mode_is_octal(void **state)
{
    Guest__V1__ChmodResponse done = GUEST__V1__CHMOD_RESPONSE__INIT;
    const Guest__V1__ChmodRequest *m;

    (void)state;
    answer_message(&done.base);
    agent_start();
    assert_int_equal(GUESTCTL("-t", agent.target, "chmod", "-R", "4750", ":/x"), CTL_OK);
    agent_finish();
    m = (const Guest__V1__ChmodRequest *)request_message(&guest__v1__chmod_request__descriptor);
    assert_int_equal(m->mode, 04750);
    assert_true(m->recursive);
    assert_string_equal(m->path, "/x");
}

static void a_directory_needs_r(void **state)
{
    (void)state;
    answer_stat(file_of(BYTES("d"), GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY));
    agent_start();
    assert_int_equal(GUESTCTL("-t", agent.target, "rm", "/d"), CTL_REFUSED);
    assert_string_equal(said, "guestctl: rm '/d': a directory (-r removes it)\n");
}

static void what_is_there_already_is_no_error_with_p(void **state)
{
    (void)state;
    answer_error("already_exists");
    answer_error("already_exists");
    agent.answers[1].same = false;
    agent_start();
    assert_int_equal(GUESTCTL("-t", agent.target, "mkdir", "-p", "/d"), CTL_OK);
    assert_int_equal(GUESTCTL("-t", agent.target, "mkdir", "/d"), CTL_REFUSED);
    assert_string_equal(said, "guestctl: mkdir '/d': it is said\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(wrong_words_are_usage),
        T(a_mode_is_octal),
        T(a_directory_needs_r),
        T(what_is_there_already_is_no_error_with_p),
    };

    return RUN(tests);
}
