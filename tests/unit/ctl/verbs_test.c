/* The table of verbs, and the small ones: their words, and what they print of scripted answers. */
#include "test.h"

#include "ctl_rig.h"

#include <signal.h>

#include "ctl/verbs.c"

static int setup(void **state)
{
    codec_init();
    return agent_setup(state);
}

#define PROTO     "Content-Type: application/proto\r\n"
#define JSON_TYPE "Content-Type: application/json\r\n"

/* Runs the words against the agent's scripted answers. */
#define ASK(...)                                                                                             \
    __extension__({                                                                                          \
        agent_start();                                                                                       \
        int code_ = GUESTCTL("-t", agent.target, __VA_ARGS__);                                               \
        agent_finish();                                                                                      \
        code_;                                                                                               \
    })

/* A message as the agent sends it. */
static void answer_with(const ProtobufCMessage *m)
{
    static uint8_t packed[4096];

    agent_http(200, PROTO, packed, protobuf_c_message_pack(m, packed));
}

/* What was sent last, decoded; valid until the next call. */
static const ProtobufCMessage *request_as(const ProtobufCMessageDescriptor *d)
{
    static struct arena arena;
    const char *body = strstr(agent.request, "\r\n\r\n") + 4;
    struct err e;

    arena_clear(&arena);
    return codec_decode(CODEC_PROTO, d,
                        (struct bytes){body, agent.request_len - (size_t)(body - agent.request)}, &arena, &e);
}

/* --- the tables ------------------------------------------------------------------------------ */

static void options_are_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < verb_count; i++) {
        const struct option *o = verbs[i].options;

        assert_non_null(verbs[i].run);
        for (size_t a = 0; a < verbs[i].option_count; a++)
            for (size_t b = 0; b < a; b++) {
                assert_int_not_equal(o[a].id, o[b].id);
                assert_string_not_equal(o[a].name, o[b].name);
                if (o[a].letter)
                    assert_int_not_equal(o[a].letter, o[b].letter);
            }
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(verbs[i].name, verbs[k].name);
    }
}

