/* Processes from their start to their end, with no wire: what subscribers see. */
#include "test.h"

#include "exec_rig.h"

#include <sys/stat.h>

#include "guest/users.h"

static int open_fds(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void streams_and_code(void **state)
{
    struct reader r;

    (void)state;
    shell(&r, "printf out; printf err >&2; exit 7");
    assert_true(r.started);
    assert_string_equal(text(&r, RING_STDOUT), "out");
    assert_string_equal(text(&r, RING_STDERR), "err");
    assert_int_equal(r.exit.code, 7);
    assert_int_equal(r.exit.signal, 0);
    assert_true(r.exit.duration_ns > 0);
    reader_free(&r);
}

static void signals_are_told(void **state)
{
    struct reader r;
    char status[64];

    (void)state;
    shell(&r, "kill -KILL $$");
    assert_int_equal(r.exit.code, -1);
    assert_int_equal(r.exit.signal, SIGKILL);
    exec_status_text(&r.exit, status);
    assert_string_equal(status, "signal: killed");
    reader_free(&r);
    exec_status_text(&(struct exec_exit){.code = 3}, status);
    assert_string_equal(status, "exit status 3");
    exec_status_text(&(struct exec_exit){.code = -1, .signal = SIGSEGV, .core = true}, status);
    assert_string_equal(status, "signal: segmentation fault (core dumped)");
    exec_status_text(&(struct exec_exit){.code = -1, .signal = 40}, status);
    assert_string_equal(status, "signal: signal 40");
}

static void no_program_is_an_exit(void **state)
{
    static const struct {
        const char *cmd;
        int code;
        const char *says;
    } cases[] = {
        {"no-such-program", 127, "guestd: exec: no-such-program: no such file or directory\n"},
        {"/no/such/program", 127, "guestd: exec: /no/such/program: no such file or directory\n"},
        {"", 127, "guestd: exec: : no such file or directory\n"},
        {"/etc/passwd/x", 127, "not a directory\n"},
        {"/etc/passwd", 126, "permission denied\n"},
        {"/tmp", 126, "permission denied\n"},
        {"/bin/sh", 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reader r;

        begin_spec(&r, &(struct exec_spec){.cmd = cases[i].cmd});
        RUN_UNTIL(&r, r.ended || r.failed, 5000);
        assert_true(r.started);
        assert_true(r.pid > 0);
        assert_int_equal(r.exit.code, cases[i].code);
        if (!strstr(text(&r, RING_STDERR), cases[i].says))
            fail_msg("'%s': %s", cases[i].cmd, text(&r, RING_STDERR));
        reader_free(&r);
    }
}

static void a_script_without_shebang_runs(void **state)
{
    char path[] = "/tmp/guestd-script-XXXXXX";
    int fd = mkstemp(path);
    const char *args[] = {"x y"};
    struct reader r;

    (void)state;
    assert_int_equal(write(fd, "echo \"$0:$1\"\n", 13), 13);
    fchmod(fd, 0755);
    close(fd);
    begin_spec(&r, &(struct exec_spec){.cmd = path, .args = args, .arg_count = 1});
    RUN_UNTIL(&r, r.ended, 5000);
    assert_memory_equal(text(&r, RING_STDOUT), path, strlen(path));
    assert_string_equal(text(&r, RING_STDOUT) + strlen(path), ":x y\n");
    unlink(path);
    reader_free(&r);
}

static void bad_requests_fail(void **state)
{
    static const struct {
        const char *cwd, *user;
        enum status status;
        const char *says;
        enum spawn_stage stage;
    } cases[] = {
        {"/no/such", NULL, STATUS_INVALID_ARGUMENT, "cwd '/no/such' does not exist", SPAWN_CHDIR},
        {"/etc/passwd", NULL, STATUS_INVALID_ARGUMENT,
         "error starting process 'x a b': fork/exec x: not a directory", SPAWN_CHDIR},
        {"/root", "nobody", STATUS_INVALID_ARGUMENT,
         "error starting process 'x a b': fork/exec x: permission denied", SPAWN_CHDIR},
        {"~bob", NULL, STATUS_INVALID_ARGUMENT, "cannot expand user-specific home dir", SPAWN_CWD},
        {NULL, "no-such-user", STATUS_UNAUTHENTICATED, "invalid username: 'no-such-user'", SPAWN_USER},
    };
    const char *args[] = {"a", "b"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reader r;

        if (cases[i].user && geteuid() != 0 && strcmp(cases[i].user, "nobody") == 0)
            continue;
        begin_spec(&r,
                   &(struct exec_spec){
                       .cmd = "x", .args = args, .arg_count = 2, .cwd = cases[i].cwd, .user = cases[i].user});
        RUN_UNTIL(&r, r.failed, 5000);
        assert_false(r.started);
        assert_int_equal(r.error.status, cases[i].status);
        assert_string_equal(r.error.text, cases[i].says);
        assert_int_equal(r.stage, cases[i].stage);
    }
    assert_int_equal(rig.table.count, 0);
}

static void too_much_environment_fails(void **state)
{
    char *big = malloc(200000);
    const char *args[] = {big};
    struct reader r;

    (void)state;
    memset(big, 'a', 199999); /* one argument may have 128 KiB: MAX_ARG_STRLEN */
    big[199999] = 0;
    begin_spec(&r, &(struct exec_spec){.cmd = "/bin/true", .args = args, .arg_count = 1});
    RUN_UNTIL(&r, r.failed, 5000);
    assert_int_equal(r.error.status, STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(r.error.text, "argument list too long"));
    free(big);
}

static void environment_is_layered(void **state)
{
    const char *names[] = {"A", "B", "HOME"}, *values[] = {"settings", "settings", "/settings"};
    const struct exec_var vars[] = {{"B", "request"}, {"C", "x=y"}, {"B", "last"}, {"EMPTY", ""}};
    struct reader r;
    struct err e;

    (void)state;
    assert_int_equal(settings_set_vars(&rig.settings, names, values, 3, &e), 0);
    begin_spec(&r,
               &(struct exec_spec){.cmd = "env", .vars = vars, .var_count = 4, .user = "root", .cwd = "/"});
    RUN_UNTIL(&r, r.ended, 5000);
    assert_non_null(strstr(text(&r, RING_STDOUT), "A=settings\n"));
    assert_non_null(strstr(text(&r, RING_STDOUT), "B=last\n"));
    assert_non_null(strstr(text(&r, RING_STDOUT), "C=x=y\n"));
    assert_non_null(strstr(text(&r, RING_STDOUT), "EMPTY=\n"));
    assert_non_null(strstr(text(&r, RING_STDOUT), "HOME=/settings\n"));
    assert_non_null(strstr(text(&r, RING_STDOUT), "USER=root\nLOGNAME=root\n"));
    assert_null(strstr(text(&r, RING_STDOUT), "B=request"));
    assert_null(strstr(text(&r, RING_STDOUT), "TERM="));
    reader_free(&r);
}

/* The program is looked for in the child's PATH, and a file that may not be run does not end the search. */
static void the_childs_path_counts(void **state)
{
    char dir[] = "/tmp/guestd-path-XXXXXX", a[64], b[64], path[256];
    struct reader r;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(a, sizeof a, "%s/a", dir);
    snprintf(b, sizeof b, "%s/b", dir);
    mkdir(a, 0755);
    mkdir(b, 0755);
    snprintf(path, sizeof path,
             "printf '#!/bin/sh\\necho a' >%s/only; printf '#!/bin/sh\\necho b' >%s/only; chmod 755 %s/only",
             a, b, b);
    assert_int_equal(system(path), 0);
    snprintf(path, sizeof path, "%s:/no/such:%s", a, b);
    begin_spec(&r,
               &(struct exec_spec){.cmd = "only", .vars = &(struct exec_var){"PATH", path}, .var_count = 1});
    RUN_UNTIL(&r, r.ended, 5000);
    assert_string_equal(text(&r, RING_STDOUT), "b\n");
    reader_free(&r);
    begin_spec(&r, &(struct exec_spec){.cmd = "only", .vars = &(struct exec_var){"PATH", a}, .var_count = 1});
    RUN_UNTIL(&r, r.ended, 5000);
    assert_int_equal(r.exit.code, 126);
    reader_free(&r);
    begin_spec(&r, &(struct exec_spec){.cmd = "b/only", .cwd = dir}); /* relative to the working directory */
    RUN_UNTIL(&r, r.ended, 5000);
    assert_string_equal(text(&r, RING_STDOUT), "b\n");
    reader_free(&r);
    snprintf(path, sizeof path, "rm -r %s", dir);
    assert_int_equal(system(path), 0);
}

/* Nothing of the agent's: descriptors, blocked or ignored signals, priority, session. (The shell's own mask is not to be
 * seen: it blocks signals itself while it starts a program.) */
static void the_child_is_clean(void **state)
{
    struct reader r;
    const char *out;
    char rest[32];

    (void)state;
    snprintf(rest, sizeof rest, "\n%d\n0022\n100\n1\n", getpriority(PRIO_PROCESS, 0));
    shell(&r, "ls /proc/$$/fd; grep -E 'Sig(Blk|Ign)' /proc/self/status; nice; umask;"
              "cat /proc/$$/oom_score_adj; awk '{print $6 == $1}' /proc/$$/stat");
    out = text(&r, RING_STDOUT);
    assert_memory_equal(out, "0\n1\n2\nSig", 9);
    assert_non_null(strstr(out, "SigBlk:\t0000000000000000"));
    assert_non_null(strstr(out, "SigIgn:\t0000000000000000"));
    assert_non_null(strstr(out, rest));
    reader_free(&r);
}

static void identity_changes(void **state)
{
    struct reader r;
    struct user *u;
    struct err e;
    char want[64];

    (void)state;
    if (geteuid() != 0)
        return;
    u = users_find("nobody", &e);
    snprintf(want, sizeof want, "%u %u %u\n", u->uid, u->gid, u->gid);
    begin_spec(&r,
               &(struct exec_spec){.cmd = "/bin/sh",
                                   .args = (const char *[]){"-c", "echo $(id -u) $(id -g) $(id -G); id -un"},
                                   .arg_count = 2,
                                   .user = "nobody",
                                   .cwd = "/"});
    RUN_UNTIL(&r, r.ended, 5000);
    assert_memory_equal(text(&r, RING_STDOUT), want, strlen(want));
    assert_int_equal(geteuid(), 0);
    free(u);
    reader_free(&r);
}

/* Writes a copy of these bytes. */
static ssize_t put(struct exec *x, bool terminal, const void *data, size_t n, struct exec_wait *wait,
                   struct err *e)
{
    struct chain c = {0};
    ssize_t taken;

    assert_int_equal(chain_copy(&c, data, n), 0);
    taken = exec_write(x, terminal, &c, wait, e);
    chain_clear(&c);
    return taken;
}

static void input(void **state)
{
    struct reader r;
    struct exec_wait wait = {0};
    struct err e;

    (void)state;
    begin_spec(&r, &(struct exec_spec){.cmd = "cat", .stdin_pipe = true});
    RUN_UNTIL(&r, r.started, 5000);
    assert_int_equal(put(r.sub.exec, false, "hello", 5, &wait, &e), 5);
    assert_int_equal(put(r.sub.exec, false, "", 0, &wait, &e), 0);
    assert_int_equal(put(r.sub.exec, true, "x", 1, &wait, &e), -1);
    assert_non_null(strstr(e.text, "error writing to tty: tty not assigned to process"));
    assert_int_equal(exec_close_input(r.sub.exec, &e), 0);
    assert_int_equal(exec_close_input(r.sub.exec, &e), 0);
    assert_int_equal(put(r.sub.exec, false, "x", 1, &wait, &e), -1);
    assert_string_equal(e.text, "error writing to stdin: stdin not enabled or closed");
    assert_int_equal(exec_resize(r.sub.exec, 1, 1, &e), -1);
    RUN_UNTIL(&r, r.ended, 5000);
    assert_string_equal(text(&r, RING_STDOUT), "hello");
    reader_free(&r);

    shell(&r, "cat; readlink /proc/self/fd/0"); /* without input it is /dev/null */
    assert_string_equal(text(&r, RING_STDOUT), "/dev/null\n");
    reader_free(&r);
}

struct feeder {
    struct exec_wait wait;
    struct exec *exec;
    size_t sent, total;
    int waits;
    bool failed;
};

static void feed(struct feeder *f)
{
    static uint8_t block[100000];
    struct err e;

    while (f->sent < f->total) {
        size_t n = MIN(sizeof block, f->total - f->sent);
        ssize_t taken;

        for (size_t i = 0; i < n; i++)
            block[i] = (uint8_t)((f->sent + i) * 31 >> 3);
        taken = put(f->exec, false, block, n, &f->wait, &e);
        if (taken < 0) {
            f->failed = true;
            return;
        }
        f->sent += (size_t)taken;
        if ((size_t)taken < n) {
            assert_true(f->exec->input.queue.bytes <= STDIN_QUEUE_MAX);
            f->waits++;
            return;
        }
    }
    exec_close_input(f->exec, &e);
}

static void on_room(struct exec_wait *w)
{
    feed(CONTAINER_OF(w, struct feeder, wait));
}

static void much_input_waits_and_loses_nothing(void **state)
{
    struct feeder f = {.wait.ready = on_room, .total = 3000000};
    struct reader r;

    (void)state;
    begin_spec(&r, &(struct exec_spec){.cmd = "/bin/sh",
                                       .args = (const char *[]){"-c", "sleep .2; exec cat"},
                                       .arg_count = 2,
                                       .stdin_pipe = true});
    RUN_UNTIL(&r, r.started, 5000);
    f.exec = r.sub.exec;
    feed(&f);
    assert_true(f.waits > 0);
    RUN_UNTIL(&r, r.ended, 20000);
    assert_int_equal(r.len[RING_STDOUT], f.total);
    for (size_t i = 0; i < f.total; i++)
        if ((uint8_t)r.out[RING_STDOUT][i] != (uint8_t)(i * 31 >> 3))
            fail_msg("byte %zu differs", i);
    reader_free(&r);
}

/* The process ends while a sender waits: the sender is told. */
static void a_waiting_sender_hears_of_the_end(void **state)
{
    struct feeder f = {.wait.ready = on_room, .total = 3000000};
    struct reader r;

    (void)state;
    begin_spec(&r, &(struct exec_spec){.cmd = "/bin/sh",
                                       .args = (const char *[]){"-c", "sleep .2"},
                                       .arg_count = 2,
                                       .stdin_pipe = true});
    RUN_UNTIL(&r, r.started, 5000);
    f.exec = r.sub.exec;
    feed(&f);
    assert_int_equal(f.waits, 1);
    RUN_UNTIL(&r, r.ended, 5000);
    assert_true(f.failed);
    reader_free(&r);
}

static void terminal(void **state)
{
    struct reader r;
    struct exec_wait wait = {0};
    struct err e;

    (void)state;
    begin_spec(
        &r,
        &(struct exec_spec){
            .cmd = "/bin/sh",
            .args =
                (const char *[]){
                    "-c", "tty; stty size; stat -c '%a %U' $(tty); read x; echo got:$x; stty size; exit 3"},
            .arg_count = 2,
            .pty = true,
            .cols = 91,
            .rows = 33});
    RUN_UNTIL(&r, strstr(text(&r, RING_PTY), "33 91") && strstr(text(&r, RING_PTY), "620 root"), 5000);
    assert_memory_equal(text(&r, RING_PTY), "/dev/pts/", 9);
    assert_int_equal(put(r.sub.exec, false, "x", 1, &wait, &e), -1);
    assert_non_null(strstr(e.text, "error writing to stdin: tty assigned to process"));
    assert_int_equal(exec_resize(r.sub.exec, 50, 20, &e), 0);
    assert_int_equal(put(r.sub.exec, true, "abc\n", 4, &wait, &e), 4);
    RUN_UNTIL(&r, r.ended, 5000);
    assert_non_null(strstr(text(&r, RING_PTY), "got:abc\r\n20 50\r\n"));
    assert_int_equal(r.exit.code, 3);
    reader_free(&r);
}

static void a_terminal_loses_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct reader r;

        begin_spec(&r, &(struct exec_spec){.cmd = "/bin/sh",
                                           .args = (const char *[]){"-c", "echo first; echo last"},
                                           .arg_count = 2,
                                           .pty = true});
        RUN_UNTIL(&r, r.ended, 5000);
        assert_string_equal(text(&r, RING_PTY), "first\r\nlast\r\n");
        reader_free(&r);
    }
}

