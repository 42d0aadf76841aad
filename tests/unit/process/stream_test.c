/* Start and Connect over the wire: what events there are, in which order, and how a stream ends. */
#include "test.h"

#include "process_rig.h"

/* What the stream asked for as its keepalive, and messages that cannot be encoded for a while. */
static unsigned keepalive_seconds;
static int emits_that_fail;

#define rpc_keepalive(call, seconds, m)                                                                      \
    ((rpc_keepalive)(call, seconds, m), (void)(keepalive_seconds = (seconds)))
#define rpc_emit(call, m, bulk) (emits_that_fail > 0 ? (emits_that_fail--, -1) : (rpc_emit)(call, m, bulk))

#include "process/stream.c"

#undef rpc_keepalive
#undef rpc_emit

static struct talk t, other;

#define SHELL(script) "{\"process\":{\"cmd\":\"/bin/sh\",\"args\":[\"-c\",\"" script "\"]},\"stdin\":false}"

/* Starts a shell tagged "me" whose script may wait for the gate (@). */
static void start_gated(const char *script)
{
    static char json[1024];

    snprintf(json, sizeof json,
             "{\"process\":{\"cmd\":\"/bin/sh\",\"args\":[\"-c\",\"%s\"]},\"stdin\":false,\"tag\":\"me\"}",
             gated(script));
    ask_stream(&t, "Start", "", json);
}

/* The stream of the only process there is. */
static struct stream *the_stream(void)
{
    return CONTAINER_OF(TAILQ_FIRST(&TAILQ_FIRST(&execs.live)->subs), struct stream, sub);
}

/* Whether `first` came before `second`. */
static bool in_order(const char *first, const char *second)
{
    const char *a = memmem(t.got, t.len, first, strlen(first));
    const char *b = memmem(t.got, t.len, second, strlen(second));

    return a && b && a < b;
}

/* --- Start ----------------------------------------------------------------------------------- */

static void a_process_is_start_output_and_end(void **state)
{
    char pid[32];

    (void)state;
    start_gated("printf out; @; printf err >&2; exit 7");
    HEAR(&t, "{\"event\":{\"start\":{\"pid\":");
    snprintf(pid, sizeof pid, "\"pid\":%d}", TAILQ_FIRST(&execs.live)->pid);
    assert_true(has(&t, pid));
    HEAR(&t, "\"stdout\"");
    open_gate();
    HEAR(&t,
         "{\"event\":{\"end\":{\"exitCode\":7,\"exited\":true,\"status\":\"exit status 7\",\"error\":\"exit "
         "status 7\"}}}");
    assert_true(in_order("\"start\"", "{\"event\":{\"data\":{\"stdout\":\"b3V0\"}}}"));
    assert_true(in_order("\"stdout\"", "{\"event\":{\"data\":{\"stderr\":\"ZXJy\"}}}"));
    assert_true(in_order("\"stderr\"", "\"end\""));
    HEAR(&t, "0\r\n\r\n");
    assert_true(memmem(t.got, t.len, "\2\0\0\0\2{}", 7) != NULL);
    hang_up(&t);
}

static void success_has_no_error(void **state)
{
    (void)state;
    ask_stream(&t, "Start", "", SHELL("true"));
    HEAR(&t, "{\"event\":{\"end\":{\"exited\":true,\"status\":\"exit status 0\"}}}");
    hang_up(&t);
}

static void a_signal_is_no_exit(void **state)
{
    (void)state;
    ask_stream(&t, "Start", "", SHELL("kill -9 $$"));
    HEAR(
        &t,
        "{\"event\":{\"end\":{\"exitCode\":-1,\"status\":\"signal: killed\",\"error\":\"signal: killed\"}}}");
    hang_up(&t);
}

static void a_terminals_output_is_pty(void **state)
{
    (void)state;
    ask_stream(
        &t, "Start", "",
        "{\"process\":{\"cmd\":\"stty\",\"args\":[\"size\"]},\"pty\":{\"size\":{\"cols\":91,\"rows\":33}}}");
    HEAR(&t, "{\"event\":{\"data\":{\"pty\":\"MzMgOTE"); /* 33 91; the end of the line may come by itself */
    HEAR(&t, "\"end\"");
    hang_up(&t);
}

