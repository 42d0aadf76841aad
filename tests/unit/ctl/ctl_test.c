/* guestctl's own options, its durations, and the exit code of each mistake. */
#include "test.h"

#include "ctl_rig.h"

/* --- durations ------------------------------------------------------------------------------- */

static void durations_have_a_unit_or_are_seconds(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {
        {"0", 0},
        {"1", 1000},
        {"1.5", 1500},
        {"10s", 10000},
        {"500ms", 500},
        {"0.4ms", 0},
        {"0.5ms", 1},
        {"2m", 120000},
        {"1h", 3600000},
        {"1e1s", 10000},
        {"9999999.999", 9999999999},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        uint64_t ms = 77;
        struct err e;

        if (ctl_duration(good[i].text, &ms, &e) < 0)
            fail_msg("%s", e.text);
        assert_int_equal(ms, good[i].ms);
    }
}

static void other_words_are_no_durations(void **state)
{
    static const char *const bad[] = {"",    "s",   "-1", "-1s", "+1",  "1x", "1 s", " 1",       "1s ",
                                      "inf", "nan", "1d", "ms",  "1sm", "1S", ".5",  "10000000", "99999999h"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        uint64_t ms = 77;
        struct err e;
        char want[128];

        if (ctl_duration(bad[i], &ms, &e) == 0)
            fail_msg("accepted: '%s'", bad[i]);
        assert_int_equal(ms, 77);
        snprintf(want, sizeof want, "'%s' is not a duration (10s, 500ms, 2m, 1h)", bad[i]);
        assert_string_equal(e.text, want);
    }
}

/* --- words ----------------------------------------------------------------------------------- */

static void its_own_mistakes_end_with_125(void **state)
{
    static const struct {
        const char *words[6];
        const char *says;
    } cases[] = {
        {{NULL}, "guestctl: no verb is given (guestctl --help)\n"},
        {{"dance"}, "guestctl: there is no verb 'dance' (guestctl --help)\n"},
        {{"--wait", "soon", "ping"}, "guestctl: 'soon' is not a duration (10s, 500ms, 2m, 1h)\n"},
        {{"--token-file", "/no/such", "ping"},
         "guestctl: token file '/no/such': no such file or directory\n"},
        {{"-t", "ftp:x", "ping"},
         "guestctl: target 'ftp:x': it does not begin with hybrid:, vsock:, unix: or tcp:\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(guestctl(cases[i].words), CTL_FAILED);
        assert_string_equal(said, cases[i].says);
        assert_string_equal(printed, "");
    }
    assert_int_equal(GUESTCTL("--frobnicate"), CTL_FAILED);
    assert_non_null(strstr(said, "frobnicate"));
}

static void a_token_with_a_line_break_is_refused(void **state)
{
    (void)state;
    setenv("GUESTD_TOKEN", "a\r\nX-Other: b", 1);
    assert_int_equal(GUESTCTL("-t", agent.target, "ping"), CTL_FAILED);
    assert_string_equal(said, "guestctl: the token holds a line break\n");
    unsetenv("GUESTD_TOKEN");
}

static void help_names_every_verb_and_option(void **state)
{
    (void)state;
    assert_int_equal(GUESTCTL("--help"), 0);
    for (size_t i = 0; i < verb_count; i++)
        assert_non_null(strstr(printed, verbs[i].summary));
    for (size_t i = 0; i < global_option_count; i++)
        assert_non_null(strstr(printed, global_options[i].text));
    for (size_t i = 0; i < verb_count; i++) {
        assert_int_equal(GUESTCTL(verbs[i].name, "--help"), 0);
        assert_non_null(strstr(printed, verbs[i].summary));
        for (size_t k = 0; k < verbs[i].option_count; k++)
            assert_non_null(strstr(printed, verbs[i].options[k].text));
    }
    assert_int_equal(GUESTCTL("--version"), 0);
    assert_int_equal(strncmp(printed, "guestctl " GUESTD_VERSION "\ncommit ", 17 + strlen(GUESTD_VERSION)),
                     0);
    assert_non_null(strstr(printed, "\nbuild "));
    assert_non_null(strstr(printed, "\nprotocols connect grpc\n"));
}

/* --- what is sent ---------------------------------------------------------------------------- */

static void the_token_of_the_file_is_shown_without_its_line_end(void **state)
{
    char path[] = "/tmp/guestd-token-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_int_equal(write(fd, "s3cret\nrest", 11), 11);
    close(fd);
    agent_http(204, "", "", 0);
    agent_start();
    assert_int_equal(GUESTCTL("--token-file", path, "-t", agent.target, "ping"), 0);
    agent_finish();
    assert_non_null(strstr(agent.request, "\r\nx-access-token: s3cret\r\n"));
    unlink(path);
}

static void without_a_token_none_is_shown(void **state)
{
    (void)state;
    agent_http(204, "", "", 0);
    agent_start();
    setenv("GUESTD_HOST", agent.target, 1);
    assert_int_equal(GUESTCTL("ping"), 0);
    agent_finish();
    assert_null(strcasestr(agent.request, "token"));
    assert_memory_equal(printed, agent.target, strlen(agent.target));
}

#define T(f) cmocka_unit_test_setup_teardown(f, agent_setup, agent_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(durations_have_a_unit_or_are_seconds), T(other_words_are_no_durations),
        T(its_own_mistakes_end_with_125),        T(a_token_with_a_line_break_is_refused),
        T(help_names_every_verb_and_option),     T(the_token_of_the_file_is_shown_without_its_line_end),
        T(without_a_token_none_is_shown),
    };

    return RUN(tests);
}
