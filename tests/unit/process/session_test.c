/* guest.v1.Exec/Session over the wire: what each message does, and to whom. */
#include "core/base.h"

/* Fails when a test wants it. */
static bool no_memory;
#define calloc(n, size) (no_memory ? NULL : (calloc)(n, size))

#include "process/session.c"

#undef calloc

#include "test.h"

#include <sys/ioctl.h>

#include "process_rig.h"

static struct talk t;
static char body[1 << 20];
static size_t body_len;

static int begin(void **state)
{
    no_memory = false;
    body_len = 0;
    return setup(state);
}

static void add(const char *json)
{
    body_len += wrapped(body + body_len, json);
}

/* A message that starts a shell; @ in the script waits for the gate. */
static void add_start(const char *script, const char *more)
{
    char json[1024];

    snprintf(json, sizeof json, "{\"start\":{\"process\":{\"cmd\":\"/bin/sh\",\"args\":[\"-c\",\"%s\"]}%s}}",
             strchr(script, '@') ? gated(script) : script, more);
    add(json);
}

/* Input of 3 * n bytes. */
static void add_input(size_t n)
{
    static char json[1 << 20];
    size_t len = (size_t)snprintf(json, sizeof json, "{\"input\":\"");

    for (size_t i = 0; i < n; i++, len += 4)
        memcpy(json + len, "YWJj", 4);
    memcpy(json + len, "\"}", 3);
    add(json);
}

/* Sends what was added; `later` more bytes are to follow. */
static void ask_session(size_t later)
{
    ask_part(&t, "guest.v1.Exec/Session", "connect+json", "", body_len + later, body, body_len);
}

/* Sends the first message, and the others when the process runs: before that they are not read. */
static void ask_then_feed(void)
{
    size_t first = ENVELOPE_SIZE;
    struct envelope v = {0};

    assert_int_equal(envelope_decode((const uint8_t *)body, body_len, &v), ENVELOPE_SIZE);
    first += v.len;
    ask_part(&t, "guest.v1.Exec/Session", "connect+json", "", body_len, body, first);
    HEAR(&t, "\"start\"");
    for (size_t sent = first; sent < body_len;)
        sent += rig_send(&rig, t.fd, body + sent, body_len - sent);
}

static struct exec *the_process(void)
{
    return TAILQ_FIRST(&execs.live);
}

/* What its terminal has. */
static unsigned rows(const struct exec *x)
{
    struct winsize size;

    assert_int_equal(ioctl(x->pipes[0].fd, TIOCGWINSZ, &size), 0);
    return size.ws_row;
}

static void one_request_is_a_session(void **state)
{
    (void)state;
    add_start("cat; exit 7", "");
    add_input(2);
    ask_session(0);
    HEAR(&t, "{\"event\":{\"start\":{\"pid\":");
    HEAR(&t, "{\"event\":{\"data\":{\"stdout\":\"YWJjYWJj\"}}}");
    HEAR(&t, "\"exitCode\":7");
    HEAR(&t, "0\r\n\r\n");
    assert_false(has(&t, "inputClosed"));
    hang_up(&t);
}

/* Input that is there before the process waits for it, and the first message counts once. */
static void the_first_message_waits_for_the_process(void **state)
{
    (void)state;
    add_start("cat; echo $$", "");
    add_input(1);
    ask_session(0);
    rig_turns(&rig, 1);
    HEAR(&t, "\"YWJj\"");
    HEAR(&t, "\"end\"");
    assert_int_equal(execs.started, 1);
    hang_up(&t);
}

static void more_than_the_process_reads_waits(void **state)
{
    enum { N = 150000 };
    struct exec *x;

    (void)state;
    add_start("@; exec wc -c", "");
    add_input(N);
    ask_then_feed();
    TURN_UNTIL((x = the_process()) && !TAILQ_EMPTY(&x->input.waiting));
    assert_int_equal(x->input.queue.bytes, STDIN_QUEUE_MAX);
    open_gate();
    HEAR(&t, "\"stdout\":\"NDUwMDAwCg==\""); /* 450000 */
    HEAR(&t, "\"end\"");
    hang_up(&t);
}

static void who_goes_while_it_waits_leaves_the_process(void **state)
{
    struct exec *x;

    (void)state;
    add_start("sleep 30", "");
    add_input(150000);
    ask_then_feed();
    TURN_UNTIL((x = the_process()) && !TAILQ_EMPTY(&x->input.waiting));
    hang_up(&t);
    TURN_UNTIL(TAILQ_EMPTY(&x->input.waiting) && x->sub_count == 0 && rpc.calls == 0);
    assert_int_equal(x->state, EXEC_RUNNING);
}

/* The end of the request and the hang-up come at once: the process keeps its input. */
static void who_ends_the_request_to_go_has_gone(void **state)
{
    char last[64];
    size_t n = wrapped(last, "{\"keepalive\":{}}");
    struct exec *x;

    (void)state;
    add_start("cat", "");
    add_input(1);
    ask_session(n);
    HEAR(&t, "\"YWJj\"");
    x = the_process();
    assert_int_equal(send(t.fd, last, n, MSG_NOSIGNAL), n);
    hang_up(&t);
    TURN_UNTIL(x->sub_count == 0);
    assert_int_equal(x->state, EXEC_RUNNING);
    assert_true(x->input.fd >= 0);
}