static void a_failed_start_says_why_and_where(void **state)
{
    (void)state;
    ask_stream(&t, "Start", "", "{\"process\":{\"cmd\":\"true\",\"cwd\":\"/no/such\"}}");
    HEAR(&t, "{\"error\":{\"code\":\"invalid_argument\",\"message\":\"cwd '/no/such' does not "
             "exist\",\"details\":[{"
             "\"type\":\"guest.v1.SpawnFailure\"");
    assert_false(has(&t, "\"start\""));
    hang_up(&t);
}

static void without_a_process_the_empty_command_is_not_found(void **state)
{
    (void)state;
    ask_stream(&t, "Start", "", "{}");
    HEAR(&t, "\"exitCode\":127");
    hang_up(&t);
}

static void too_many_variables_are_refused(void **state)
{
    static char json[1 << 17] = "{\"process\":{\"cmd\":\"true\",\"envs\":{\"a\":\"\"";
    size_t n = strlen(json);

    (void)state;
    for (int i = 0; i < ENV_VARS_MAX; i++)
        n += (size_t)snprintf(json + n, sizeof json - n, ",\"v%d\":\"\"", i);
    snprintf(json + n, sizeof json - n, "}}}");
    ask_stream(&t, "Start", "", json);
    HEAR(&t, "4097 environment variables: more than 4096");
    assert_int_equal(execs.started, 0);
    hang_up(&t);
}

/* --- keepalives ------------------------------------------------------------------------------ */

static void the_interval_is_the_clients_where_it_is_one(void **state)
{
    static const struct {
        const char *header;
        unsigned seconds;
    } cases[] = {
        {"", 90},
        {"Keepalive-Ping-Interval: 1\r\n", 1},
        {"Keepalive-Ping-Interval: 86400\r\n", 86400},
        {"Keepalive-Ping-Interval: 86401\r\n", 90},
        {"Keepalive-Ping-Interval: 0\r\n", 90},
        {"Keepalive-Ping-Interval: -5\r\n", 90},
        {"Keepalive-Ping-Interval: 1.5\r\n", 90},
        {"Keepalive-Ping-Interval: 5s\r\n", 90},
        {"Keepalive-Ping-Interval: x\r\n", 90},
        {"Keepalive-Ping-Interval:\r\n", 90},
        {"Keepalive-Ping-Interval: 4294967297\r\n", 90}, /* 1 in 32 bits */
        {"Keepalive-Ping-Interval: 000000012\r\n", 90},  /* not cut to 1 either */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        keepalive_seconds = 0;
        ask_stream(&t, "Start", cases[i].header, SHELL("true"));
        HEAR(&t, "\"end\"");
        hang_up(&t);
        if (keepalive_seconds != cases[i].seconds)
            fail_msg("'%s': %u", cases[i].header, keepalive_seconds);
    }
}

static void a_quiet_stream_is_kept_alive(void **state)
{
    (void)state;
    ask_stream(&t, "Start", "Keepalive-Ping-Interval: 1\r\n", SHELL("sleep 30"));
    HEAR(&t, "{\"event\":{\"keepalive\":{}}}");
    hang_up(&t);
}

/* --- Connect --------------------------------------------------------------------------------- */

static void a_second_reader_begins_at_the_head_and_gets_the_end(void **state)
{
    (void)state;
    start_gated("printf first; @; printf later");
    HEAR(&t, "\"Zmlyc3Q=\"");
    ask_stream(&other, "Connect", "", "{\"process\":{\"tag\":\"me\"}}");
    HEAR(&other, "\"start\"");
    open_gate();
    HEAR(&other, "\"bGF0ZXI=\"");
    HEAR(&other, "\"end\"");
    assert_false(has(&other, "\"Zmlyc3Q=\""));
    hang_up(&other);
    hang_up(&t);
}

static void who_comes_too_late_gets_start_and_end(void **state)
{
    char json[64], pid[32];

    (void)state;
    ask_stream(&t, "Start", "", SHELL("exit 3"));
    HEAR(&t, "\"start\"");
    snprintf(pid, sizeof pid, "%.10s", (char *)memmem(t.got, t.len, "\"pid\":", 6) + 6);
    HEAR(&t, "\"end\"");
    hang_up(&t);
    TURN_UNTIL(TAILQ_EMPTY(&execs.live));
    snprintf(json, sizeof json, "{\"process\":{\"pid\":%d}}", atoi(pid));
    ask_stream(&t, "Connect", "", json);
    HEAR(&t, "\"exitCode\":3");
    assert_true(in_order("\"start\"", "\"end\""));
    hang_up(&t);
}

