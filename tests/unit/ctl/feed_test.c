/* What we tell a process: one call each, to the process by its id, over one connection. */
#include "test.h"

#include <poll.h>
#include <signal.h>

#include "ctl_rig.h"

#include "ctl/feed.c"

static struct ctl ctl;
static struct feed feed;
static struct err e;

static int setup(void **state)
{
    codec_init();
    if (agent_setup(state) < 0 || target_parse(&ctl.target, agent.target, &e) < 0)
        return -1;
    feed = (struct feed){.ctl = &ctl, .pid = 12, .id = 7};
    return 0;
}

static enum feed_answer answer(void)
{
    enum feed_answer a;

    while ((a = feed_answer(&feed, &e)) == FEED_WAITING)
        ;
    return a;
}

static void an_answer_may_be_a_refusal(void **state)
{
    (void)state;
    agent_http(200, "Content-Type: application/proto\r\n", "", 0);
    agent_http(409, "", "", 0);
    agent.answers[1].same = true;
    agent_start();
    assert_int_equal(feed_input(&feed, (const uint8_t *)"abc", 3, &e), 0);
    assert_true(feed.asking && feed.with_input);
    assert_int_equal(answer(), FEED_TAKEN);
    assert_false(feed.asking);
    assert_int_equal(feed_end(&feed, &e), 0);
    assert_true(feed.with_input);
    assert_int_equal(answer(), FEED_REFUSED);
    agent_finish();
    assert_ptr_equal(strstr(agent.request, "POST /process.Process/CloseStdin "), agent.request);
    feed_close(&feed);
}

static void an_agent_without_memory_loses_input(void **state)
{
    static const char exhausted[] = "{\"code\":\"resource_exhausted\",\"message\":\"out of memory\"}";

    (void)state;
    agent_http(429, "Content-Type: application/json\r\n", exhausted, sizeof exhausted - 1);
    agent_start();
    assert_int_equal(feed_end(&feed, &e), 0);
    assert_int_equal(answer(), FEED_LOST);
    assert_non_null(strstr(e.text, "out of memory"));
    agent_finish();
    feed_close(&feed);
}

static void a_lost_connection_is_opened_anew(void **state)
{
    (void)state;
    agent_answers("HTTP/1.1 ", false);
    agent_http(200, "Content-Type: application/proto\r\n", "", 0);
    agent_start();
    assert_int_equal(feed_signal(&feed, SIGTERM, &e), 0);
    assert_int_equal(answer(), FEED_LOST);
    assert_false(feed.client.ctl || feed.asking);
    assert_int_equal(feed_size(&feed, &e), 0);
    assert_int_equal(answer(), FEED_TAKEN);
    agent_finish();
    feed_close(&feed);
}

static void without_an_agent_nothing_is_open(void **state)
{
    struct ctl nowhere = ctl;

    (void)state;
    target_parse(&nowhere.target, "unix:/no/such", &e);
    feed.ctl = &nowhere;
    assert_int_equal(feed_end(&feed, &e), -1);
    assert_false(feed.client.ctl || feed.asking);
}

static void input_is_the_terminal_s_or_the_pipe_s(void **state)
{
    struct arena arena = {0};

    (void)state;
    for (int terminal = 0; terminal < 2; terminal++) {
        const Process__SendInputRequest *m;
        const char *body;

        agent.count = 0;
        agent_http(200, "Content-Type: application/proto\r\n", "", 0);
        agent_start();
        feed.terminal = terminal;
        assert_int_equal(feed_input(&feed, (const uint8_t *)"abc", 3, &e), 0);
        assert_int_equal(answer(), FEED_TAKEN);
        agent_finish();
        feed_close(&feed);
        body = strstr(agent.request, "\r\n\r\n") + 4;
        m = (const Process__SendInputRequest *)codec_decode(
            CODEC_PROTO, &process__send_input_request__descriptor,
            (struct bytes){body, agent.request_len - (size_t)(body - agent.request)}, &arena, &e);
        assert_int_equal(m->process->id, 7);
        assert_int_equal(m->input->input_case,
                         terminal ? PROCESS__PROCESS_INPUT__INPUT_PTY : PROCESS__PROCESS_INPUT__INPUT_STDIN);
        arena_clear(&arena);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, agent_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_answer_may_be_a_refusal),
        T(an_agent_without_memory_loses_input),
        T(a_lost_connection_is_opened_anew),
        T(without_an_agent_nothing_is_open),
        T(input_is_the_terminal_s_or_the_pipe_s),
    };

    return RUN(tests);
}
