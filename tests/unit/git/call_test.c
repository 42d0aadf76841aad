#include "git/call.h"

#include "git_rig.h"

static struct talk t;

/* What comes when git does that on Status. */
static void expect(const char *script, const char *json, const char *wanted)
{
    put_git(script);
    ask(&t, "guest.v1.Git/Status", json);
    HEAR(&t, wanted);
    hang_up(&t);
}

static void answers(void **state)
{
    (void)state;
    expect("printf '# branch.head main\\0? x\\0'", "{\"path\":\"/\"}", "\"branch\":\"main\"");
    expect("printf '? x\\0'", "{\"path\":\"/\"}", "\"untracked\":true");
}

static void failures(void **state)
{
    (void)state;
    expect("echo 'fatal: not a git repository' >&2; exit 128", "{\"path\":\"/\"}",
           "git Status: not a git repository");
    expect("exit 7", "{\"path\":\"/\"}", "git Status: exit status 7");
    expect("kill -9 $$", "{\"path\":\"/\"}", "ended by signal 9");
    expect("printf 'nonsense\\0'", "{\"path\":\"/\"}", "\"internal\"");
    expect("printf '? x'", "{\"path\":\"/\"}", "ends inside a record");
    expect(":", "{\"path\":\"/\",\"limit\":10001}", "\"invalid_argument\"");
    expect(":", "{\"path\":\"/\",\"options\":{\"env\":{\"GIT_DIR\":\"/\"}}}", "\"invalid_argument\"");
    expect(":", "{\"path\":\"/\",\"paths\":[\"\"]}", "\"invalid_argument\"");
    expect(":", "{\"path\":\"/none\"}", "\"not_found\"");
}

/* The client's deadline is the call's own: the detail says so. */
static void a_deadline(void **state)
{
    static const char json[] = "{\"path\":\"/\"}";

    (void)state;
    put_git("sleep 1000");
    ask_part(&t, "guest.v1.Git/Status", "json", "Connect-Timeout-Ms: 50\r\n", sizeof json - 1, json,
             sizeof json - 1);
    HEAR(&t, "deadline_exceeded");
    assert_true(has(&t, "guest.v1.GitFailure"));
    hang_up(&t);
    TURN_UNTIL(TAILQ_EMPTY(&execs.live));
}

static void a_client_that_goes(void **state)
{
    (void)state;
    put_git("sleep 1000");
    ask(&t, "guest.v1.Git/Status", "{\"path\":\"/\"}");
    TURN_UNTIL(!TAILQ_EMPTY(&execs.live));
    hang_up(&t);
    TURN_UNTIL(TAILQ_EMPTY(&execs.live));
}

/* Text that came from outside is no option. */
static void arguments(void **state)
{
    struct git_call c = {.arena = {.max = MIB}};
    struct err e;

    (void)state;
    assert_int_equal(git_call_text(&c, "", "-x", "branch", &e), -1);
    assert_int_equal(git_call_text(&c, "", "", "branch", &e), -1);
    assert_int_equal(git_call_text(&c, "--branch=", "-x", "branch", &e), 0);
    for (unsigned i = 1; i < GIT_ARGS_MAX; i++)
        assert_int_equal(git_call_arg(&c, "a", &e), 0);
    assert_string_equal(c.command.args[0], "--branch=-x");
    assert_string_equal(c.command.args[GIT_ARGS_MAX - 1], "a");
    assert_int_equal(git_call_arg(&c, "a", &e), -1);
    assert_string_equal(git_call_string(&c, BYTES_LIT("a\xff\0b\xc3\xa9"), &e), "a??b\xc3\xa9");
    arena_clear(&c.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers), cmocka_unit_test(failures),
                                       cmocka_unit_test(a_deadline), cmocka_unit_test(a_client_that_goes),
                                       cmocka_unit_test(arguments)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
