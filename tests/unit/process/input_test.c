/* SendInput and StreamInput over the wire, into real processes. */
#include "core/base.h"

/* Fails when a test wants it. */
static bool no_memory;
#define calloc(n, size) (no_memory ? NULL : (calloc)(n, size))

#include "process/input.c"

#undef calloc

#include "test.h" /* behind it: cmocka has a macro `fail` */

#include "process_rig.h"

static struct talk t;
static struct exec_sub sub, sub_of_another;
static const char *tag; /* of the next process */
static bool started;
static char out[1 << 20]; /* what the process wrote */
static size_t out_len;

static void on_started(struct exec_sub *s)
{
    (void)s;
    started = true;
}

static void on_failed(struct exec_sub *s, const struct err *e, enum spawn_stage stage, const char *object)
{
    (void)s;
    (void)stage;
    (void)object;
    fail_msg("%s", e->text);
}

static void on_ready(struct exec_sub *s)
{
    (void)s;
}

static const struct exec_sub_events events = {.started = on_started, .failed = on_failed, .ready = on_ready};

/* Starts a shell whose output is collected by collect(). Returns its pid. */
static pid_t begin_on(struct exec_sub *s, const char *script, bool pty)
{
    const char *args[] = {"-c", script};
    struct exec_spec view = {
        .cmd = "/bin/sh", .args = args, .arg_count = 2, .pty = pty, .stdin_pipe = !pty, .tag = tag};
    struct err e;

    started = false;
    out_len = 0;
    assert_int_equal(exec_start(&execs, exec_spec_copy(&view), settings.env, s, &events, &e), 0);
    TURN_UNTIL(started);
    return s->exec->pid;
}

static pid_t begin(const char *script, bool pty)
{
    return begin_on(&sub, script, pty);
}

/* Reads what the process wrote; true when that is at least n bytes. */
static bool collect(size_t n)
{
    struct chain c = {0};
    enum ring_stream stream;

    while (sub.exec && out_len < sizeof out) {
        exec_taken(&sub);
        if (exec_read(&sub, sizeof out - out_len, &c, &stream) != EXEC_DATA)
            break;
        chain_peek(&c, out + out_len, c.bytes);
        out_len += c.bytes;
        chain_clear(&c);
    }
    return out_len >= n;
}

static int end(void **state)
{
    exec_unsubscribe(&sub);
    exec_unsubscribe(&sub_of_another);
    tag = NULL;
    return teardown(state);
}

/* SendInput of these base64 bytes. */
static void send_input(pid_t pid, const char *kind, const char *base64)
{
    static char json[1 << 20];

    snprintf(json, sizeof json, "{\"process\":{\"pid\":%d},\"input\":{\"%s\":\"%s\"}}", pid, kind, base64);
    ask(&t, "SendInput", json);
}

/* base64 of 3 * n bytes. */
static const char *bulk(size_t n)
{
    static char text[4 * 150000 + 1];

    for (size_t i = 0; i < n; i++)
        memcpy(text + 4 * i, "YWJj", 4);
    text[4 * n] = 0;
    return text;
}

/* --- SendInput ------------------------------------------------------------------------------- */

static void bytes_arrive(void **state)
{
    pid_t pid = begin("cat", false);

    (void)state;
    send_input(pid, "stdin", "aGVsbG8=");
    HEAR(&t, "HTTP/1.1 200");
    HEAR(&t, "\r\n\r\n{}");
    TURN_UNTIL(collect(5));
    assert_memory_equal(out, "hello", 5);
    hang_up(&t);
}

static void a_terminal_is_written_to_as_one(void **state)
{
    pid_t pid = begin("stty -echo; echo; read x; echo got:$x", true);

    (void)state;
    TURN_UNTIL(collect(2)); /* the shell is there */
    send_input(pid, "pty", "YWJjCg==");
    HEAR(&t, "HTTP/1.1 200");
    TURN_UNTIL(collect(2 + 9));
    assert_memory_equal(out + 2, "got:abc\r\n", 9);
    hang_up(&t);
    send_input(pid, "stdin", "YQ==");
    HEAR(&t, "HTTP/1.1 ");
    assert_false(has(&t, "HTTP/1.1 200"));
    hang_up(&t);
}

