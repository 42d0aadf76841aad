/* exec: its words, its request, its exit codes, and its standard streams, against a scripted agent. */
#include "test.h"

#include <sys/wait.h>

#include "ctl_rig.h"

#include "ctl/exec.c"
#include "rpc/envelope.h"

static struct exec_request request;
static const struct verb *verb; /* exec's entry of the table */

static int setup(void **state)
{
    codec_init();
    verb = &verbs[0];
    return agent_setup(state) == 0 && strcmp(verb->name, "exec") == 0 ? 0 : -1;
}

/* Parses the words as exec's. Returns 0 or the exit code; see said. */
static int parse_words(const char *const *words)
{
    static char *argv[32];
    struct capture c;
    int argc = 0, code;

    for (; *words; words++)
        argv[argc++] = (char *)(uintptr_t)*words;
    capture_begin(&c);
    code = parse(verb, argc, argv, &request);
    capture_end(&c);
    return code;
}

#define PARSE(...) parse_words((const char *const[]){__VA_ARGS__, NULL})

/* --- words ----------------------------------------------------------------------------------- */

static void options_end_at_the_command(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-i", "-e", "A=1", "-e", "HOME", "-w", "/d", "-u", "bob", "--tag", "t",
                           "--timeout", "1.5", "ls", "-t", "--detach"),
                     0);
    assert_true(request.interactive);
    assert_false(request.tty);
    assert_false(request.detach);
    assert_int_equal(request.var_count, 2);
    assert_string_equal(request.vars[1], "HOME");
    assert_string_equal(request.workdir, "/d");
    assert_string_equal(request.user, "bob");
    assert_string_equal(request.tag, "t");
    assert_int_equal(request.timeout_ms, 1500);
    assert_string_equal(request.command, "ls");
    assert_int_equal(request.arg_count, 2);
    assert_string_equal(request.args[0], "-t");
    assert_int_equal(PARSE("--", "-x"), 0);
    assert_string_equal(request.command, "-x");
    assert_int_equal(request.arg_count, 0);
}

/* Not 2: a command's own exit code may be 2. */
static void wrong_words_are_125(void **state)
{
    static const struct {
        const char *words[4];
        const char *says;
    } cases[] = {
        {{NULL}, "no command is given"},
        {{"-i"}, "no command is given"},
        {{"--frob", "x"}, "frob"},
        {{"-e"}, "'"},
        {{"--timeout", "x", "ls"}, "'x' is not a duration"},
        {{"-d", "-i", "ls"}, "--detach goes with neither -i nor -t"},
        {{"-d", "-t", "ls"}, "--detach goes with neither -i nor -t"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(parse_words(cases[i].words), CTL_FAILED);
        if (!strstr(said, cases[i].says))
            fail_msg("case %zu says: %s", i, said);
    }
}

static void a_terminal_is_wanted_from_a_terminal_only(void **state)
{
    int before = dup(STDIN_FILENO), null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)state;
    dup2(null, STDIN_FILENO);
    assert_int_equal(PARSE("-it", "sh"), CTL_FAILED);
    assert_non_null(strstr(said, "the input device is not a terminal (leave out -t)"));
    assert_int_equal(PARSE("-t", "sh"), 0); /* it is only shown: docker allows it too */
    dup2(before, STDIN_FILENO);
    close(before);
    close(null);
}

static void variables_are_bounded(void **state)
{
    static const char *words[2 * ENV_VARS_MAX + 4];
    size_t n = 0;
    struct capture c;
    int code;

    (void)state;
    for (int i = 0; i <= ENV_VARS_MAX; i++) {
        words[n++] = "-e";
        words[n++] = "A=1";
    }
    words[n++] = "ls";
    capture_begin(&c);
    code = parse(verb, (int)n, (char **)(uintptr_t)words, &request);
    capture_end(&c);
    assert_int_equal(code, CTL_FAILED);
    assert_non_null(strstr(said, "too many variables"));
}

/* --- the request ----------------------------------------------------------------------------- */

