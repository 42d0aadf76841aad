/* The client's side of Connect against scripted answers: whole, cut, hostile, and of something else. */
#include "test.h"

#include <fcntl.h>

#include "ctl_rig.h"

#include "ctl/client.c"
#include "process/process.pb-c.h"

static struct ctl ctl;
static struct client client;
static struct answer_error e;
static struct arena arena;

static int setup(void **state)
{
    codec_init();
    ctl = (struct ctl){.name = "guestctl"};
    e.from_agent = false;
    return agent_setup(state) == 0 && target_parse(&ctl.target, agent.target, &e.err) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    client_close(&client);
    arena_clear(&arena);
    return agent_teardown(state);
}

/* Opens a client to the agent, which plays its answers from now on. */
static void begin(void)
{
    agent_start();
    assert_int_equal(client_open(&client, &ctl, &e.err), 0);
}

/* List, against what was scripted. */
static int call_list(const Process__ListResponse **out)
{
    Process__ListRequest m = PROCESS__LIST_REQUEST__INIT;

    return client_call(&client, "process.Process/List", &m.base, &process__list_response__descriptor, &arena,
                       (ProtobufCMessage **)(uintptr_t)out, &e);
}

#define PROTO      "Content-Type: application/proto\r\n"
#define JSON_ERROR "Content-Type: application/json\r\n"

/* --- unary ----------------------------------------------------------------------------------- */

static void an_answer_is_decoded(void **state)
{
    const Process__ListResponse *r;

    (void)state;
    agent_http(200, PROTO, "\x0a\x02\x10\x07", 4);
    begin();
    assert_int_equal(call_list(&r), 0);
    assert_int_equal(r->n_processes, 1);
    assert_int_equal(r->processes[0]->pid, 7);
    agent_finish();
    assert_memory_equal(agent.request, "POST /process.Process/List HTTP/1.1\r\n", 37);
    assert_non_null(strstr(agent.request, "\r\ncontent-type: application/proto\r\n"));
    assert_non_null(strstr(agent.request, "\r\nconnect-protocol-version: 1\r\n"));
}

static void the_content_type_may_have_parameters_and_any_case(void **state)
{
    const Process__ListResponse *r;

    (void)state;
    agent_http(200, "CONTENT-TYPE: Application/Proto; charset=x\r\n", "", 0);
    begin();
    assert_int_equal(call_list(&r), 0);
}

static void another_type_is_no_answer(void **state)
{
    const Process__ListResponse *r;

    (void)state;
    agent_http(200, "Content-Type: application/protocol\r\n", "", 0);
    begin();
    assert_int_equal(call_list(&r), -1);
    assert_non_null(strstr(e.err.text, ": unexpected answer: HTTP 200"));
}

static void answers_may_be_chunked_and_follow_one_another(void **state)
{
    const Process__ListResponse *r;

    (void)state;
    agent_answers("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" PROTO
                  "Transfer-Encoding: chunked\r\n\r\n"
                  "2\r\n\x0a\x02\r\n2\r\n\x10\x08\r\n0\r\n\r\n",
                  false);
    agent_answers("HTTP/1.1 200 OK\r\n" PROTO "Content-Length: 4\r\n\r\n\x0a\x02\x10\x09", true);
    begin();
    assert_int_equal(call_list(&r), 0);
    assert_int_equal(r->processes[0]->pid, 8);
    assert_int_equal(call_list(&r), 0);
    assert_int_equal(r->n_processes, 1);
    assert_int_equal(r->processes[0]->pid, 9);
}

static void an_error_object_is_the_agents_own(void **state)
{
    static const char body[] = "{\"code\":\"not_found\",\"message\":\"process with pid 7 not found\"}";
    const Process__ListResponse *r;

    (void)state;
    agent_http(404, JSON_ERROR, body, strlen(body));
    begin();
    assert_int_equal(call_list(&r), -1);
    assert_true(e.from_agent);
    assert_int_equal(e.err.status, STATUS_NOT_FOUND);
    assert_string_equal(e.err.text, "process with pid 7 not found");
}