static void wrong_requests_are_refused(void **state)
{
    static const struct {
        const char *json, *says; /* @ is the pid */
    } cases[] = {
        {"{\"process\":{\"pid\":@},\"input\":{\"pty\":\"YQ==\"}}",
         "\"code\":\"internal\",\"message\":\"error writing to tty: tty not assigned to process"},
        {"{\"process\":{\"pid\":@}}",
         "\"code\":\"unimplemented\",\"message\":\"invalid input type *process.ProcessInput\""},
        {"{\"process\":{\"pid\":@},\"input\":{}}", "\"code\":\"unimplemented\""},
        {"{\"process\":{\"tag\":\"nobody@\"},\"input\":{\"stdin\":\"YQ==\"}}", "\"code\":\"not_found\""},
        {"{\"input\":{\"stdin\":\"YQ==\"},\"unknown\":@}", "\"code\":\"unimplemented\""},
    };
    pid_t pid = begin("cat", false);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char json[128];

        const char *at = strchr(cases[i].json, '@');

        snprintf(json, sizeof json, "%.*s%d%s", (int)(at - cases[i].json), cases[i].json, pid, at + 1);
        ask(&t, "SendInput", json);
        HEAR(&t, cases[i].says);
        hang_up(&t);
    }
    assert_false(collect(1));
}

/* More than the pipe and the queue hold: the answer comes when the process has taken it. */
static void the_answer_waits_for_the_process(void **state)
{
    enum { N = 150000 };
    pid_t pid = begin(gated("@; exec cat"), false);

    (void)state;
    send_input(pid, "stdin", bulk(N));
    TURN_UNTIL(!TAILQ_EMPTY(&sub.exec->input.waiting));
    assert_false(has(&t, "HTTP/1.1"));
    assert_int_equal(sub.exec->input.queue.bytes, STDIN_QUEUE_MAX);
    open_gate();
    TURN_UNTIL(collect(3 * N) || sub.exec == NULL);
    HEAR(&t, "HTTP/1.1 200");
    assert_int_equal(out_len, 3 * N);
    for (size_t i = 0; i < 3 * N; i++)
        if (out[i] != "abc"[i % 3])
            fail_msg("byte %zu differs", i);
    hang_up(&t);
}

static void who_hangs_up_does_not_wait_any_more(void **state)
{
    pid_t pid = begin("sleep 30", false);

    (void)state;
    send_input(pid, "stdin", bulk(150000));
    TURN_UNTIL(!TAILQ_EMPTY(&sub.exec->input.waiting));
    hang_up(&t);
    TURN_UNTIL(TAILQ_EMPTY(&sub.exec->input.waiting));
    assert_int_equal(rpc.calls, 0);
}

/* It ends, or closes its input, with a part taken: the sender learns how much. */
static void a_process_that_stops_reading_ends_the_call(void **state)
{
    pid_t pid = begin("sleep 30", false);
    char want[64];

    (void)state;
    send_input(pid, "stdin", bulk(150000));
    TURN_UNTIL(!TAILQ_EMPTY(&sub.exec->input.waiting));
    exec_signal(sub.exec, SIGKILL, EXEC_TARGET_DEFAULT, 0, NULL);
    HEAR(&t, "\"code\":");
    assert_true(has(&t, "\"code\":\"internal\",\"message\":\"error writing to stdin: "));
    snprintf(want, sizeof want, " of %d bytes were taken\"", 3 * 150000);
    assert_true(has(&t, want));
    hang_up(&t);
}

/* While the call waits, its process ends and another one takes over the tag: that one was not meant. */
static void a_call_feeds_one_process_however_long_it_takes(void **state)
{
    static char json[1 << 20];

    (void)state;
    tag = "me";
    begin("sleep 30", false);
    snprintf(json, sizeof json, "{\"process\":{\"tag\":\"me\"},\"input\":{\"stdin\":\"%s\"}}", bulk(150000));
    ask(&t, "SendInput", json);
    TURN_UNTIL(!TAILQ_EMPTY(&sub.exec->input.waiting));
    begin_on(&sub_of_another, "sleep 30", false);
    exec_signal(sub.exec, SIGKILL, EXEC_TARGET_DEFAULT, 0, NULL);
    TURN_UNTIL(sub.exec->state == EXEC_CLOSED);
    rig_turns(&rig, 5);
    assert_int_equal(sub_of_another.exec->input.queue.bytes, 0);
    HEAR(&t, "\"code\":\"internal\"");
    hang_up(&t);
}

