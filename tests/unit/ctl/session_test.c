/* A session: exit codes, standard streams, signals, and connections that break, against a scripted agent. */
#include "test.h"

#include <fcntl.h>

#include "stream_rig.h"

#include "ctl/session.c"

static int setup(void **state)
{
    codec_init();
    stream_with_offsets = false;
    stream_offset = 0;
    return agent_setup(state);
}

/* --- the stream ------------------------------------------------------------------------------ */

static void output_goes_where_it_belongs_and_the_code_is_the_commands(void **state)
{
    (void)state;
    stream_begin();
    stream_start(12);
    stream_output(false, "out1 ");
    stream_output(true, "err");
    stream_output(false, "out2");
    stream_process_end(true, 7, "exit status 7");
    stream_finish("{}");
    assert_int_equal(EXEC("sh"), 7);
    assert_string_equal(printed, "out1 out2");
    assert_string_equal(said, "err");
}

static void ends_become_exit_codes(void **state)
{
    static const struct {
        bool exited;
        int code;
        const char *status;
        int want;
    } cases[] = {
        {true, 0, "exit status 0", 0},      {true, 126, "exit status 126", 126},
        {false, -1, "signal: killed", 137}, {false, -1, "signal: segmentation fault (core dumped)", 139},
        {false, -1, "something new", 255},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        agent.count = 0;
        stream_begin();
        stream_start(12);
        stream_process_end(cases[i].exited, cases[i].code, cases[i].status);
        stream_finish("{}");
        assert_int_equal(EXEC("sh"), cases[i].want);
        assert_string_equal(said, "");
    }
}

static void a_time_out_of_ours_is_124(void **state)
{
    static const char end[] = "{\"error\":{\"code\":\"deadline_exceeded\",\"message\":\"too late\"}}";

    (void)state;
    stream_begin();
    stream_start(12);
    stream_finish(end);
    assert_int_equal(EXEC("--timeout", "1s", "sh"), CTL_TIMEOUT);
    assert_non_null(strstr(said, "the command did not end within its time-out"));
    agent.count = 0;
    stream_begin();
    stream_finish(end);
    assert_int_equal(EXEC("sh"), CTL_FAILED); /* not ours: somebody else's */
    assert_string_equal(said, "guestctl: too late\n");
}

static void a_refusal_is_125(void **state)
{
    static const char body[] = "{\"code\":\"unauthenticated\",\"message\":\"invalid username: 'x'\"}";

    (void)state;
    agent_http(401, "Content-Type: application/json\r\n", body, strlen(body));
    assert_int_equal(EXEC("-u", "x", "sh"), CTL_FAILED);
    assert_string_equal(said, "guestctl: invalid username: 'x'\n");
}

static void an_agent_that_dies_is_125(void **state)
{
    (void)state;
    stream_begin();
    stream_start(12);
    stream_output(false, "half");
    stream_breaks(false);
    assert_int_equal(EXEC("sh"), CTL_FAILED);
    assert_string_equal(printed, "half");
    assert_non_null(strstr(said, ": the connection was closed; the agent or its guest has ended"));
}

static void a_stream_without_the_commands_end_is_125(void **state)
{
    (void)state;
    stream_begin();
    stream_start(12);
    stream_finish("{}");
    assert_int_equal(EXEC("sh"), CTL_FAILED);
    assert_non_null(strstr(said, "the stream ended without the command's end"));
}

static void a_message_that_is_no_event_is_125(void **state)
{
    (void)state;
    stream_begin();
    stream_message(0, "\x0a\x7f", 2);
    stream_finish("{}");
    assert_int_equal(EXEC("sh"), CTL_FAILED);
    assert_non_null(strstr(said, "malformed protobuf"));
}

static void a_reader_that_has_gone_ends_us_as_sigpipe(void **state)
{
    int fd[2];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    close(fd[0]);
    assert_int_equal(write_all(fd[1], (const uint8_t *)"abc", 3), -1);
    close(fd[1]);
}