static void wrong_words_are_usage(void **state)
{
    static const struct {
        const char *words[6];
        const char *says;
    } cases[] = {
        {{"ps", "x"}, "guestctl: ps: too many operands (guestctl ps )\n"},
        {{"info", "x"}, "guestctl: info: too many operands (guestctl info )\n"},
        {{"ping", "x"}, "guestctl: ping: too many operands (guestctl ping [OPTIONS] )\n"},
        {{"call"}, "guestctl: call: an operand is missing (guestctl call SERVICE/METHOD [JSON|-])\n"},
        {{"call", "a/b", "{}", "x"},
         "guestctl: call: too many operands (guestctl call SERVICE/METHOD [JSON|-])\n"},
        {{"call", "method"},
         "guestctl: call: the method is not of the form SERVICE/METHOD (guestctl call SERVICE/METHOD "
         "[JSON|-])\n"},
        {{"call", "a/b\r\nX: y"},
         "guestctl: call: the method is not of the form SERVICE/METHOD (guestctl call SERVICE/METHOD "
         "[JSON|-])\n"},
        {{"completion", "csh"},
         "guestctl: completion: the shell is one of bash, zsh, fish (guestctl completion bash|zsh|fish)\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(guestctl(cases[i].words), CTL_USAGE);
        assert_string_equal(said, cases[i].says);
    }
    assert_int_equal(GUESTCTL("ps", "--frob"), CTL_USAGE);
    assert_int_equal(GUESTCTL("ping", "-c", "0"), CTL_USAGE);
    assert_int_equal(GUESTCTL("ping", "-c", "x"), CTL_USAGE);
}

/* --- small things ---------------------------------------------------------------------------- */

static void signals_are_read_from_an_end_status(void **state)
{
    static const struct {
        const char *status;
        int signo;
    } cases[] = {
        {"signal: killed", SIGKILL},
        {"signal: terminated", SIGTERM},
        {"signal: segmentation fault (core dumped)", SIGSEGV},
        {"signal: signal 40", 40},
        {"exit status 3", 0},
        {"", 0},
        {"signal: ", 0},
        {"signal:  (core dumped)", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(verbs_signal_of(cases[i].status), cases[i].signo);
}

/* --- ps, kill, info -------------------------------------------------------------------------- */

static void ps_shows_each_process_and_no_control_characters(void **state)
{
    Process__ListResponse r = PROCESS__LIST_RESPONSE__INIT;
    Process__ProcessInfo a = PROCESS__PROCESS_INFO__INIT, b = PROCESS__PROCESS_INFO__INIT;
    Process__ProcessConfig config = PROCESS__PROCESS_CONFIG__INIT;
    Process__ProcessInfo *all[] = {&a, &b};
    char *args[] = {"a\x1b[31m", "b"};

    (void)state;
    config.cmd = "sleep";
    config.args = args;
    config.n_args = 2;
    a.pid = 12;
    a.config = &config;
    a._tag_case = PROCESS__PROCESS_INFO___TAG_TAG;
    a.tag = "web";
    a._id_case = PROCESS__PROCESS_INFO___ID_ID;
    a.id = 7;
    b.pid = 13;
    b.config = &config;
    r.processes = all;
    r.n_processes = 2;
    answer_with(&r.base);
    assert_int_equal(ASK("ps"), 0);
    assert_true(((const Process__ListRequest *)request_as(&process__list_request__descriptor))->ids);
    assert_string_equal(printed, "PID        ID                   TAG                  COMMAND\n"
                                 "12         7                    web                  sleep a?[31m b\n"
                                 "13         -                    -                    sleep a?[31m b\n");
}

static void a_tag_cannot_upset_the_terminal_either(void **state)
{
    Process__ListResponse r = PROCESS__LIST_RESPONSE__INIT;
    Process__ProcessInfo a = PROCESS__PROCESS_INFO__INIT, *all[] = {&a};

    (void)state;
    a.pid = 12;
    a._tag_case = PROCESS__PROCESS_INFO___TAG_TAG;
    a.tag = "\x1b]0;owned\x07";
    r.processes = all;
    r.n_processes = 1;
    answer_with(&r.base);
    assert_int_equal(ASK("ps"), 0);
    assert_null(strchr(printed, '\x1b'));
}

static void ps_with_json_prints_the_answer(void **state)
{
    (void)state;
    agent_http(200, JSON_TYPE, "{\"processes\":[]}", 16);
    assert_int_equal(ASK("--json", "ps"), 0);
    assert_string_equal(printed, "{\"processes\":[]}\n");
    assert_non_null(strstr(agent.request, "\r\n\r\n{\"ids\":true}"));
}

static void a_refusal_is_exit_1(void **state)
{
    static const char body[] = "{\"code\":\"not_found\",\"message\":\"process with pid 7 not found\"}";

    (void)state;
    agent_http(404, JSON_TYPE, body, strlen(body));
    assert_int_equal(ASK("kill", "7"), CTL_REFUSED);
    assert_string_equal(said, "guestctl: process with pid 7 not found\n");
}

static void info_shows_what_the_agent_told(void **state)
{
    Guest__V1__GetInfoResponse r = GUEST__V1__GET_INFO_RESPONSE__INIT;
    char *listeners[] = {"vsock:49983", "unix:/x"};

    (void)state;
    r.version = "1.2.3";
    r.told_version = "0.6.2";
    r.compat = "e2b";
    r.pid = 1;
    r.listeners = listeners;
    r.n_listeners = 2;
    answer_with(&r.base);
    assert_int_equal(ASK("info"), 0);
    assert_ptr_equal(strstr(printed, "version      1.2.3\ntold         0.6.2 (e2b)\npid          1 (init)\n"),
                     printed);
    assert_non_null(strstr(printed, "cgroups      none\nlistens      vsock:49983\n             unix:/x\n"));
}

static void boot_shows_each_phase_and_problem(void **state)
{
    Guest__V1__GetBootResponse r = GUEST__V1__GET_BOOT_RESPONSE__INIT;
    Guest__V1__BootPhase mounts = GUEST__V1__BOOT_PHASE__INIT, listen = GUEST__V1__BOOT_PHASE__INIT;
    Guest__V1__BootPhase *phases[] = {&mounts, &listen};
    char *problems[] = {"mount /x: no such device", "env: out of memory"};

    (void)state;
    r.started_us = 120000;
    mounts.name = "mounts";
    mounts.end_us = 121500;
    listen.name = "listen";
    listen.end_us = 122000;
    r.phases = phases;
    r.n_phases = 2;
    r.problems = problems;
    r.n_problems = 2;
    answer_with(&r.base);
    assert_int_equal(ASK("boot"), 0);
    assert_string_equal(printed, "boot         kernel 120.0 ms, mounts 1.5 ms, listen 0.5 ms\n"
                                 "problems     mount /x: no such device\n"
                                 "             env: out of memory\n");
}

/* --- ping ------------------------------------------------------------------------------------ */

static void ping_says_alive(void **state)
{
    (void)state;
    agent_answers("HTTP/1.1 204 No Content\r\n\r\n", false);
    assert_int_equal(ASK("ping"), 0);
    assert_memory_equal(agent.request, "GET /health HTTP/1.1\r\n", 22);
    assert_non_null(strstr(printed, ": alive, "));
}

static void ping_of_something_else_is_125(void **state)
{
    (void)state;
    agent_http(404, "", "", 0);
    assert_int_equal(ASK("ping"), CTL_FAILED);
    assert_non_null(strstr(said, ": not an agent: /health answered 404"));
    assert_string_equal(printed, "");
}

static void no_agent_is_125_for_every_verb(void **state)
{
    static const char *const words[][6] = {
        {"-t", "unix:/no/such", "ps"},           {"-t", "unix:/no/such", "info"},
        {"-t", "unix:/no/such", "ping"},         {"-t", "unix:/no/such", "kill", "1"},
        {"-t", "unix:/no/such", "call", "a/b"},  {"-t", "unix:/no/such", "exec", "true"},
        {"-t", "unix:/no/such", "--json", "ps"}, {"-t", "unix:/no/such", "attach", "1"},
        {"-t", "unix:/no/such", "logs", "1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        assert_int_equal(guestctl(words[i]), CTL_FAILED);
        assert_string_equal(
            said, "guestctl: unix:/no/such: no such socket; is the agent running, and is the path right?\n");
    }
}

/* --- call ------------------------------------------------------------------------------------ */

static void call_sends_the_json_as_it_is(void **state)
{
    (void)state;
    agent_http(200, JSON_TYPE, "{\"a\":1}", 7);
    assert_int_equal(ASK("call", "/x.Y/Z", "{\"b\":2}"), 0);
    assert_string_equal(printed, "{\"a\":1}\n");
    assert_memory_equal(agent.request, "POST /x.Y/Z HTTP/1.1\r\n", 22);
    assert_non_null(strstr(agent.request, "\r\n\r\n{\"b\":2}"));
}

static void call_reads_its_request_from_standard_input(void **state)
{
    enum { LINES = 1500 }; /* fits what the agent keeps of a request */
    static const char line[] = "[\"01234567890123456789012345678\"],\n";
    char path[] = "/tmp/guestd-stdin-XXXXXX";
    FILE *before = stdin;
    int fd = mkstemp(path);

    (void)state;
    for (int i = 0; i < LINES; i++)
        assert_int_equal(write(fd, line, sizeof line - 1), sizeof line - 1);
    close(fd);
    stdin = fopen(path, "r");
    agent_http(200, JSON_TYPE, "{}", 2);
    assert_int_equal(ASK("call", "x.Y/Z", "-"), 0);
    fclose(stdin);
    stdin = before;
    unlink(path);
    assert_non_null(strstr(agent.request, "content-length: 52500\r\n"));
    assert_memory_equal(agent.request + agent.request_len - (sizeof line - 1), line, sizeof line - 1);
}

/* The method turns out to be a stream: asked again in that form, each message is a line. */
static void call_of_a_stream_prints_its_messages(void **state)
{
    static const char messages[] = "HTTP/1.1 200 OK\r\nContent-Type: application/connect+json\r\n"
                                   "Content-Length: 25\r\n\r\n"
                                   "\0\0\0\0\5{\"n\":"
                                   "\0\0\0\0\3abc"
                                   "\2\0\0\0\2{}";

    (void)state;
    agent_http(415, "Accept-Post: application/connect+json, application/connect+proto\r\n", "", 0);
    agent.answers[agent.count++] = (struct agent_answer){messages, sizeof messages - 1, true, false};
    assert_int_equal(ASK("call", "x.Y/Z", "{\"b\":2}"), 0);
    assert_string_equal(printed, "{\"n\":\nabc\n");
    assert_non_null(strstr(agent.request, "\r\ncontent-type: application/connect+json\r\n"));
    assert_memory_equal(agent.request + agent.request_len - 12, "\0\0\0\0\7{\"b\":2}", 12);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, agent_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(options_are_told_apart),
        T(wrong_words_are_usage),
        T(signals_are_read_from_an_end_status),
        T(ps_shows_each_process_and_no_control_characters),
        T(a_tag_cannot_upset_the_terminal_either),
        T(ps_with_json_prints_the_answer),
        T(a_refusal_is_exit_1),
        T(info_shows_what_the_agent_told),
        T(boot_shows_each_phase_and_problem),
        T(ping_says_alive),
        T(ping_of_something_else_is_125),
        T(no_agent_is_125_for_every_verb),
        T(call_sends_the_json_as_it_is),
        T(call_reads_its_request_from_standard_input),
        T(call_of_a_stream_prints_its_messages),
    };

    return RUN(tests);
}