/* What stands behind the target when it is no RPC's error. */
static void other_answers_say_what_is_wrong(void **state)
{
    static const struct {
        int status;
        const char *token, *body, *says;
        enum status code;
    } cases[] = {
        {401, NULL, "", "the agent wants a token (GUESTD_TOKEN, --token-file)", STATUS_UNAUTHENTICATED},
        {401, "x", "", "the token is wrong", STATUS_UNAUTHENTICATED},
        {404, NULL, "<html>", "not an agent, or one that does not know this call (404)",
         STATUS_UNIMPLEMENTED},
        {503, NULL, "{\"code\":503,\"message\":\"too many\"}", "unexpected answer: HTTP 503: too many",
         STATUS_UNAVAILABLE},
        {500, NULL, "{\"code\":", "unexpected answer: HTTP 500", STATUS_UNKNOWN},
        {400, NULL, "[[[[", "unexpected answer: HTTP 400", STATUS_INTERNAL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const Process__ListResponse *r;
        char want[256];

        agent.count = 0;
        ctl.token = cases[i].token;
        agent_http(cases[i].status, JSON_ERROR, cases[i].body, strlen(cases[i].body));
        begin();
        assert_int_equal(call_list(&r), -1);
        snprintf(want, sizeof want, "%s: %s", agent.target, cases[i].says);
        assert_string_equal(e.err.text, want);
        assert_int_equal(e.err.status, cases[i].code);
        agent_finish();
        client_close(&client);
    }
}

static void an_answer_that_is_not_protobuf_is_refused(void **state)
{
    const Process__ListResponse *r;

    (void)state;
    agent_http(200, PROTO, "\x0a\x7f", 2);
    begin();
    assert_int_equal(call_list(&r), -1);
    assert_false(e.from_agent);
    assert_int_equal(e.err.status, STATUS_INVALID_ARGUMENT);
}

/* --- what is no answer at all ---------------------------------------------------------------- */

static void something_else_than_http_is_no_agent(void **state)
{
    const Process__ListResponse *r;

    (void)state;
    agent_answers("SSH-2.0-OpenSSH_9.2\r\n", false);
    begin();
    assert_int_equal(call_list(&r), -1);
    assert_false(e.from_agent);
    assert_non_null(strstr(e.err.text, ": not an agent: it does not answer in HTTP"));
}

static void a_closed_connection_is_told(void **state)
{
    static const char *const cut[] = {"", "HTTP/1.1 200",
                                      "HTTP/1.1 200 OK\r\n" PROTO "Content-Length: 9\r\n\r\n\x0a"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cut); i++) {
        const Process__ListResponse *r;

        agent.count = 0;
        agent_answers(cut[i], false);
        begin();
        assert_int_equal(call_list(&r), -1);
        assert_true(client.wire.broken);
        assert_false(e.from_agent);
        assert_int_equal(e.err.status, STATUS_UNAVAILABLE);
        assert_non_null(strstr(e.err.text, ": the connection was closed; the agent or its guest has ended"));
        agent_finish();
        client_close(&client);
    }
}

/* --- streams --------------------------------------------------------------------------------- */

static char stream[4096]; /* the answer: a head, and each piece as a chunk */
static size_t stream_len;

static void stream_begin(const char *type)
{
    stream_len =
        (size_t)snprintf(stream, sizeof stream,
                         "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n", type);
}

static void stream_piece(const char *data, size_t n)
{
    stream_len += (size_t)snprintf(stream + stream_len, sizeof stream - stream_len, "%zx\r\n", n);
    memcpy(stream + stream_len, data, n);
    memcpy(stream + stream_len + n, "\r\n", 2);
    stream_len += n + 2;
}

/* Reads messages until it is over. Returns what ended it; texts in *all. */
static int read_stream(char *all)
{
    Process__StartRequest m = PROCESS__START_REQUEST__INIT;
    struct bytes message;
    int got;

    *all = 0;
    agent.answers[agent.count++] = (struct agent_answer){stream, stream_len, false, false};
    begin();
    assert_int_equal(client_stream_send(&client, "process.Process/Start", NULL, &m.base, &e.err), 0);
    while ((got = client_receive(&client, &message, &e)) == 1) {
        strncat(all, message.ptr, message.len);
        strcat(all, ";");
    }
    return got;
}

static void messages_come_whole_however_they_are_cut(void **state)
{
    static const char bytes[] = "\0\0\0\0\3abc"
                                "\0\0\0\0\0"
                                "\0\0\0\0\2xy"
                                "\2\0\0\0\2{}";

    (void)state;
    for (size_t piece = 1; piece < sizeof bytes; piece++) {
        char all[64];

        agent.count = 0;
        stream_begin("application/connect+proto");
        for (size_t at = 0; at < sizeof bytes - 1; at += piece)
            stream_piece(bytes + at, MIN(piece, sizeof bytes - 1 - at));
        stream_piece("", 0);
        assert_int_equal(read_stream(all), 2);
        assert_string_equal(all, "abc;;xy;");
        agent_finish();
        client_close(&client);
    }
    assert_non_null(strstr(agent.request, "\r\ncontent-type: application/connect+proto\r\n"));
    assert_memory_equal(agent.request + agent.request_len - 5, "\0\0\0\0\0", 5);
}

static void the_error_of_the_end_is_told(void **state)
{
    static const char end[] =
        "\2\0\0\0\x3d{\"error\":{\"code\":\"deadline_exceeded\",\"message\":\"too late\"}}   ";
    char all[64];

    (void)state;
    stream_begin("application/connect+proto");
    stream_piece("\0\0\0\0\1a", 6);
    stream_piece(end, 5 + 0x3d);
    stream_piece("", 0);
    assert_int_equal(read_stream(all), -1);
    assert_string_equal(all, "a;");
    assert_true(e.from_agent);
    assert_int_equal(e.err.status, STATUS_DEADLINE_EXCEEDED);
    assert_string_equal(e.err.text, "too late");
}