static void the_user_and_the_time_out_are_headers(void **state)
{
    struct exec_request r = {.user = "bob"};
    char *headers = make_headers(&r);

    (void)state;
    assert_string_equal(headers, "Authorization: Basic Ym9iOg==\r\n");
    free(headers);
    r = (struct exec_request){.timeout_ms = 1500};
    headers = make_headers(&r);
    assert_string_equal(headers, "Connect-Timeout-Ms: 1500\r\n");
    free(headers);
    r = (struct exec_request){.timeout_ms = 0};
    headers = make_headers(&r);
    assert_string_equal(headers, "");
    free(headers);
}

/* A name that is too long for a user must not run as its beginning. */
static void a_long_user_is_not_cut_to_another(void **state)
{
    static char name[400];
    struct exec_request r = {.user = name};
    char *headers, plain[600] = "";
    ptrdiff_t n = sizeof name; /* refused altogether is as good */

    (void)state;
    memset(name, 'u', sizeof name - 1);
    headers = make_headers(&r);
    if (headers) {
        const char *coded = strstr(headers, "Basic ") + 6;

        n = base64_decode((struct bytes){coded, strcspn(coded, "\r")}, (uint8_t *)plain);
    }
    free(headers);
    assert_int_equal(n, sizeof name); /* with its colon */
}

static void variables_are_given_or_our_own(void **state)
{
    struct exec_request r = {.vars = {"A=1=2", "OWN_ONE", "NO_SUCH_VARIABLE", "EMPTY="}, .var_count = 4};
    struct arena a = {.max = MIB};
    Process__ProcessConfig__EnvsEntry **list;
    size_t n;

    (void)state;
    setenv("OWN_ONE", "ours", 1);
    unsetenv("NO_SUCH_VARIABLE");
    list = make_vars(&r, &a, &n);
    assert_int_equal(n, 3);
    assert_string_equal(list[0]->key, "A");
    assert_string_equal(list[0]->value, "1=2");
    assert_string_equal(list[1]->key, "OWN_ONE");
    assert_string_equal(list[1]->value, "ours");
    assert_string_equal(list[2]->key, "EMPTY");
    assert_string_equal(list[2]->value, "");
    arena_clear(&a);
}

static void a_terminal_is_told_what_it_is(void **state)
{
    struct exec_request r = {.tty = true};
    struct arena a = {.max = MIB};
    size_t n;

    (void)state;
    setenv("TERM", "vt100", 1);
    assert_string_equal(make_vars(&r, &a, &n)[0]->value, "vt100");
    unsetenv("TERM");
    assert_string_equal(make_vars(&r, &a, &n)[0]->value, "xterm-256color");
    r.vars[r.var_count++] = "TERM=dumb";
    assert_string_equal(make_vars(&r, &a, &n)[0]->value, "dumb");
    assert_int_equal(n, 1);
    arena_clear(&a);
}

/* --- the stream ------------------------------------------------------------------------------ */

static char stream[1 << 14];
static size_t stream_len;

static void stream_begin(void)
{
    stream_len = (size_t)sprintf(stream, "HTTP/1.1 200 OK\r\nContent-Type: application/connect+proto\r\n"
                                         "Transfer-Encoding: chunked\r\n\r\n");
}

static void stream_message(uint8_t flags, const void *data, size_t n)
{
    stream_len += (size_t)sprintf(stream + stream_len, "%zx\r\n", n + ENVELOPE_SIZE);
    envelope_encode(flags, (uint32_t)n, (uint8_t *)stream + stream_len);
    memcpy(stream + stream_len + ENVELOPE_SIZE, data, n);
    stream_len += ENVELOPE_SIZE + n;
    stream_len += (size_t)sprintf(stream + stream_len, "\r\n");
}

static void stream_event(Process__ProcessEvent *event)
{
    Process__StartResponse r = PROCESS__START_RESPONSE__INIT;
    uint8_t packed[1024];

    r.event = event;
    stream_message(0, packed, protobuf_c_message_pack(&r.base, packed));
}

