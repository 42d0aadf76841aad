#include "git/stream.h"

#include "git_rig.h"

static struct talk t;

static void output_and_its_end(void **state)
{
    (void)state;
    put_git("head -c 90000 /dev/zero; echo bad >&2; exit 3");
    ask_stream(&t, "guest.v1.Git/Run", "", "{\"path\":\"/\",\"args\":[\"x\"]}");
    HEAR(&t, "\"exitCode\":3");
    assert_true(has(&t, "\"stderr\":\"YmFkCg==\""));
    assert_true(t.len > 120000);
    hang_up(&t);
}

/* The newest of git's progress, and what the server said. */
static void progress(void **state)
{
    (void)state;
    put_git("printf 'remote: hello\\nReceiving objects:  50%% (1/2)\\r' >&2; sleep 0.2; exit 1");
    ask_stream(&t, "guest.v1.Git/Clone", "", "{\"path\":\"/none/x\",\"url\":\"/y\"}");
    HEAR(&t, "\"error\"");
    assert_true(has(&t, "\"remote\":\"hello\""));
    assert_true(has(&t, "\"phase\":\"Receiving objects\",\"done\":\"1\",\"total\":\"2\""));
    hang_up(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(output_and_its_end), cmocka_unit_test(progress)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
