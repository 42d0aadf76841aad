/* logs: its words, its two requests, and where it ends. */
#include "test.h"

#include "stream_rig.h"

#include "ctl/logs.c"

static int setup(void **state)
{
    codec_init();
    stream_with_offsets = true;
    stream_offset = 0;
    return agent_setup(state);
}

/* An agent that keeps "cdefgh" of what began at 2, and a process that runs on. */
static const Process__ConnectRequest *logs_of(const char *const *words)
{
    agent.count = 0;
    stream_offset = 8;
    stream_begin();
    stream_start(12);
    stream_breaks(true);
    stream_begin();
    stream_offset = 2;
    stream_start(12);
    stream_output(false, "cdef");
    stream_output(true, "ghij");
    stream_breaks(true);
    assert_int_equal(run_verb("logs", words), 0);
    return (const Process__ConnectRequest *)streamed_request(&process__connect_request__descriptor);
}

#define LOGS(...) logs_of((const char *const[]){__VA_ARGS__, NULL})

static void it_ends_at_the_head_that_was_there(void **state)
{
    const Process__ConnectRequest *m = LOGS("web");

    (void)state;
    assert_string_equal(printed, "cdef");
    assert_string_equal(said, "guestctl: 2 bytes before this are not kept any more\ngh");
    assert_int_equal(m->process->id, 7); /* the same process, even when another one takes the tag */
    assert_int_equal(m->replay->from_case, PROCESS__REPLAY__FROM_OFFSET);
    assert_int_equal(m->replay->offset, 0);
    assert_true(m->events->offsets);
}

static void a_tail_begins_before_the_head(void **state)
{
    (void)state;
    assert_int_equal(LOGS("--tail", "6", "12")->replay->offset, 2);
    assert_string_equal(said, "gh");
    assert_int_equal(LOGS("--tail", "99", "12")->replay->offset, 0);
}

static void offsets_are_told_apart_from_the_output(void **state)
{
    (void)state;
    LOGS("--offsets", "--tail", "6", "12");
    assert_string_equal(printed, "cdef");
    assert_string_equal(said, "guestctl: 2 stdout 4\nguestctl: 6 stderr 2\ngh");
}

static void following_it_ends_with_the_process_and_with_0(void **state)
{
    (void)state;
    stream_begin();
    stream_start(12);
    stream_breaks(true);
    stream_begin();
    stream_start(12);
    stream_output(false, "more");
    stream_process_end(true, 9, "exit status 9");
    stream_finish("{}");
    assert_int_equal(RUN_VERB("logs", "-f", "12"), 0);
    assert_string_equal(printed, "more");
}

static void an_agent_without_offsets_is_told(void **state)
{
    (void)state;
    stream_with_offsets = false;
    stream_begin();
    stream_start(12);
    stream_breaks(true);
    assert_int_equal(RUN_VERB("logs", "12"), CTL_FAILED);
    assert_non_null(strstr(said, "this agent knows no offsets"));
}

static void wrong_words_are_usage(void **state)
{
    (void)state;
    assert_int_equal(GUESTCTL("logs", "--offsets"), CTL_USAGE);
    assert_int_equal(GUESTCTL("logs", "1", "2"), CTL_USAGE);
    assert_int_equal(GUESTCTL("logs", "--tail", "x", "1"), CTL_USAGE);
    assert_int_equal(GUESTCTL("logs", "--frob", "1"), CTL_USAGE);
    assert_int_equal(GUESTCTL("logs", "id:x"), CTL_USAGE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, agent_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_ends_at_the_head_that_was_there),     T(a_tail_begins_before_the_head),
        T(offsets_are_told_apart_from_the_output), T(following_it_ends_with_the_process_and_with_0),
        T(an_agent_without_offsets_is_told),       T(wrong_words_are_usage),
    };

    return RUN(tests);
}