static void without_memory_the_call_fails(void **state)
{
    pid_t pid = begin("cat", false);

    (void)state;
    no_memory = true;
    send_input(pid, "stdin", "YQ==");
    no_memory = false;
    HEAR(&t, "\"code\":\"resource_exhausted\"");
    assert_false(collect(1));
    hang_up(&t);
}

/* --- StreamInput ----------------------------------------------------------------------------- */

static char body[4096];
static size_t body_len;

static void feed_begin(void)
{
    body_len = 0;
}

static void feed_message(const char *json)
{
    body_len += wrapped(body + body_len, json);
}

static void feed_start(pid_t pid)
{
    char json[64];

    snprintf(json, sizeof json, "{\"start\":{\"process\":{\"pid\":%d}}}", pid);
    feed_message(json);
}

static void feed_send(void)
{
    ask_part(&t, "StreamInput", "connect+json", "", body_len, body, body_len);
}

static void messages_stay_in_order(void **state)
{
    pid_t pid = begin("cat", false);

    (void)state;
    feed_begin();
    feed_start(pid);
    feed_message("{\"data\":{\"input\":{\"stdin\":\"b25l\"}}}");
    feed_message("{\"keepalive\":{}}");
    feed_message("{\"data\":{\"input\":{\"stdin\":\"dHdv\"}}}");
    feed_message("{\"data\":{\"input\":{\"stdin\":\"\"}}}");
    feed_send();
    HEAR(&t, "\0\0\0\0\2{}");
    TURN_UNTIL(has(&t, "0\r\n\r\n"));
    TURN_UNTIL(collect(6));
    assert_memory_equal(out, "onetwo", 6);
    hang_up(&t);
}

/* Appends a message in the binary form, in its envelope. */
static size_t pack(uint8_t *to, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_pack(m, to + ENVELOPE_SIZE);

    envelope_encode(0, (uint32_t)n, to);
    return ENVELOPE_SIZE + n;
}

/* Whether the process's queue holds what was received where it was received, and not a copy. */
static bool queues_received_segments(void)
{
    CHAIN_FOREACH (it, &sub.exec->input.queue)
        if (it->seg->pool == &rig.in_pool)
            return true;
    return false;
}

/* Messages from nothing to many times what the pipe takes, to a process that reads when the gate is open. Those that are long
 * stay in the segments that they came in: more than half of these must be left for others, then even they are copied. */