static void a_deadline_kills_the_tree(void **state)
{
    struct reader r;
    pid_t child;

    (void)state;
    begin_spec(&r, &(struct exec_spec){.cmd = "/bin/sh",
                                       .args = (const char *[]){"-c", "sleep 1000 & echo $!; wait"},
                                       .arg_count = 2,
                                       .timeout_ms = 300});
    RUN_UNTIL(&r, r.ended, 5000);
    assert_true(r.exit.timed_out);
    assert_int_equal(r.exit.signal, SIGKILL);
    child = atoi(text(&r, RING_STDOUT));
    assert_true(child > 0);
    RUN_UNTIL(NULL, kill(child, 0) < 0 && errno == ESRCH, 2000);
    reader_free(&r);
}

static void signals_reach_the_leader(void **state)
{
    struct reader r;
    struct err e;

    (void)state;
    begin_shell(&r, "trap 'echo tail; exit 9' TERM; echo up; while :; do sleep .05; done");
    RUN_UNTIL(&r, r.len[RING_STDOUT] > 0, 5000);
    assert_int_equal(exec_signal(r.sub.exec, SIGTERM, EXEC_TARGET_DEFAULT, 0, &e), 0);
    RUN_UNTIL(&r, r.ended, 5000);
    assert_string_equal(text(&r, RING_STDOUT), "up\ntail\n"); /* what it says after the signal arrives */
    assert_int_equal(r.exit.code, 9);
    reader_free(&r);
}

