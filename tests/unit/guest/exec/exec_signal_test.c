/* Signals: whom they reach, in which state, and what a grace does. */
#include "test.h"

#include "exec_rig.h"

#include <signal.h>

/* Starts a shell that prints a pid; that pid. */
static pid_t begin_pair(struct reader *r, const char *script)
{
    begin_shell(r, script);
    RUN_UNTIL(r, r->len[RING_STDOUT] > 0 && strchr(r->out[RING_STDOUT], '\n'), 5000);
    return atoi(r->out[RING_STDOUT]);
}

static bool dead(pid_t pid)
{
    return kill(pid, 0) < 0 && errno == ESRCH;
}

static void any_signal_ends_it(void **state)
{
    static const int signals[] = {SIGHUP, SIGUSR1, SIGKILL};
    struct reader r;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        begin_spec(&r,
                   &(struct exec_spec){.cmd = "/bin/sleep", .args = (const char *[]){"100"}, .arg_count = 1});
        RUN_UNTIL(&r, r.started, 5000);
        assert_int_equal(exec_signal(r.sub.exec, signals[i], EXEC_TARGET_DEFAULT, 0, &e), 0);
        RUN_UNTIL(&r, r.ended, 5000);
        assert_int_equal(r.exit.signal, signals[i]);
        reader_free(&r);
    }
}

/* Without cgroups a tree is a session: by default SIGTERM reaches the leader, SIGKILL the session. */
static void the_default_depends_on_the_signal(void **state)
{
    struct reader r;
    struct err e;
    pid_t child;

    (void)state;
    child = begin_pair(&r, "sleep 100 >/dev/null 2>&1 & echo $!; wait");
    assert_int_equal(exec_signal(r.sub.exec, SIGTERM, EXEC_TARGET_DEFAULT, 0, &e), 0);
    RUN_UNTIL(&r, r.ended, 5000);
    assert_false(dead(child));
    kill(child, SIGKILL);
    reader_free(&r);
    child = begin_pair(&r, "sleep 100 >/dev/null 2>&1 & echo $!; wait");
    assert_int_equal(exec_signal(r.sub.exec, SIGKILL, EXEC_TARGET_DEFAULT, 0, &e), 0);
    RUN_UNTIL(&r, r.ended && dead(child), 5000);
    reader_free(&r);
}

static void the_agent_may_be_told_to_kill_leaders_only(void **state)
{
    struct reader r;
    struct err e;
    pid_t child;

    (void)state;
    rig.table.kill_leader = true;
    child = begin_pair(&r, "sleep 100 >/dev/null 2>&1 & echo $!; wait");
    assert_int_equal(exec_signal(r.sub.exec, SIGKILL, EXEC_TARGET_DEFAULT, 0, &e), 0);
    RUN_UNTIL(&r, r.ended, 5000);
    assert_false(dead(child));
    kill(child, SIGKILL);
    reader_free(&r);
}

static void a_grace_ends_in_a_kill(void **state)
{
    struct reader r;
    struct err e;

    (void)state;
    begin_pair(&r, "trap '' TERM; echo 1; while :; do sleep .02; done");
    assert_int_equal(exec_signal(r.sub.exec, SIGTERM, EXEC_TARGET_DEFAULT, 100, &e), 0);
    RUN_UNTIL(&r, r.ended, 5000);
    assert_int_equal(r.exit.signal, SIGKILL);
    reader_free(&r);
}

/* Its pid may be another's by then. */
static void a_grace_ends_with_its_leader(void **state)
{
    struct reader r;
    struct err e;

    (void)state;
    begin_pair(&r, "trap 'exit 3' TERM; echo 1; while :; do sleep .02; done");
    assert_int_equal(exec_signal(r.sub.exec, SIGTERM, EXEC_TARGET_GROUP, 60000, &e), 0);
    RUN_UNTIL(&r, r.ended, 5000);
    assert_int_equal(r.exit.code, 3);
    reader_free(&r); /* the rig fails when the process is still there */
}

/* The program has ended and a child holds its output: listed, so no error; ended, so nothing is signalled. */
static void an_ended_leader_takes_any_signal(void **state)
{
    struct reader r;
    struct err e;
    pid_t child;

    (void)state;
    child = begin_pair(&r, "(while :; do echo; sleep .02; done) & echo $!");
    RUN_UNTIL(&r, r.sub.exec->state == EXEC_EXITED, 5000);
    assert_int_equal(exec_signal(r.sub.exec, SIGTERM, EXEC_TARGET_LEADER, 50, &e), 0);
    assert_int_equal(exec_signal(r.sub.exec, SIGTERM, EXEC_TARGET_GROUP, 0, &e), 0);
    assert_false(dead(child));
    kill(child, SIGKILL);
    RUN_UNTIL(&r, r.ended, 5000);
    reader_free(&r);
}

static void a_closed_process_has_finished(void **state)
{
    struct reader r;
    struct exec *x;
    struct err e;

    (void)state;
    shell(&r, "echo x");
    x = exec_by_id(&rig.table, r.id);
    assert_non_null(x);
    assert_int_equal(exec_signal(x, SIGTERM, EXEC_TARGET_DEFAULT, 0, &e), -1);
    assert_string_equal(e.text, "error sending signal: os: process already finished");
    exec_kill(x); /* does nothing */
    reader_free(&r);
}

/* Its client went before it ran. */
static void what_is_killed_while_it_starts_does_not_stay(void **state)
{
    struct reader r;

    (void)state;
    begin_spec(&r, &(struct exec_spec){.cmd = "/bin/sleep", .args = (const char *[]){"100"}, .arg_count = 1});
    exec_kill(r.sub.exec);
    RUN_UNTIL(&r, r.ended, 5000);
    assert_int_equal(r.exit.signal, SIGKILL);
    assert_false(r.exit.timed_out);
    reader_free(&r);
}

static void a_deadline_has_its_grace_too(void **state)
{
    struct reader r;

    (void)state;
    begin_spec(&r, &(struct exec_spec){
                       .cmd = "/bin/sh",
                       .args = (const char *[]){"-c", "trap 'exit 4' TERM; while :; do sleep .02; done"},
                       .arg_count = 2,
                       .timeout_ms = 300,
                       .grace_ms = 60000});
    RUN_UNTIL(&r, r.ended, 5000);
    assert_int_equal(r.exit.code, 4);
    assert_true(r.exit.timed_out);
    reader_free(&r);
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(any_signal_ends_it),
        T(the_default_depends_on_the_signal),
        T(the_agent_may_be_told_to_kill_leaders_only),
        T(a_grace_ends_in_a_kill),
        T(a_grace_ends_with_its_leader),
        T(an_ended_leader_takes_any_signal),
        T(a_closed_process_has_finished),
        T(what_is_killed_while_it_starts_does_not_stay),
        T(a_deadline_has_its_grace_too),
    };

    return RUN(tests);
}
