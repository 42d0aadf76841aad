/* kill: signals, whom they reach, and the request. */
#include "test.h"

#include "ctl_rig.h"

#include "ctl/kill.c"

static int setup(void **state)
{
    codec_init();
    return agent_setup(state);
}

static void signals_have_names_and_numbers(void **state)
{
    static const struct {
        const char *name;
        int signo;
    } cases[] = {
        {"TERM", SIGTERM}, {"sigterm", SIGTERM},
        {"15", 15},        {"SIGKILL", SIGKILL},
        {"9", 9},          {"HUP", SIGHUP},
        {"usr1", SIGUSR1}, {"64", 64},
        {"33", 33},        {"RTMIN", 34},
        {"RTMIN+2", 36},   {"SIGRTMAX-1", 63},
        {"RTMAX", 64},     {"", 0},
        {"SIG", 0},        {"65", 0},
        {"0", 0},          {"-1", 0},
        {"15x", 0},        {"RTMIN+99", 0},
        {"RTMIN+", 0},     {"RTMIN+x", 0},
        {"RTMIN+1x", 0},   {"nothing", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (parse_signal(cases[i].name) != cases[i].signo)
            fail_msg("%s is %d", cases[i].name, parse_signal(cases[i].name));
}

/* The request of a kill with these words. */
static const Process__SendSignalRequest *request_of(const char *const *words)
{
    static struct arena arena;
    const char *all[16] = {"-t", agent.target, "kill"}, *body;
    struct err e;

    for (size_t i = 0; words[i]; i++)
        all[3 + i] = words[i];
    agent.count = 0;
    agent_http(200, "Content-Type: application/proto\r\n", "", 0);
    agent_start();
    assert_int_equal(guestctl(all), 0);
    agent_finish();
    arena_clear(&arena);
    body = strstr(agent.request, "\r\n\r\n") + 4;
    return (const Process__SendSignalRequest *)codec_decode(
        CODEC_PROTO, &process__send_signal_request__descriptor,
        (struct bytes){body, agent.request_len - (size_t)(body - agent.request)}, &arena, &e);
}

#define REQUEST(...) request_of((const char *const[]){__VA_ARGS__, NULL})

static void each_option_is_a_field(void **state)
{
    const Process__SendSignalRequest *m = REQUEST("12");

    (void)state;
    assert_int_equal(m->process->pid, 12);
    assert_int_equal(m->signal, PROCESS__SIGNAL__SIGNAL_SIGTERM);
    assert_int_equal(m->number, 0);
    assert_int_equal(m->target, 0);
    assert_int_equal(m->grace_ms, 0);
    m = REQUEST("-s", "USR1", "--target", "group", "--grace", "2s", "id:7");
    assert_int_equal(m->process->id, 7);
    assert_int_equal(m->signal, 0);
    assert_int_equal(m->number, SIGUSR1);
    assert_int_equal(m->target, PROCESS__SIGNAL_TARGET__SIGNAL_TARGET_GROUP);
    assert_int_equal(m->grace_ms, 2000);
    m = REQUEST("-s", "KILL", "--tree", "web");
    assert_string_equal(m->process->tag, "web");
    assert_int_equal(m->signal, PROCESS__SIGNAL__SIGNAL_SIGKILL); /* as every agent knows it */
    assert_int_equal(m->number, 0);
    assert_int_equal(m->target, PROCESS__SIGNAL_TARGET__SIGNAL_TARGET_TREE);
    assert_int_equal(REQUEST("--target", "leader", "1")->target,
                     PROCESS__SIGNAL_TARGET__SIGNAL_TARGET_LEADER);
}

static void wrong_words_are_usage(void **state)
{
    static const struct {
        const char *words[5];
        const char *says;
    } cases[] = {
        {{"kill"}, "kill: no process is named"},
        {{"kill", "1", "2"}, "kill: one process at a time"},
        {{"kill", "-s", "NOPE", "1"}, "kill: there is no signal 'NOPE'"},
        {{"kill", "--target", "all", "1"}, "'all' is none of leader, group and tree"},
        {{"kill", "--grace", "x", "1"}, "'x' is not a duration"},
        {{"kill", "--grace", "2000h", "1"}, "'2000h' is too long"},
        {{"kill", "--frob", "1"}, "frob"},
        {{"kill", "id:x"}, "'id:x' is no id of a process"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(guestctl(cases[i].words), CTL_USAGE);
        if (!strstr(said, cases[i].says))
            fail_msg("case %zu says: %s", i, said);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, agent_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(signals_have_names_and_numbers),
        T(each_option_is_a_field),
        T(wrong_words_are_usage),
    };

    return RUN(tests);
}