/* The process ends in the middle of a message. */
static void what_was_taken_is_told(void **state)
{
    struct exec *x;
    char want[64];

    (void)state;
    add_start("sleep 30 & exec sleep 30", "");
    add_input(150000);
    ask_then_feed();
    TURN_UNTIL((x = the_process()) && !TAILQ_EMPTY(&x->input.waiting));
    exec_signal(x, SIGKILL, EXEC_TARGET_DEFAULT, 0, NULL);
    HEAR(&t, "\"inputClosed\"");
    snprintf(want, sizeof want, "{\"inputClosed\":{\"taken\":\"%zu\"}}", (size_t)STDIN_QUEUE_MAX + 64 * KIB);
    assert_true(has(&t, want));
    HEAR(&t, "signal: killed");
    hang_up(&t);
}

/* Behind close_input the end of the request does nothing: a second end would hang a terminal up. */
static void the_input_ends_once(void **state)
{
    (void)state;
    add_start("stty -echo; trap 'echo hung' HUP; cat; sleep .3; echo over", ",\"pty\":{}");
    add("{\"closeInput\":{}}");
    ask_session(0);
    HEAR(&t, "\"end\"");
    assert_true(has(&t, "b3Zlcg0K")); /* over */
    assert_false(has(&t, "aHVuZ"));   /* hung */
    assert_true(has(&t, "exit status 0"));
    hang_up(&t);
}

static void orders_reach_the_process(void **state)
{
    (void)state;
    add_start("stty -echo; @; stty size; exec sleep 30", ",\"pty\":{\"size\":{\"rows\":1,\"cols\":2}}");
    add("{\"keepalive\":{}}");
    add("{\"resize\":{\"rows\":30,\"cols\":90}}");
    ask_session(1);
    HEAR(&t, "\"start\"");
    TURN_UNTIL(rows(the_process()) == 30);
    open_gate();
    HEAR(&t, "\"pty\":\"MzAgOTANCg==\""); /* 30 90 */
    hang_up(&t);
}

/* The end is on its way: an order that comes too late is no error. */
static void an_order_that_comes_too_late_is_nothing(void **state)
{
    char late[256];
    size_t n = wrapped(late, "{\"signal\":{\"number\":15}}");

    (void)state;
    add_start("sleep .2 & exec sh -c 'exit 3'", ",\"events\":{\"exited\":true}");
    ask_session(n);
    HEAR(&t, "\"exited\"");
    rig_send(&rig, t.fd, late, n);
    HEAR(&t, "\"exitCode\":3");
    assert_false(has(&t, "\"error\":{"));
    hang_up(&t);
}

/* The same when all is over but what the client has yet to read: it would end the call. */
static void an_order_after_the_end_is_nothing(void **state)
{
    Guest__V1__SessionRequest m = GUEST__V1__SESSION_REQUEST__INIT;
    Guest__V1__SessionSignal sigterm = GUEST__V1__SESSION_SIGNAL__INIT;
    struct exec x = {.state = EXEC_CLOSED};
    struct session s = {0};

    (void)state;
    sigterm.number = SIGTERM;
    m.request_case = GUEST__V1__SESSION_REQUEST__REQUEST_SIGNAL;
    m.signal = &sigterm;
    assert_int_equal(take_order(&s, &x, &m), RPC_NEXT);
}

static void what_does_not_fit_is_refused(void **state)
{
    static const struct {
        const char *first, *second, *says;
    } cases[] = {
        {"{}", NULL, "the first message must be start or attach"},
        {"{\"closeInput\":{}}", NULL, "the first message must be start or attach"},
        {NULL, NULL, "the first message must be start or attach"},
        {"cat", "{\"attach\":{}}", "the session has its process already"},
        {"cat", "{}", "a session's message that this agent does not know"},
        {"cat", "{\"resize\":{}}", "resize: the process has no terminal"},
        {"cat", "{\"signal\":{\"number\":65}}", "signal 65: not from 1 to 64"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        body_len = 0;
        if (cases[i].second)
            add_start(cases[i].first, "");
        else if (cases[i].first)
            add(cases[i].first);
        if (cases[i].second)
            add(cases[i].second);
        ask_session(0);
        HEAR(&t, "\"code\":\"invalid_argument\"");
        assert_true(has(&t, cases[i].says));
        hang_up(&t);
    }
}

static void attaching_feeds_what_another_started(void **state)
{
    static struct talk first;

    (void)state;
    ask_stream(&first, "Start", "", "{\"process\":{\"cmd\":\"cat\"},\"tag\":\"me\"}");
    HEAR(&first, "\"start\"");
    add("{\"attach\":{\"process\":{\"tag\":\"me\"}}}");
    add_input(1);
    ask_session(0);
    HEAR(&t, "\"YWJj\"");
    HEAR(&t, "\"end\"");
    HEAR(&first, "\"YWJj\"");
    hang_up(&first);
    hang_up(&t);
}

static void without_memory_the_session_fails(void **state)
{
    (void)state;
    add_start("cat", "");
    no_memory = true;
    ask_session(0);
    no_memory = false;
    HEAR(&t, "\"code\":\"resource_exhausted\"");
    assert_int_equal(execs.started, 0);
    hang_up(&t);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_request_is_a_session),
        T(the_first_message_waits_for_the_process),
        T(more_than_the_process_reads_waits),
        T(who_goes_while_it_waits_leaves_the_process),
        T(who_ends_the_request_to_go_has_gone),
        T(what_was_taken_is_told),
        T(the_input_ends_once),
        T(orders_reach_the_process),
        T(an_order_that_comes_too_late_is_nothing),
        T(an_order_after_the_end_is_nothing),
        T(what_does_not_fit_is_refused),
        T(attaching_feeds_what_another_started),
        T(without_memory_the_session_fails),
    };

    return RUN(tests);
}
