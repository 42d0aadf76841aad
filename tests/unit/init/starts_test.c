/* The programs of the configuration: who they are to callers, when they run again, and that their output holds nobody up. */
#include "test.h"

#include "guest/exec/exec_rig.h"

#include <stdio.h>

static uint64_t later_ms; /* added to the clock */

#define clock_mono_ms() (clock_mono_ns() / 1000000u + later_ms)
#define on_started      starts_on_started
#define on_failed       starts_on_failed
#define on_ready        starts_on_ready

#include "init/starts.c"

#undef clock_mono_ms
#undef on_started
#undef on_failed
#undef on_ready

static struct starts starts;
static struct boot boot;

static int setup(void **state)
{
    later_ms = 0;
    boot = (struct boot){.problem_count = 0};
    return rig_setup(state);
}

static int teardown(void **state)
{
    struct start *s;

    starts_stop(&starts);
    while ((s = starts.all)) {
        starts.all = s->next;
        exec_unsubscribe(&s->sub);
        loop_cancel(&rig.loop, &s->read);
        free(s);
    }
    execs_stop(&rig.table, SIGKILL);
    boot_clear(&boot);
    return rig_teardown(state);
}

static void begin(enum config_restart restart, char *script)
{
    static char *argv[] = {"/bin/sh", "-c", NULL, NULL};
    static struct config_start list;

    argv[2] = script;
    list = (struct config_start){.restart = restart, .cwd = "/tmp", .argv = argv};
    starts_begin(&starts, &rig.table, &rig.settings, &boot, &list);
}

#define FIRST (*starts.all)
#define WAITS (ev_is_active(&FIRST.again) != 0)

static void it_is_a_process_as_any_other(void **state)
{
    struct reader r = {0};
    struct exec *x;
    struct err e;

    (void)state;
    begin(RESTART_NEVER, "pwd; exec sleep 1000");
    RUN_UNTIL(NULL, exec_by_tag(&rig.table, "start-1"), 5000);
    x = exec_by_tag(&rig.table, "start-1");
    RUN_UNTIL(NULL, x->ring.head == 5, 5000);
    assert_int_equal(exec_subscribe(x, &r.sub, &reader_events, 0, &e), 0);
    reader_read(&r);
    assert_string_equal(text(&r, RING_STDOUT), "/tmp\n"); /* it was read before, and is still there */
    assert_false(WAITS);
    reader_free(&r);
}

static void its_output_holds_nobody_up(void **state)
{
    (void)state;
    begin(RESTART_ALWAYS, "head -c 5000000 /dev/zero; exit 3");
    RUN_UNTIL(NULL, WAITS, 10000);
}

static void check_policy(enum config_restart restart, char *script, bool again)
{
    begin(restart, script);
    RUN_UNTIL(NULL, FIRST.up_ms > 0 && !FIRST.sub.exec, 5000);
    assert_int_equal(WAITS, again);
}

static void by_default_it_runs_once(void **state)
{
    (void)state;
    check_policy(RESTART_NEVER, "exit 1", false);
}

static void after_a_failure_it_runs_again(void **state)
{
    (void)state;
    check_policy(RESTART_ON_FAILURE, "exit 1", true);
}

static void a_signal_is_a_failure(void **state)
{
    (void)state;
    check_policy(RESTART_ON_FAILURE, "kill -9 $$", true);
}

static void after_a_success_it_does_not(void **state)
{
    (void)state;
    check_policy(RESTART_ON_FAILURE, "exit 0", false);
}

static void always_is_always(void **state)
{
    (void)state;
    check_policy(RESTART_ALWAYS, "exit 0", true);
}

static void the_wait_doubles_until_it_ran_for_long(void **state)
{
    static const unsigned waits[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};

    (void)state;
    begin(RESTART_ALWAYS, "sleep 0.1");
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        RUN_UNTIL(NULL, WAITS, 5000);
        assert_int_equal(FIRST.wait_ms, MIN(2 * waits[i], (unsigned)START_BACKOFF_MAX_MS));
        assert_in_range(ev_timer_remaining(rig.loop.ev, &FIRST.again) * 1000, waits[i] - 900, waits[i]);
        ev_timer_stop(rig.loop.ev, &FIRST.again);
        run(&FIRST);
    }
    RUN_UNTIL(NULL, FIRST.sub.exec && FIRST.sub.exec->state != EXEC_SPAWNING, 5000);
    later_ms = START_BACKOFF_MAX_MS;
    RUN_UNTIL(NULL, WAITS, 5000);
    assert_int_equal(FIRST.wait_ms, 2 * START_BACKOFF_MS);
}

static void what_cannot_run_is_told_once(void **state)
{
    static char *argv[] = {"/no/such", NULL};
    static struct config_start list = {.restart = RESTART_ALWAYS, .argv = argv};

    (void)state;
    starts_begin(&starts, &rig.table, &rig.settings, &boot, &list);
    for (int i = 0; i < 2; i++) {
        RUN_UNTIL(NULL, WAITS, 5000);
        ev_timer_stop(rig.loop.ev, &FIRST.again);
        run(&FIRST);
    }
    assert_int_equal(boot.problem_count, 1);
    assert_string_equal(boot.problems[0], "start '/no/such': exit status 127");
}

static void a_user_that_is_not_there_is_told(void **state)
{
    static char *argv[] = {"true", NULL};
    static struct config_start list = {.user = "no-such-user", .argv = argv};

    (void)state;
    starts_begin(&starts, &rig.table, &rig.settings, &boot, &list);
    RUN_UNTIL(NULL, boot.problem_count == 1, 5000);
    assert_string_equal(boot.problems[0], "start 'true': invalid username: 'no-such-user'");
    assert_false(WAITS);
}

static void at_the_end_nothing_runs_again(void **state)
{
    (void)state;
    begin(RESTART_ALWAYS, "sleep 0.1");
    RUN_UNTIL(NULL, FIRST.up_ms > 0, 5000);
    starts_stop(&starts);
    RUN_UNTIL(NULL, !FIRST.sub.exec, 5000);
    assert_false(WAITS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_is_a_process_as_any_other),
        T(its_output_holds_nobody_up),
        T(by_default_it_runs_once),
        T(after_a_failure_it_runs_again),
        T(a_signal_is_a_failure),
        T(after_a_success_it_does_not),
        T(always_is_always),
        T(the_wait_doubles_until_it_ran_for_long),
        T(what_cannot_run_is_told_once),
        T(a_user_that_is_not_there_is_told),
        T(at_the_end_nothing_runs_again),
    };

    return RUN(tests);
}
