#include "git_rig.h"

static struct git_run run;
static struct git_sink sink;
static unsigned ended, ready;
static size_t fed;
static bool refuse;

static void on_run_ended(struct git_run *r)
{
    (void)r;
    ended++;
}

static void on_run_ready(struct git_run *r)
{
    (void)r;
    ready++;
}

static int feed(struct git_sink *s, struct bytes data, struct err *e)
{
    (void)s;
    fed += data.len;
    return refuse ? err_set(e, STATUS_DATA_LOSS, 0, "no") : 0;
}

static void start(const char *script, bool with_sink, struct chain *input)
{
    const char *args[] = {"-c", script};
    const struct exec_spec view = {.cmd = "/bin/sh",
                                   .args = args,
                                   .arg_count = 2,
                                   .stdin_pipe = input,
                                   .kill_target = EXEC_TARGET_TREE,
                                   .grace_ms = 500,
                                   .transient = true};
    struct err e;

    sink.feed = feed;
    run.execs = &rig.table;
    run.out = with_sink ? &sink : NULL;
    run.ended = on_run_ended;
    run.ready = on_run_ready;
    ended = ready = 0;
    fed = 0;
    assert_int_equal(git_run_start(&run, exec_spec_copy(&view), rig.settings.env, input, &e), 0);
}

static void to_a_sink(void **state)
{
    struct chain input = {0};
    static char text[600000];

    (void)state;
    assert_int_equal(chain_copy(&input, text, sizeof text), 0);
    start("cat; echo said >&2; exit 3", true, &input);
    RUN_UNTIL(NULL, ended, 5000);
    assert_int_equal(fed, sizeof text);
    assert_int_equal(run.end.code, 3);
    assert_false(run.end.failed);
    assert_int_equal(git_tail_text(&run.said).len, 5);
    git_run_clear(&run);
}

/* Nothing is read before it is asked for, and then all of it. */
static void by_reference(void **state)
{
    size_t total = 0;

    (void)state;
    start("head -c 3000000 /dev/zero", false, NULL);
    RUN_UNTIL(NULL, ready, 5000);
    while (!ended) {
        struct chain out = {0};
        enum ring_stream stream;

        git_run_taken(&run);
        if (git_run_read(&run, FRAME_MAX, &out, &stream) == EXEC_DATA)
            total += out.bytes;
        else
            rig_turn();
        chain_clear(&out);
    }
    assert_int_equal(total, 3000000);
    assert_int_equal(run.end.code, 0);
    git_run_clear(&run);
}

static void stopped(void **state)
{
    (void)state;
    start("trap '' TERM; echo x; while :; do sleep 0.1; done", true, NULL);
    RUN_UNTIL(NULL, fed, 5000);
    git_run_stop(&run);
    git_run_stop(&run);
    RUN_UNTIL(NULL, ended, 5000);
    assert_int_equal(run.end.signal, SIGKILL);
    assert_int_equal(run.end.code, -1);
    git_run_clear(&run);
}

static void a_sink_that_fails(void **state)
{
    (void)state;
    refuse = true;
    start("while :; do echo x; sleep 0.01; done", true, NULL);
    RUN_UNTIL(NULL, ended, 5000);
    refuse = false;
    assert_true(run.end.failed);
    assert_int_equal(run.end.error.status, STATUS_DATA_LOSS);
    git_run_clear(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(to_a_sink), cmocka_unit_test(by_reference),
                                       cmocka_unit_test(stopped), cmocka_unit_test(a_sink_that_fails)};

    return cmocka_run_group_tests(tests, git_setup, git_teardown);
}