static void long_messages_stay_whole_and_in_order(void **state)
{
    static const size_t sizes[] = {1, SEG_SIZE - 1, SEG_SIZE, 3, 0, 65536, 300000, 1, 70000, SEG_SIZE + 1, 2};
    static uint8_t request[1 << 20], block[300000];
    Process__StreamInputRequest m = PROCESS__STREAM_INPUT_REQUEST__INIT;
    Process__StreamInputRequest__StartEvent start = PROCESS__STREAM_INPUT_REQUEST__START_EVENT__INIT;
    Process__StreamInputRequest__DataEvent data = PROCESS__STREAM_INPUT_REQUEST__DATA_EVENT__INIT;
    Process__ProcessSelector process = PROCESS__PROCESS_SELECTOR__INIT;
    Process__ProcessInput input = PROCESS__PROCESS_INPUT__INIT;

    (void)state;
    for (int plenty = 1; plenty >= 0; plenty--) {
        struct chain others = {0};
        size_t n, total = 0, sent;

        while (!plenty && seg_pool_free(&rig.in_pool) >= rig.in_pool.total / 2) {
            struct seg *s = seg_get(&rig.in_pool);

            assert_int_equal(chain_give(&others, s, s->data, 1), 0);
        }
        process.selector_case = PROCESS__PROCESS_SELECTOR__SELECTOR_PID;
        process.pid = (uint32_t)begin(gated("@; exec cat"), false);
        start.process = &process;
        m.event_case = PROCESS__STREAM_INPUT_REQUEST__EVENT_START;
        m.start = &start;
        n = pack(request, &m.base);
        data.input = &input;
        m.event_case = PROCESS__STREAM_INPUT_REQUEST__EVENT_DATA;
        m.data = &data;
        input.input_case = PROCESS__PROCESS_INPUT__INPUT_STDIN;
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            for (size_t k = 0; k < sizes[i]; k++)
                block[k] = (uint8_t)((total + k) * 31 >> 3);
            input.stdin = (ProtobufCBinaryData){sizes[i], block};
            n += pack(request + n, &m.base);
            total += sizes[i];
        }
        ask_part(&t, "StreamInput", "connect+proto", "", n, request, 100);
        sent = 100 + rig_send(&rig, t.fd, request + 100, n - 100);
        TURN_UNTIL(!TAILQ_EMPTY(&sub.exec->input.waiting));
        assert_int_equal(sub.exec->input.queue.bytes, STDIN_QUEUE_MAX);
        assert_int_equal(queues_received_segments(), plenty);
        open_gate();
        TURN_UNTIL((sent += rig_send(&rig, t.fd, request + sent, n - sent)) == n);
        TURN_UNTIL(collect(total));
        HEAR(&t, "HTTP/1.1 200");
        TURN_UNTIL(has(&t, "0\r\n\r\n"));
        assert_int_equal(out_len, total);
        for (size_t i = 0; i < total; i++)
            if (out[i] != (char)(i * 31 >> 3))
                fail_msg("byte %zu differs", i);
        hang_up(&t);
        exec_signal(sub.exec, SIGKILL, EXEC_TARGET_DEFAULT, 0, NULL);
        TURN_UNTIL(sub.exec->state == EXEC_CLOSED);
        exec_unsubscribe(&sub);
        chain_clear(&others);
    }
}

static void the_first_message_names_the_process(void **state)
{
    (void)state;
    begin("cat", false);
    feed_begin();
    feed_message("{\"data\":{\"input\":{\"stdin\":\"b25l\"}}}");
    feed_send();
    HEAR(&t, "\"code\":\"invalid_argument\",\"message\":\"the first message must be the start event\"");
    hang_up(&t);
    feed_begin();
    feed_message("{}");
    feed_send();
    HEAR(&t, "\"code\":\"unimplemented\",\"message\":\"invalid event type *process.StreamInputRequest\"");
    hang_up(&t);
    feed_begin();
    feed_message("{\"start\":{\"process\":{\"tag\":\"nobody\"}}}");
    feed_send();
    HEAR(&t, "\"code\":\"not_found\"");
    hang_up(&t);
    assert_false(collect(1));
}

/* The rest of the stream comes when the process has ended, and another may have its pid. */
static void a_process_that_has_ended_is_told(void **state)
{
    pid_t pid = begin("cat", false);
    size_t first;

    (void)state;
    feed_begin();
    feed_start(pid);
    first = body_len;
    feed_message("{\"data\":{\"input\":{\"stdin\":\"b25l\"}}}");
    ask_part(&t, "StreamInput", "connect+json", "", body_len, body, first);
    exec_signal(sub.exec, SIGKILL, EXEC_TARGET_DEFAULT, 0, NULL);
    TURN_UNTIL(sub.exec->state == EXEC_CLOSED);
    exec_unsubscribe(&sub);
    execs_forget(&execs);
    TURN_UNTIL(execs.count == 0);
    rig_send(&rig, t.fd, body + first, body_len - first);
    HEAR(&t, "\"code\":\"internal\",\"message\":\"error writing to stdin: the process has ended\"");
    hang_up(&t);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(bytes_arrive),
        T(a_terminal_is_written_to_as_one),
        T(wrong_requests_are_refused),
        T(the_answer_waits_for_the_process),
        T(who_hangs_up_does_not_wait_any_more),
        T(a_process_that_stops_reading_ends_the_call),
        T(a_call_feeds_one_process_however_long_it_takes),
        T(without_memory_the_call_fails),
        T(messages_stay_in_order),
        T(long_messages_stay_whole_and_in_order),
        T(the_first_message_names_the_process),
        T(a_process_that_has_ended_is_told),
    };

    return RUN(tests);
}
