/* guestctl git: what is sent, what is shown, and the exit code. */
#include "test.h"

#include "ctl_rig.h"

#include "core/limits.h"
#include "guest/v1/git.pb-c.h"
#include "rpc/envelope.h"

/* The body of the last request, behind the envelope of a stream. */
static const ProtobufCMessage *request(const ProtobufCMessageDescriptor *d, bool stream, struct arena *a)
{
    const char *body = strstr(agent.request, "\r\n\r\n") + 4 + (stream ? ENVELOPE_SIZE : 0);
    struct err e;

    return codec_decode(CODEC_PROTO, d,
                        (struct bytes){body, agent.request_len - (size_t)(body - agent.request)}, a, &e);
}

/* An answer with one message. */
static void answer(const ProtobufCMessage *m)
{
    uint8_t packed[4096];

    agent_http(200, "Content-Type: application/proto\r\n", packed, protobuf_c_message_pack(m, packed));
}

static void pages_are_one_list(void **state)
{
    Guest__V1__LogResponse m = GUEST__V1__LOG_RESPONSE__INIT;
    Guest__V1__LogEntry x = GUEST__V1__LOG_ENTRY__INIT, *all[] = {&x, &x};
    const Guest__V1__LogRequest *r;
    struct arena a = {.max = MIB};

    (void)state;
    x.commit = (char *)(uintptr_t) "c0";
    m.commits = all;
    m.n_commits = 2;
    m.next_page = (char *)(uintptr_t) "2 c0";
    answer(&m.base);
    m.n_commits = 1;
    answer(&m.base);
    agent.answers[1].same = true;
    agent_start();
    assert_int_equal(GUESTCTL("-t", agent.target, "git", "log", "-n", "3", "-C", "/r", "main", "a", "b"),
                     CTL_OK);
    agent_finish();
    r = (const Guest__V1__LogRequest *)request(&guest__v1__log_request__descriptor, false, &a);
    assert_string_equal(r->page, "2 c0");
    assert_string_equal(r->path, "/r");
    assert_string_equal(r->revision, "main");
    assert_int_equal(r->n_paths, 2);
    assert_int_equal(r->limit, 1);
    arena_clear(&a);
}

static void a_failure_says_what_git_said(void **state)
{
    static const char json[] =
        "{\"code\":\"aborted\",\"message\":\"git Pull: it "
        "failed\",\"details\":[{\"type\":\"guest.v1.GitFailure\","
        "\"value\":\"CAcQARoIb25lCnR3bwo\"}]}"; /* CONFLICT, exit code -1, "one\ntwo\n" */

    (void)state;
    agent_http(409, "Content-Type: application/json\r\n", json, sizeof json - 1);
    agent_start();
    assert_int_equal(GUESTCTL("-t", agent.target, "git", "reset"), CTL_REFUSED);
    assert_string_equal(said, "git: one\ngit: two\nguestctl: git Pull: it failed\n");
}

static void or_as_json(void **state)
{
    static const char json[] = "{\"code\":\"aborted\",\"message\":\"git Pull: it "
                               "failed\",\"details\":[{\"type\":\"guest.v1.GitFailure\","
                               "\"value\":\"CAcQARoIb25lCnR3bwo\"}]}";

    (void)state;
    agent_http(409, "Content-Type: application/json\r\n", json, sizeof json - 1);
    agent_start();
    assert_int_equal(GUESTCTL("-t", agent.target, "--json", "git", "reset"), CTL_REFUSED);
    assert_string_equal(
        printed,
        "{\"error\":{\"reason\":\"REASON_CONFLICT\",\"exitCode\":-1,\"stderr\":\"one\\ntwo\\n\"}}\n");
}

static void wrong_words(void **state)
{
    static const struct {
        const char *words[5];
        const char *says;
    } cases[] = {
        {{"git"}, "no git verb is given"},
        {{"git", "frobnicate"}, "git has no verb 'frobnicate'"},
        {{"git", "clone"}, "git clone: an operand is missing (guestctl git clone [OPTIONS] URL [DIR])"},
        {{"git", "clone", "a", "b", "c"}, "too many operands"},
        {{"git", "clone", "--depth", "x", "a"}, "--depth: 'x' is not a number"},
        {{"git", "clone", "--nope"}, "option '--nope' is unknown"},
        {{"git", "status", "-e", "A"}, "'A' is not of the form NAME=VALUE"},
        {{"git", "log", "-n", "0"}, "0"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *words[8] = {"-t", "unix:/nowhere"};

        memcpy(words + 2, cases[i].words, sizeof cases[i].words);
        assert_int_equal(guestctl(words), CTL_USAGE);
        assert_non_null(strstr(said, cases[i].says));
    }
}

static void help(void **state)
{
    (void)state;
    assert_int_equal(GUESTCTL("git", "--help"), 0);
    assert_non_null(strstr(printed, "git clone URL [DIR]"));
    assert_int_equal(GUESTCTL("git", "clone", "--help"), 0);
    assert_non_null(strstr(printed, "--single-branch"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pages_are_one_list, agent_setup, agent_teardown),
        cmocka_unit_test_setup_teardown(a_failure_says_what_git_said, agent_setup, agent_teardown),
        cmocka_unit_test_setup_teardown(or_as_json, agent_setup, agent_teardown),
        cmocka_unit_test(wrong_words),
        cmocka_unit_test(help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