static void stream_start(uint32_t pid)
{
    Process__ProcessEvent e = PROCESS__PROCESS_EVENT__INIT;
    Process__ProcessEvent__StartEvent start = PROCESS__PROCESS_EVENT__START_EVENT__INIT;

    start.pid = pid;
    e.event_case = PROCESS__PROCESS_EVENT__EVENT_START;
    e.start = &start;
    stream_event(&e);
}

static void stream_output(bool to_stderr, const char *text)
{
    Process__ProcessEvent e = PROCESS__PROCESS_EVENT__INIT;
    Process__ProcessEvent__DataEvent data = PROCESS__PROCESS_EVENT__DATA_EVENT__INIT;
    ProtobufCBinaryData bytes = {strlen(text), (uint8_t *)(uintptr_t)text};

    if (to_stderr) {
        data.output_case = PROCESS__PROCESS_EVENT__DATA_EVENT__OUTPUT_STDERR;
        data.stderr = bytes;
    } else {
        data.output_case = PROCESS__PROCESS_EVENT__DATA_EVENT__OUTPUT_STDOUT;
        data.stdout = bytes;
    }
    e.event_case = PROCESS__PROCESS_EVENT__EVENT_DATA;
    e.data = &data;
    stream_event(&e);
}

static void stream_process_end(bool exited, int code, const char *status)
{
    Process__ProcessEvent e = PROCESS__PROCESS_EVENT__INIT;
    Process__ProcessEvent__EndEvent end = PROCESS__PROCESS_EVENT__END_EVENT__INIT;

    end.exited = exited;
    end.exit_code = code;
    end.status = (char *)(uintptr_t)status;
    e.event_case = PROCESS__PROCESS_EVENT__EVENT_END;
    e.end = &end;
    stream_event(&e);
}

static void stream_finish(const char *end)
{
    stream_message(ENVELOPE_END_STREAM, end, strlen(end));
    stream_len += (size_t)sprintf(stream + stream_len, "0\r\n\r\n");
    agent.answers[agent.count++] = (struct agent_answer){stream, stream_len, false, false};
}

/* Runs exec against what was scripted. In a child: it blocks signals and keeps no terminal of ours. */
static int run_exec(const char *const *words)
{
    struct capture c;
    pid_t pid;
    int status;

    capture_begin(&c);
    pid = fork();
    if (pid == 0) {
        char *argv[16] = {"guestctl", "-t", agent.target, "exec"};
        int argc = 4, code;

        for (; *words; words++)
            argv[argc++] = (char *)(uintptr_t)*words;
        code = ctl_run(argc, argv);
        fflush(NULL);
        _exit(code);
    }
    agent_start();
    if (waitpid(pid, &status, 0) != pid)
        abort();
    agent_finish();
    capture_end(&c);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define EXEC(...) run_exec((const char *const[]){__VA_ARGS__, NULL})

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
    agent.answers[agent.count++] = (struct agent_answer){stream, stream_len, false, false};
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

static void detached_it_prints_the_pid_and_leaves(void **state)
{
    (void)state;
    stream_begin();
    stream_start(12);
    agent.answers[agent.count++] = (struct agent_answer){stream, stream_len, false, true};
    assert_int_equal(EXEC("-d", "sleep", "9"), 0);
    assert_string_equal(printed, "12\n");
}

static void the_request_holds_what_was_asked(void **state)
{
    const Process__StartRequest *m;
    struct arena arena = {0};
    const char *body;
    struct err e;

    (void)state;
    stream_begin();
    stream_start(12);
    stream_process_end(true, 0, "exit status 0");
    stream_finish("{}");
    assert_int_equal(EXEC("-e", "A=1", "-w", "/d", "--tag", "t", "ls", "-l", "/"), 0);
    body = strstr(agent.request, "\r\n\r\n") + 4 + ENVELOPE_SIZE;
    m = (const Process__StartRequest *)codec_decode(
        CODEC_PROTO, &process__start_request__descriptor,
        (struct bytes){body, agent.request_len - (size_t)(body - agent.request)}, &arena, &e);
    assert_non_null(m);
    assert_string_equal(m->process->cmd, "ls");
    assert_int_equal(m->process->n_args, 2);
    assert_string_equal(m->process->args[1], "/");
    assert_int_equal(m->process->n_envs, 1);
    assert_string_equal(m->process->cwd, "/d");
    assert_string_equal(m->tag, "t");
    assert_int_equal(m->_stdin_case, PROCESS__START_REQUEST___STDIN_STDIN);
    assert_false(m->stdin); /* without -i the command gets none */
    assert_int_equal(m->_pty_case, 0);
    arena_clear(&arena);
}

/* --- what we say to it ----------------------------------------------------------------------- */

static void a_reader_that_has_gone_ends_us_as_sigpipe(void **state)
{
    ProtobufCBinaryData data = {3, (uint8_t *)(uintptr_t) "abc"};
    int fd[2];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    close(fd[0]);
    assert_int_equal(write_all(fd[1], &data), -1);
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
    ProtobufCBinaryData data = {sizeof block, block};
    pthread_t thread;
    void *total;
    int fd[2];

    (void)state;
    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    fcntl(fd[1], F_SETFL, O_NONBLOCK);
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &fd[0]), 0);
    assert_int_equal(write_all(fd[1], &data), 0);
    close(fd[1]);
    pthread_join(thread, &total);
    assert_int_equal((uintptr_t)total, sizeof block);
    close(fd[0]);
}

