/* exec: its words and its request. */
#include "test.h"

#include <fcntl.h>

#include "stream_rig.h"

#include "ctl/exec.c"

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
        const char *words[5];
        const char *says;
    } cases[] = {
        {{NULL}, "no command is given"},
        {{"-i"}, "no command is given"},
        {{"--frob", "x"}, "frob"},
        {{"-e"}, "'"},
        {{"--timeout", "x", "ls"}, "'x' is not a duration"},
        {{"-d", "-i", "ls"}, "--detach goes with neither -i nor -t"},
        {{"-d", "-t", "ls"}, "--detach goes with neither -i nor -t"},
        {{"-d", "--replay", "ls"}, "--detach goes with neither --replay, --record"},
        {{"--replay", "--kill-on-disconnect", "ls"}, "--replay does not go with --kill-on-disconnect"},
        {{"--detach-keys", "x", "ls"}, "--detach-keys goes with -it only"},
        {{"--keep", "tail", "ls"}, "--keep goes with --max-output only"},
        {{"--keep", "all", "ls"}, "'all' is neither head nor tail"},
        {{"--umask", "8", "ls"}, "'8' is no umask"},
        {{"--umask", "1000", "ls"}, "'1000' is no umask"},
        {{"--umask", "", "ls"}, "'' is no umask"},
        {{"--nice", "20", "ls"}, "'20' is no nice value"},
        {{"--nice", "-21", "ls"}, "'-21' is no nice value"},
        {{"--limit", "nofile", "ls"}, "'nofile' is no limit"},
        {{"--limit", "=1", "ls"}, "'=1' is no limit"},
        {{"--limit", "nofile=", "ls"}, "'nofile=' is no limit"},
        {{"--limit", "nofile=1:", "ls"}, "'nofile=1:' is no limit"},
        {{"--limit", "nofile=18446744073709551616", "ls"}, "is no limit"},
        {{"--kill-target", "all", "ls"}, "'all' is none of leader, group and tree"},
        {{"--grace", "x", "ls"}, "'x' is not a duration"},
        {{"--max-output", "0", "ls"}, "'0'"},
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

static void detached_it_prints_the_pid_and_leaves(void **state)
{
    (void)state;
    stream_begin();
    stream_start(12);
    stream_breaks(true);
    assert_int_equal(EXEC("-d", "sleep", "9"), 0);
    assert_string_equal(printed, "12\n");
}

/* Runs a command that ends at once, and returns the request that was sent. */
static const Process__StartRequest *request_of(const char *const *words)
{
    agent.count = 0;
    stream_begin();
    stream_start(12);
    stream_process_end(true, 0, "exit status 0");
    stream_finish("{}");
    assert_int_equal(run_verb("exec", words), 0);
    return (const Process__StartRequest *)streamed_request(&process__start_request__descriptor);
}

#define REQUEST(...) request_of((const char *const[]){__VA_ARGS__, NULL})

static void the_request_holds_what_was_asked(void **state)
{
    const Process__StartRequest *m = REQUEST("-e", "A=1", "-w", "/d", "--tag", "t", "ls", "-l", "/");

    (void)state;
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
    assert_null(m->options); /* what was not asked for is not sent */
    assert_null(m->events);
}

static void each_start_option_is_a_field(void **state)
{
    const Process__StartOptions *o =
        REQUEST("--key", "k", "--no-new-privs", "--umask", "027", "--nice", "-5", "--limit", "nofile=10:20",
                "--limit", "core=unlimited", "--group", "adm", "--group", "7", "--kill-target", "group",
                "--grace", "1500ms", "--kill-on-disconnect", "--max-output", "99", "--keep", "tail", "ls")
            ->options;

    (void)state;
    assert_string_equal(o->idempotency_key, "k");
    assert_true(o->no_new_privs);
    assert_int_equal(o->umask, 027);
    assert_int_equal(o->nice, -5);
    assert_int_equal(o->n_limits, 2);
    assert_string_equal(o->limits[0]->name, "nofile");
    assert_int_equal(o->limits[0]->soft, 10);
    assert_int_equal(o->limits[0]->hard, 20);
    assert_string_equal(o->limits[1]->name, "core");
    assert_true(o->limits[1]->soft == UINT64_MAX && o->limits[1]->hard == UINT64_MAX);
    assert_int_equal(o->n_extra_groups, 2);
    assert_string_equal(o->extra_groups[1], "7");
    assert_int_equal(o->kill_target, PROCESS__SIGNAL_TARGET__SIGNAL_TARGET_GROUP);
    assert_int_equal(o->grace_ms, 1500);
    assert_true(o->kill_on_disconnect);
    assert_int_equal(o->max_output->bytes, 99);
    assert_int_equal(o->max_output->keep, PROCESS__MAX_OUTPUT__KEEP__KEEP_TAIL);
}

static void a_number_of_zero_is_sent_too(void **state)
{
    const Process__StartOptions *o = REQUEST("--umask", "0", "--nice", "0", "ls")->options;

    (void)state;
    assert_int_equal(o->_umask_case, PROCESS__START_OPTIONS___UMASK_UMASK);
    assert_int_equal(o->_nice_case, PROCESS__START_OPTIONS___NICE_NICE);
}

static void events_are_asked_for_as_they_are_needed(void **state)
{
    static const struct {
        const char *words[6];
        bool offsets, exited, record;
    } cases[] = {
        {{"--record", "ls"}, false, false, true},
        {{"--replay", "ls"}, true, false, false},
        {{"--leave-on-exit", "ls"}, true, true, false},
        {{"--replay", "--timeout", "9", "ls"}, true, false, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const Process__EventOptions *e = request_of(cases[i].words)->events;

        assert_int_equal(e->offsets, cases[i].offsets);
        assert_int_equal(e->exited, cases[i].exited);
        assert_int_equal(e->exit_record, cases[i].record);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, agent_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(options_end_at_the_command),
        T(wrong_words_are_125),
        T(a_terminal_is_wanted_from_a_terminal_only),
        T(variables_are_bounded),
        T(variables_are_given_or_our_own),
        T(a_terminal_is_told_what_it_is),
        T(detached_it_prints_the_pid_and_leaves),
        T(the_request_holds_what_was_asked),
        T(each_start_option_is_a_field),
        T(a_number_of_zero_is_sent_too),
        T(events_are_asked_for_as_they_are_needed),
    };

    return RUN(tests);
}