/* Standard output may be a pipe that somebody made non-blocking. */
static void *read_slowly(void *arg)
{
    static char buf[1 << 16];
    size_t total = 0;
    ssize_t n;

    usleep(50000);
    while ((n = read(*(int *)arg, buf, sizeof buf)) > 0)
        total += (size_t)n;
    return (void *)(uintptr_t)total;
}

static void a_full_pipe_is_waited_for(void **state)
{
    static uint8_t block[300000];
    pthread_t thread;
    void *total;
    int fd[2];

    (void)state;
    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    fcntl(fd[1], F_SETFL, O_NONBLOCK);
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &fd[0]), 0);
    assert_int_equal(write_all(fd[1], block, sizeof block), 0);
    close(fd[1]);
    pthread_join(thread, &total);
    assert_int_equal((uintptr_t)total, sizeof block);
    close(fd[0]);
}

/* A signalfd that holds these signals, blocked in this thread. */
static void signals_of(struct session *x, const int *signals, size_t n)
{
    watch_signals(x);
    for (size_t i = 0; i < n; i++) {
        raise(signals[i]);
        take_signals(x);
    }
    fd_close(&x->signal_fd);
}

static void asked_to_end_it_passes_it_on_twice_and_then_leaves(void **state)
{
    struct session x = {.owns = true, .pid = 12};

    (void)state;
    signals_of(&x, (const int[]){SIGINT}, 1);
    assert_int_equal(x.forward, SIGTERM);
    assert_false(x.over);
    signals_of(&x, (const int[]){SIGTERM}, 1);
    assert_int_equal(x.forward, SIGKILL);
    assert_false(x.over);
    signals_of(&x, (const int[]){SIGHUP}, 1);
    assert_int_equal(x.code, 128 + SIGHUP);
}

static void before_the_command_runs_a_signal_ends_us(void **state)
{
    struct session x = {.owns = true};

    (void)state;
    signals_of(&x, (const int[]){SIGINT}, 1);
    assert_int_equal(x.code, 128 + SIGINT);
}

static void a_resize_is_told_for_a_terminal_only(void **state)
{
    struct session x = {.owns = true, .pid = 12};

    (void)state;
    signals_of(&x, (const int[]){SIGWINCH}, 1);
    assert_false(x.resize);
    x.terminal = true;
    signals_of(&x, (const int[]){SIGWINCH}, 1);
    assert_true(x.resize);
    assert_int_equal(x.signals, 0);
}

static void asked_to_end_it_leaves_a_process_that_is_not_its_own(void **state)
{
    struct session x = {.pid = 12};

    (void)state;
    signals_of(&x, (const int[]){SIGINT}, 1);
    assert_true(x.over);
    assert_int_equal(x.code, 128 + SIGINT);
    assert_int_equal(x.forward, 0);
}

/* --- going on on another connection ---------------------------------------------------------- */

static void a_broken_stream_goes_on_at_its_offset(void **state)
{
    const Process__ConnectRequest *m;

    (void)state;
    stream_with_offsets = true;
    stream_begin();
    stream_start(12);
    stream_output(false, "one ");
    stream_breaks(false);
    stream_begin();
    stream_start(12);
    stream_output(false, "two");
    stream_process_end(true, 3, "exit status 3");
    stream_finish("{}");
    assert_int_equal(EXEC("--replay", "sh"), 3);
    assert_string_equal(printed, "one two");
    assert_string_equal(said, "");
    m = (const Process__ConnectRequest *)streamed_request(&process__connect_request__descriptor);
    assert_int_equal(m->process->selector_case, PROCESS__PROCESS_SELECTOR__SELECTOR_ID);
    assert_int_equal(m->process->id, 7);
    assert_int_equal(m->replay->from_case, PROCESS__REPLAY__FROM_OFFSET);
    assert_int_equal(m->replay->offset, 4);
    assert_true(m->events->offsets);
}

