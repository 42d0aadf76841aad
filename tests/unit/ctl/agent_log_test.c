/* The agent's own log: all of it, its end, and what comes. */
#include "test.h"

#include "ctl_rig.h"

/* Between two looks of --follow nothing is waited for. */
static unsigned slept;
#define sleep(s) (slept += (s))

#include "ctl/agent_log.c"

#undef sleep

static struct ctl ctl;

static int setup(void **state)
{
    struct err e;

    codec_init();
    slept = 0;
    return agent_setup(state) < 0 ? -1 : target_parse(&ctl.target, agent.target, &e);
}

/* The next answer: that text, which ends at byte `next` of the log. */
static void log_is(const char *text, uint64_t next)
{
    Guest__V1__GetLogResponse r = GUEST__V1__GET_LOG_RESPONSE__INIT;
    static uint8_t packed[ARRAY_LEN(agent.answers)][512];
    uint8_t *at = packed[agent.count];

    r.text = (char *)(uintptr_t)text;
    r.from = next - strlen(text);
    r.next = next;
    agent_http(200, "Content-Type: application/proto\r\n", at, protobuf_c_message_pack(&r.base, at));
    agent.answers[agent.count - 1].same = agent.count > 1;
}

static int print(uint64_t tail, bool follow)
{
    struct capture c;
    int code;

    agent_start();
    capture_begin(&c);
    code = agent_log_print(&ctl, tail, follow);
    capture_end(&c);
    agent_finish();
    return code;
}

static void all_of_it(void **state)
{
    (void)state;
    log_is("one\n\x1b[31mtwo\n", 100);
    assert_int_equal(print(UINT64_MAX, false), CTL_OK);
    assert_string_equal(printed, "one\n?[31mtwo\n");
}

static void its_end_begins_with_a_line(void **state)
{
    (void)state;
    assert_string_equal(last_lines("one\ntwo\n", 8), "one\ntwo\n");
    assert_string_equal(last_lines("one\ntwo\n", 7), "two\n");
    assert_string_equal(last_lines("one\ntwo\n", 4), "two\n");
    assert_string_equal(last_lines("one\ntwo\n", 3), "");
    assert_string_equal(last_lines("one\ntwo\n", 0), "");
    assert_string_equal(last_lines("", 0), "");
}

static void following_asks_for_what_came_since(void **state)
{
    Guest__V1__GetLogRequest *m;
    const char *body;

    (void)state;
    log_is("one\ntwo\n", 100);
    log_is("three\n", 106);
    assert_int_equal(print(4, true), CTL_FAILED); /* the agent ends */
    assert_string_equal(printed, "two\nthree\n");
    assert_int_equal(slept, 2);
    body = strstr(agent.request, "\r\n\r\n") + 4;
    m = guest__v1__get_log_request__unpack(NULL, agent.request_len - (size_t)(body - agent.request),
                                           (const uint8_t *)body);
    assert_int_equal(m->after, 100);
    guest__v1__get_log_request__free_unpacked(m, NULL);
}

static void an_agent_that_keeps_none_is_told(void **state)
{
    static const char body[] = "{\"code\":\"unimplemented\",\"message\":\"no such method\"}";

    (void)state;
    agent_http(404, "Content-Type: application/json\r\n", body, strlen(body));
    assert_int_equal(print(UINT64_MAX, false), CTL_REFUSED);
    assert_string_equal(said, "guestctl: no such method\n");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, agent_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(all_of_it),
        T(its_end_begins_with_a_line),
        T(following_asks_for_what_came_since),
        T(an_agent_that_keeps_none_is_told),
    };

    return RUN(tests);
}