/* A signalfd that holds these signals, blocked in this thread. */
static void signals_of(struct exec_run *x, const int *signals, size_t n)
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
    struct exec_request r = {.tty = false};
    struct exec_run x = {.request = &r, .pid = 12, .code = -1};

    (void)state;
    signals_of(&x, (const int[]){SIGINT}, 1);
    assert_int_equal(x.forward, SIGTERM);
    assert_int_equal(x.code, -1);
    signals_of(&x, (const int[]){SIGTERM}, 1);
    assert_int_equal(x.forward, SIGKILL);
    assert_int_equal(x.code, -1);
    signals_of(&x, (const int[]){SIGHUP}, 1);
    assert_int_equal(x.code, 128 + SIGHUP);
}

static void before_the_command_runs_a_signal_ends_us(void **state)
{
    struct exec_request r = {.tty = false};
    struct exec_run x = {.request = &r, .code = -1};

    (void)state;
    signals_of(&x, (const int[]){SIGINT}, 1);
    assert_int_equal(x.code, 128 + SIGINT);
}

static void a_resize_is_told_for_a_terminal_only(void **state)
{
    struct exec_request r = {.tty = false};
    struct exec_run x = {.request = &r, .pid = 12, .code = -1};

    (void)state;
    signals_of(&x, (const int[]){SIGWINCH}, 1);
    assert_false(x.resize);
    r.tty = true;
    signals_of(&x, (const int[]){SIGWINCH}, 1);
    assert_true(x.resize);
    assert_int_equal(x.signals, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, agent_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(options_end_at_the_command),
        T(wrong_words_are_125),
        T(a_terminal_is_wanted_from_a_terminal_only),
        T(variables_are_bounded),
        T(the_user_and_the_time_out_are_headers),
        T(a_long_user_is_not_cut_to_another),
        T(variables_are_given_or_our_own),
        T(a_terminal_is_told_what_it_is),
        T(output_goes_where_it_belongs_and_the_code_is_the_commands),
        T(ends_become_exit_codes),
        T(a_time_out_of_ours_is_124),
        T(a_refusal_is_125),
        T(an_agent_that_dies_is_125),
        T(a_stream_without_the_commands_end_is_125),
        T(a_message_that_is_no_event_is_125),
        T(detached_it_prints_the_pid_and_leaves),
        T(the_request_holds_what_was_asked),
        T(a_reader_that_has_gone_ends_us_as_sigpipe),
        T(a_full_pipe_is_waited_for),
        T(asked_to_end_it_passes_it_on_twice_and_then_leaves),
        T(before_the_command_runs_a_signal_ends_us),
        T(a_resize_is_told_for_a_terminal_only),
    };

    return RUN(tests);
}