/* Whatever the agent sends again is not printed again. */
static void bytes_that_come_twice_are_printed_once(void **state)
{
    (void)state;
    stream_with_offsets = true;
    stream_begin();
    stream_start(12);
    stream_output(false, "abcdef");
    stream_offset = 2;
    stream_output(false, "cdefgh");
    stream_offset = 0;
    stream_output(false, "ab");
    stream_process_end(true, 0, "exit status 0");
    stream_finish("{}");
    assert_int_equal(EXEC("--replay", "sh"), 0);
    assert_string_equal(printed, "abcdefgh");
}

static void what_is_not_kept_any_more_is_told(void **state)
{
    (void)state;
    stream_with_offsets = true;
    stream_begin();
    stream_start(12);
    stream_output(false, "one ");
    stream_breaks(false);
    stream_begin();
    stream_offset = 10;
    stream_start(12);
    stream_output(false, "two");
    stream_process_end(true, 0, "exit status 0");
    stream_finish("{}");
    assert_int_equal(EXEC("--replay", "sh"), 0);
    assert_string_equal(printed, "one two");
    assert_string_equal(said, "guestctl: 6 bytes before this are not kept any more\n");
}

static void a_start_is_repeated_only_with_a_key(void **state)
{
    (void)state;
    stream_with_offsets = true;
    agent_answers("", false);
    stream_begin();
    stream_start(12);
    stream_process_end(true, 4, "exit status 4");
    stream_finish("{}");
    assert_int_equal(EXEC("--replay", "--key", "k", "sh"), 4);
    assert_ptr_equal(strstr(agent.request, "POST /process.Process/Start "), agent.request);
    agent.count = 0;
    agent_answers("", false);
    assert_int_equal(EXEC("--replay", "sh"), CTL_FAILED);
}

static void a_process_that_is_gone_is_not_asked_for_again(void **state)
{
    static const char body[] = "{\"code\":\"not_found\",\"message\":\"process with id 7 not found\"}";

    (void)state;
    stream_with_offsets = true;
    stream_begin();
    stream_start(12);
    stream_breaks(false);
    agent_http(404, "Content-Type: application/json\r\n", body, strlen(body));
    assert_int_equal(EXEC("--replay", "sh"), CTL_FAILED);
    assert_string_equal(said, "guestctl: process with id 7 not found\n");
}

static void after_ten_seconds_it_gives_up(void **state)
{
    static struct session x;
    struct err e;

    (void)state;
    x = (struct session){.resumes = true, .id = 7, .pid = 12, .signal_fd = -1};
    err_set(&e, STATUS_UNAVAILABLE, 0, "the connection was closed");
    on_lost(&x, &e);
    assert_false(x.over);
    assert_in_range(x.give_up_ms, clock_mono_ms() + RESUME_MS - 1000, clock_mono_ms() + RESUME_MS);
    x.give_up_ms = clock_mono_ms();
    turn(&x);
    assert_true(x.over);
    assert_int_equal(x.code, CTL_FAILED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, agent_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(output_goes_where_it_belongs_and_the_code_is_the_commands),
        T(ends_become_exit_codes),
        T(a_time_out_of_ours_is_124),
        T(a_refusal_is_125),
        T(an_agent_that_dies_is_125),
        T(a_stream_without_the_commands_end_is_125),
        T(a_message_that_is_no_event_is_125),
        T(a_reader_that_has_gone_ends_us_as_sigpipe),
        T(a_full_pipe_is_waited_for),
        T(asked_to_end_it_passes_it_on_twice_and_then_leaves),
        T(before_the_command_runs_a_signal_ends_us),
        T(a_resize_is_told_for_a_terminal_only),
        T(asked_to_end_it_leaves_a_process_that_is_not_its_own),
        T(a_broken_stream_goes_on_at_its_offset),
        T(bytes_that_come_twice_are_printed_once),
        T(what_is_not_kept_any_more_is_told),
        T(a_start_is_repeated_only_with_a_key),
        T(a_process_that_is_gone_is_not_asked_for_again),
        T(after_ten_seconds_it_gives_up),
    };

    return RUN(tests);
}