static void a_stream_without_an_end_is_not_whole(void **state)
{
    char all[64];

    (void)state;
    stream_begin("application/connect+proto");
    stream_piece("\0\0\0\0\1a", 6);
    stream_piece("", 0);
    assert_int_equal(read_stream(all), -1);
    assert_string_equal(all, "a;");
    assert_false(e.from_agent);
    assert_non_null(strstr(e.err.text, ": the stream ended without an end"));
}

static void an_error_instead_of_a_stream_is_told(void **state)
{
    static const char body[] = "{\"code\":\"unauthenticated\",\"message\":\"no\"}";
    char all[64];

    (void)state;
    stream_len =
        (size_t)snprintf(stream, sizeof stream,
                         "HTTP/1.1 401 X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                         strlen(body), body);
    assert_int_equal(read_stream(all), -1);
    assert_true(e.from_agent);
    assert_int_equal(e.err.status, STATUS_UNAUTHENTICATED);
    assert_string_equal(e.err.text, "no");
}

/* --- what it means for guestctl -------------------------------------------------------------- */

static void the_agents_errors_and_our_own_have_their_codes(void **state)
{
    struct capture c;
    int ours, agents;

    (void)state;
    err_set(&e.err, STATUS_UNKNOWN, 0, "text");
    capture_begin(&c);
    e.from_agent = false;
    ours = client_fail(&e);
    e.from_agent = true;
    agents = client_fail(&e);
    capture_end(&c);
    assert_int_equal(ours, CTL_FAILED);
    assert_int_equal(agents, CTL_REFUSED);
    assert_string_equal(said, "guestctl: text\nguestctl: text\n");
}

/* Two requests on one connection; then it was idle for so long that the agent may have closed it. */
static void a_connection_is_used_again_while_it_is_fresh(void **state)
{
    int first;

    (void)state;
    agent_answers("HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n", false);
    agent_start();
    client = (struct client){0};
    assert_int_equal(client_reuse(&client, &ctl, &e.err), 0);
    first = client.wire.fd;
    assert_int_equal(client_get(&client, "/health", &e.err), 204);
    fcntl(first, F_SETFD, 0); /* a mark: descriptors of ours have that flag */
    assert_int_equal(client_reuse(&client, &ctl, &e.err), 0);
    assert_int_equal(fcntl(client.wire.fd, F_GETFD), 0);
    client.used_ms -= STALE_MS + 1;
    assert_int_equal(client_reuse(&client, &ctl, &e.err), 0);
    assert_int_equal(fcntl(client.wire.fd, F_GETFD), FD_CLOEXEC);
}

static void the_user_is_named_in_a_header(void **state)
{
    char authorization[CLIENT_AUTHORIZATION_MAX];

    (void)state;
    assert_int_equal(client_name_user("bob", authorization, &e.err), 0);
    assert_string_equal(authorization, "Basic Ym9iOg==");
    assert_int_equal(client_name_user(NULL, authorization, &e.err), 0);
    assert_string_equal(authorization, "");
}

/* A name that is too long for a user must not run as its beginning. */
static void a_long_user_is_not_cut_to_another(void **state)
{
    static char name[400];
    char authorization[CLIENT_AUTHORIZATION_MAX];
    uint8_t plain[CLIENT_AUTHORIZATION_MAX];

    (void)state;
    memset(name, 'u', CLIENT_USER_MAX);
    assert_int_equal(client_name_user(name, authorization, &e.err), 0);
    assert_int_equal(base64_decode(bytes_of(authorization + 6), plain), CLIENT_USER_MAX + 1);
    memset(name, 'u', sizeof name - 1);
    assert_int_equal(client_name_user(name, authorization, &e.err), -1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_answer_is_decoded),
        T(the_content_type_may_have_parameters_and_any_case),
        T(another_type_is_no_answer),
        T(answers_may_be_chunked_and_follow_one_another),
        T(an_error_object_is_the_agents_own),
        T(other_answers_say_what_is_wrong),
        T(an_answer_that_is_not_protobuf_is_refused),
        T(something_else_than_http_is_no_agent),
        T(a_closed_connection_is_told),
        T(messages_come_whole_however_they_are_cut),
        T(the_error_of_the_end_is_told),
        T(a_stream_without_an_end_is_not_whole),
        T(an_error_instead_of_a_stream_is_told),
        T(the_agents_errors_and_our_own_have_their_codes),
        T(a_connection_is_used_again_while_it_is_fresh),
        T(the_user_is_named_in_a_header),
        T(a_long_user_is_not_cut_to_another),
    };

    return RUN(tests);
}