static void nobody_there_is_not_found(void **state)
{
    (void)state;
    ask_stream(&t, "Connect", "", "{\"process\":{\"tag\":\"nobody\"}}");
    HEAR(&t, "{\"error\":{\"code\":\"not_found\",\"message\":\"process with tag nobody not found\"}}");
    hang_up(&t);
    ask_stream(&t, "Connect", "", "{}");
    HEAR(&t, "\"code\":\"unimplemented\"");
    hang_up(&t);
}

/* --- how a stream ends ----------------------------------------------------------------------- */

static void a_client_that_goes_leaves_the_process_running(void **state)
{
    struct exec *x;

    (void)state;
    ask_stream(&t, "Start", "", SHELL("sleep 30"));
    HEAR(&t, "\"start\"");
    x = TAILQ_FIRST(&execs.live);
    assert_int_equal(x->sub_count, 1);
    hang_up(&t);
    TURN_UNTIL(x->sub_count == 0);
    assert_int_equal(x->state, EXEC_RUNNING);
}

static void a_time_out_kills_it_and_ends_the_stream(void **state)
{
    (void)state;
    ask_stream(&t, "Start", "Connect-Timeout-Ms: 50\r\n", SHELL("sleep 30"));
    HEAR(&t, "{\"error\":{\"code\":\"deadline_exceeded\",\"message\":\"context deadline exceeded\"}}");
    assert_false(has(&t, "\"end\""));
    hang_up(&t);
    TURN_UNTIL(execs.count == 0);
}

/* It was killed and does not go: the client need not wait. */
static void an_overdue_process_ends_the_stream_too(void **state)
{
    (void)state;
    ask_stream(&t, "Start", "Connect-Timeout-Ms: 60000\r\n", SHELL("sleep 30"));
    HEAR(&t, "\"start\"");
    assert_true(ev_is_active(&the_stream()->overdue));
    on_overdue(rig.loop.ev, &the_stream()->overdue, 0);
    HEAR(&t, "\"code\":\"deadline_exceeded\"");
    hang_up(&t);
}

static void who_was_dropped_is_told_where(void **state)
{
    (void)state;
    ask_stream(&t, "Start", "", SHELL("printf hello; sleep 30"));
    HEAR(&t, "\"aGVsbG8=\"");
    exec_drop_sub(&the_stream()->sub);
    HEAR(&t, "\"code\":\"resource_exhausted\"");
    assert_true(has(&t, "output from offset 5 on was not sent"));
    hang_up(&t);
}

/* What was read from the ring and could not be encoded comes later, once. */
static void without_memory_nothing_is_lost(void **state)
{
    const char *first;

    (void)state;
    emits_that_fail = 3;
    ask_stream(&t, "Start", "", SHELL("printf hello; sleep 30"));
    TURN_UNTIL(emits_that_fail < 3);
    while (emits_that_fail > 0) {
        rpc_kick(the_stream()->call);
        rig_turns(&rig, 1);
    }
    rpc_kick(the_stream()->call);
    HEAR(&t, "\"aGVsbG8=\"");
    rpc_kick(the_stream()->call);
    rig_turns(&rig, 3);
    hear(&t);
    first = memmem(t.got, t.len, "aGVsbG8=", 8);
    assert_null(memmem(first + 1, t.len - (size_t)(first + 1 - t.got), "aGVsbG8=", 8));
    hang_up(&t);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_process_is_start_output_and_end),
        T(success_has_no_error),
        T(a_signal_is_no_exit),
        T(a_terminals_output_is_pty),
        T(a_failed_start_says_why_and_where),
        T(without_a_process_the_empty_command_is_not_found),
        T(too_many_variables_are_refused),
        T(the_interval_is_the_clients_where_it_is_one),
        T(a_quiet_stream_is_kept_alive),
        T(a_second_reader_begins_at_the_head_and_gets_the_end),
        T(who_comes_too_late_gets_start_and_end),
        T(nobody_there_is_not_found),
        T(a_client_that_goes_leaves_the_process_running),
        T(a_time_out_kills_it_and_ends_the_stream),
        T(an_overdue_process_ends_the_stream_too),
        T(who_was_dropped_is_told_where),
        T(without_memory_nothing_is_lost),
    };

    return RUN(tests);
}