/* A grandchild holds the pipes: the end does not wait for it. */
static void a_background_child_does_not_hold_the_end(void **state)
{
    struct reader r;
    uint64_t start = clock_mono_ms();

    (void)state;
    shell(&r, "sleep 3 & echo hi");
    assert_string_equal(text(&r, RING_STDOUT), "hi\n");
    assert_int_equal(r.exit.code, 0);
    assert_true(clock_mono_ms() - start < 2000);
    assert_int_equal(rig.table.lingering_count, 1); /* but its pipes are read on */
    reader_free(&r);
    RUN_UNTIL(NULL, exec_output_ended(TAILQ_FIRST(&rig.table.lingering)), 6000);
    execs_forget(&rig.table);
    RUN_UNTIL(NULL, rig.table.count == 0, 1000);
}

static void output_right_after_the_leader_arrives(void **state)
{
    struct reader r;

    (void)state;
    shell(&r, "(sleep .05; echo late) & exit 0");
    assert_string_equal(text(&r, RING_STDOUT), "late\n");
    reader_free(&r);
}

/* A grandchild that prints for ever: the stream ends after EXIT_GRACE_MS, and it never gets SIGPIPE. */
static void an_endless_grandchild_is_cut_off(void **state)
{
    struct reader r;
    uint64_t start = clock_mono_ms();
    pid_t child;

    (void)state;
    begin_shell(&r, "(trap 'exit 1' PIPE; while :; do echo x; done) & echo $! >&2; exit 4");
    r.count_only = false;
    RUN_UNTIL(&r, r.ended, 10000);
    assert_true(clock_mono_ms() - start >= 900);
    assert_int_equal(r.exit.code, 4);
    child = atoi(text(&r, RING_STDERR));
    for (int i = 0; i < 50; i++)
        rig_turn();
    assert_int_equal(kill(child, 0), 0);
    kill(child, SIGKILL);
    reader_free(&r);
}

