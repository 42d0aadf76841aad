/* Where a process's output ends, of every kind of answer. */
#include "test.h"

#include "stream_rig.h"

#include "ctl/head.c"

static struct ctl ctl;
static Process__ProcessSelector whom;
static struct answer_error e;
static uint64_t id, offset;

static int setup(void **state)
{
    codec_init();
    stream_with_offsets = true;
    stream_offset = 99;
    process__process_selector__init(&whom);
    whom.selector_case = PROCESS__PROCESS_SELECTOR__SELECTOR_PID;
    whom.pid = 12;
    return agent_setup(state) < 0 ? -1 : target_parse(&ctl.target, agent.target, &e.err);
}

static int ask(void)
{
    int ret;

    agent_start();
    ret = head_ask(&ctl, &whom, &id, &offset, &e);
    agent_finish();
    return ret;
}

static void the_first_event_tells(void **state)
{
    const Process__ConnectRequest *m;

    (void)state;
    stream_begin();
    stream_start(12);
    stream_breaks(true);
    assert_int_equal(ask(), 0);
    assert_int_equal(id, 7);
    assert_int_equal(offset, 99);
    m = (const Process__ConnectRequest *)streamed_request(&process__connect_request__descriptor);
    assert_int_equal(m->process->pid, 12);
    assert_true(m->events->offsets);
    assert_null(m->replay);
}

static void every_other_answer_is_an_error(void **state)
{
    static const char body[] = "{\"code\":\"not_found\",\"message\":\"process with pid 12 not found\"}";

    (void)state;
    agent_http(404, "Content-Type: application/json\r\n", body, strlen(body));
    assert_int_equal(ask(), -1);
    assert_true(e.from_agent);
    assert_string_equal(e.err.text, "process with pid 12 not found");
    agent.count = 0;
    stream_begin();
    stream_finish("{}");
    assert_int_equal(ask(), -1);
    assert_non_null(strstr(e.err.text, ": an empty stream"));
    agent.count = 0;
    stream_begin();
    stream_output(false, "no start");
    stream_breaks(true);
    assert_int_equal(ask(), -1);
    assert_non_null(strstr(e.err.text, ": this agent knows no offsets"));
    agent.count = 0;
    stream_begin();
    stream_message(0, "\x0a\x7f", 2);
    stream_breaks(true);
    assert_int_equal(ask(), -1);
    assert_non_null(strstr(e.err.text, "malformed protobuf"));
    agent.count = 0;
    agent_answers("HTTP/1.1", false);
    assert_int_equal(ask(), -1);
    assert_non_null(strstr(e.err.text, ": the connection was closed"));
    assert_int_equal(id, 0);
    assert_int_equal(offset, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, agent_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_first_event_tells),
        T(every_other_answer_is_an_error),
    };

    return RUN(tests);
}
