/* attach: its words, its request and its exit code. */
#include "test.h"

#include "stream_rig.h"

#include "ctl/attach.c"

static int setup(void **state)
{
    codec_init();
    stream_with_offsets = true;
    stream_offset = 0;
    return agent_setup(state);
}

static const Process__ConnectRequest *request_of(int code, const char *const *words)
{
    agent.count = 0;
    stream_begin();
    stream_start(12);
    stream_output(false, "out");
    stream_process_end(true, code, "exit status");
    stream_finish("{}");
    assert_int_equal(run_verb("attach", words), code);
    return (const Process__ConnectRequest *)streamed_request(&process__connect_request__descriptor);
}

#define REQUEST(code, ...) request_of(code, (const char *const[]){__VA_ARGS__, NULL})

static void it_connects_and_ends_as_the_process(void **state)
{
    const Process__ConnectRequest *m = REQUEST(5, "web");

    (void)state;
    assert_string_equal(printed, "out");
    assert_string_equal(m->process->tag, "web");
    assert_null(m->replay);
    assert_int_equal(REQUEST(0, "id:7")->process->id, 7);
}

static void replay_is_all_or_a_tail(void **state)
{
    const Process__Replay *r = REQUEST(0, "--replay", "all", "12")->replay;

    (void)state;
    assert_int_equal(r->from_case, PROCESS__REPLAY__FROM_START);
    assert_true(r->start);
    r = REQUEST(0, "--replay", "99", "12")->replay;
    assert_int_equal(r->from_case, PROCESS__REPLAY__FROM_TAIL);
    assert_int_equal(r->tail, 99);
}

static void wrong_words_are_125(void **state)
{
    static const struct {
        const char *words[5];
        const char *says;
    } cases[] = {
        {{"attach"}, "attach: no process is named"},
        {{"attach", "1", "2"}, "attach: one process at a time"},
        {{"attach", "--replay", "some", "1"}, "'some'"},
        {{"attach", "--detach-keys", "x", "1"}, "--detach-keys goes with -it only"},
        {{"attach", "--frob", "1"}, "frob"},
        {{"attach", "id:x"}, "'id:x' is no id of a process"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(guestctl(cases[i].words), CTL_FAILED);
        if (!strstr(said, cases[i].says))
            fail_msg("case %zu says: %s", i, said);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, agent_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_connects_and_ends_as_the_process),
        T(replay_is_all_or_a_tail),
        T(wrong_words_are_125),
    };

    return RUN(tests);
}