/* The client goes: the process stays, unread output is history, and the table forgets it in the end. */
static void a_process_outlives_its_subscriber(void **state)
{
    struct reader r;
    const struct exec_past *past;
    pid_t pid;

    (void)state;
    begin_spec(&r, &(struct exec_spec){.cmd = "/bin/sh",
                                       .args = (const char *[]){"-c", "yes | head -c 5000000; exit 5"},
                                       .arg_count = 2,
                                       .tag = "job"});
    RUN_UNTIL(&r, r.started, 5000);
    pid = r.pid;
    assert_ptr_equal(exec_by_tag(&rig.table, "job"), r.sub.exec);
    assert_ptr_equal(exec_by_pid(&rig.table, pid), r.sub.exec);
    exec_unsubscribe(&r.sub);
    RUN_UNTIL(NULL, TAILQ_EMPTY(&rig.table.live), 10000);
    assert_null(exec_by_pid(&rig.table, pid));
    assert_null(exec_by_tag(&rig.table, "job"));
    past = exec_past_by_pid(&rig.table, pid);
    assert_non_null(past);
    assert_int_equal(past->exit.code, 5);
    assert_ptr_equal(exec_past_by_tag(&rig.table, "job"), past);
    reader_free(&r);
    begin_spec(&r, &(struct exec_spec){.cmd = "/bin/true", .tag = "job"}); /* the name is used again */
    RUN_UNTIL(&r, r.started, 5000);
    assert_null(exec_past_by_pid(&rig.table, pid));
    RUN_UNTIL(&r, r.ended, 5000);
    assert_int_equal(exec_past_by_tag(&rig.table, "job")->exit.code, 0);
    reader_free(&r);
}

/* Commands so short that they are dead before their spawn is reported, many at a time. */
static void many_short_commands(void **state)
{
    enum { N = 400, AT_ONCE = 20 };
    static struct reader r[AT_ONCE];
    int before = open_fds();

    (void)state;
    for (int base = 0; base < N; base += AT_ONCE) {
        for (int i = 0; i < AT_ONCE; i++) {
            char script[64];

            snprintf(script, sizeof script, "echo %d; exit %d", base + i, (base + i) % 100);
            begin_shell(&r[i], script);
        }
        for (int i = 0; i < AT_ONCE; i++) {
            char want[16];

            snprintf(want, sizeof want, "%d\n", base + i);
            RUN_UNTIL(&r[i], r[i].ended, 20000);
            assert_string_equal(text(&r[i], RING_STDOUT), want);
            assert_int_equal(r[i].exit.code, (base + i) % 100);
            reader_free(&r[i]);
        }
    }
    assert_in_range(rig.table.count, 1, KEPT_BYTES / SEG_SIZE + 1); /* their output is kept for a while */
    execs_forget(&rig.table);
    for (int i = 0; i < 5; i++)
        rig_turn();
    assert_int_equal(rig.table.count, 0);
    assert_int_equal(open_fds(), before);
}

static void the_table_is_bounded(void **state)
{
    struct reader r;

    (void)state;
    rig.table.count += PROCESSES_MAX;
    begin_shell(&r, "true");
    assert_true(r.failed);
    assert_int_equal(r.error.status, STATUS_RESOURCE_EXHAUSTED);
    rig.table.count -= PROCESSES_MAX;
    execs_stop(&rig.table, 0);
    begin_shell(&r, "true");
    assert_int_equal(r.error.status, STATUS_FAILED_PRECONDITION);
}

static void stopping_ends_everything(void **state)
{
    struct reader r[3];

    (void)state;
    for (int i = 0; i < 3; i++)
        begin_shell(&r[i], "sleep 1000 & sleep 1000");
    for (int i = 0; i < 3; i++)
        RUN_UNTIL(&r[i], r[i].started, 5000);
    for (int i = 0; i < 20; i++)
        rig_turn();
    execs_stop(&rig.table, SIGTERM);
    for (int i = 0; i < 3; i++) {
        RUN_UNTIL(&r[i], r[i].ended, 5000);
        assert_int_equal(r[i].exit.signal, SIGTERM);
        reader_free(&r[i]);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(streams_and_code),
        T(signals_are_told),
        T(no_program_is_an_exit),
        T(a_script_without_shebang_runs),
        T(bad_requests_fail),
        T(too_much_environment_fails),
        T(environment_is_layered),
        T(the_childs_path_counts),
        T(the_child_is_clean),
        T(identity_changes),
        T(input),
        T(much_input_waits_and_loses_nothing),
        T(a_waiting_sender_hears_of_the_end),
        T(terminal),
        T(a_terminal_loses_nothing),
        T(a_deadline_kills_the_tree),
        T(signals_reach_the_leader),
        T(a_background_child_does_not_hold_the_end),
        T(output_right_after_the_leader_arrives),
        T(an_endless_grandchild_is_cut_off),
        T(a_process_outlives_its_subscriber),
        T(many_short_commands),
        T(the_table_is_bounded),
        T(stopping_ends_everything),
    };

    umask(022);
    return RUN(tests);
}
