/* Requests' options: what each becomes, and what is refused by name. */
#include "test.h"

#include <signal.h>

#include "process/internal.h"

static struct err e;
static struct exec_limit limits[START_LIMITS_MAX];

static void without_options_nothing_changes(void **state)
{
    struct exec_spec view = {.cmd = "x", .grace_ms = 7};

    (void)state;
    assert_int_equal(options_start(NULL, limits, &view, &e), 0);
    assert_int_equal(view.grace_ms, 7);
    assert_false(options_events(NULL).offsets || options_events(NULL).exited ||
                 options_events(NULL).exit_record);
    assert_int_equal(options_replay(NULL, 5), UINT64_MAX);
}

static void each_option_arrives(void **state)
{
    Process__StartOptions m = PROCESS__START_OPTIONS__INIT;
    Process__MaxOutput max = PROCESS__MAX_OUTPUT__INIT;
    Process__ResourceLimit limit = PROCESS__RESOURCE_LIMIT__INIT, *list[] = {&limit};
    char *groups[] = {"tty"};
    struct exec_spec view = {.cmd = "x"};

    (void)state;
    m.idempotency_key = "key";
    m.no_new_privs = true;
    m._umask_case = PROCESS__START_OPTIONS___UMASK_UMASK;
    m.umask = 0777;
    m._nice_case = PROCESS__START_OPTIONS___NICE_NICE;
    m.nice = -20;
    limit.name = "nofile";
    limit.soft = 1;
    limit.hard = UINT64_MAX;
    m.limits = list;
    m.n_limits = 1;
    m.extra_groups = groups;
    m.n_extra_groups = 1;
    m.kill_target = PROCESS__SIGNAL_TARGET__SIGNAL_TARGET_GROUP;
    m.grace_ms = GRACE_MAX_MS;
    m.kill_on_disconnect = true;
    max.bytes = 9;
    max.keep = PROCESS__MAX_OUTPUT__KEEP__KEEP_TAIL;
    m.max_output = &max;
    assert_int_equal(options_start(&m, limits, &view, &e), 0);
    assert_string_equal(view.key, "key");
    assert_true(view.no_new_privs && view.has_umask && view.has_nice && view.kill_on_gone && view.keep_tail);
    assert_int_equal(view.umask, 0777);
    assert_int_equal(view.nice, -20);
    assert_int_equal(view.limit_count, 1);
    assert_int_equal(view.limits[0].resource, RLIMIT_NOFILE);
    assert_int_equal(view.limits[0].soft, 1);
    assert_int_equal(view.limits[0].hard, UINT64_MAX);
    assert_string_equal(view.groups[0], "tty");
    assert_int_equal(view.kill_target, EXEC_TARGET_GROUP);
    assert_int_equal(view.grace_ms, GRACE_MAX_MS);
    assert_int_equal(view.max_output, 9);
}

/* Absent is not zero: a umask of 0 is a wish, none is the agent's. */
static void presence_counts(void **state)
{
    Process__StartOptions m = PROCESS__START_OPTIONS__INIT;
    struct exec_spec view = {.cmd = "x"};

    (void)state;
    assert_int_equal(options_start(&m, limits, &view, &e), 0);
    assert_false(view.has_umask || view.has_nice);
    assert_null(view.key);
    m._umask_case = PROCESS__START_OPTIONS___UMASK_UMASK;
    assert_int_equal(options_start(&m, limits, &view, &e), 0);
    assert_true(view.has_umask);
}

static void replay_begins_where_it_is_asked_to(void **state)
{
    Process__Replay m = PROCESS__REPLAY__INIT;

    (void)state;
    assert_int_equal(options_replay(&m, 100), UINT64_MAX);
    m.from_case = PROCESS__REPLAY__FROM_START;
    assert_int_equal(options_replay(&m, 100), 0);
    m.from_case = PROCESS__REPLAY__FROM_OFFSET;
    m.offset = 42;
    assert_int_equal(options_replay(&m, 100), 42);
    m.from_case = PROCESS__REPLAY__FROM_TAIL;
    m.tail = 30;
    assert_int_equal(options_replay(&m, 100), 70);
    m.tail = 101;
    assert_int_equal(options_replay(&m, 100), 0);
    m.tail = UINT64_MAX;
    assert_int_equal(options_replay(&m, 100), 0);
}

static void foreign_targets_are_refused(void **state)
{
    enum exec_target target;

    (void)state;
    assert_int_equal(options_target((Process__SignalTarget)4, &target, &e), -1);
    assert_int_equal(e.status, STATUS_INVALID_ARGUMENT);
    assert_string_equal(e.text, "there is no signal target 4");
}

static void an_exit_becomes_a_record(void **state)
{
    struct exec_exit exit = {
        .code = -1,
        .signal = SIGSEGV,
        .core = true,
        .timed_out = true,
        .oom = true,
        .started = {10, 20},
        .ended = {30, 40},
        .duration_ns = 1999,
        .usage = {.user_us = 1000002, .system_us = 3000004, .max_rss_kib = 5, .involuntary_switches = 6}};
    struct exit_record room;
    const Process__ExitRecord *m = options_exit(&exit, &room);

    (void)state;
    assert_int_equal(m->code, -1);
    assert_int_equal(m->signal, SIGSEGV);
    assert_true(m->core_dumped && m->timed_out && m->oom_killed);
    assert_int_equal(m->started_at->seconds, 10);
    assert_int_equal(m->ended_at->nanos, 40);
    assert_int_equal(m->duration_us, 1);
    assert_int_equal(m->usage->user_us, 1000002);
    assert_int_equal(m->usage->system_us, 3000004);
    assert_int_equal(m->usage->max_rss_bytes, 5 * 1024);
    assert_int_equal(m->usage->involuntary_switches, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_options_nothing_changes),
        cmocka_unit_test(each_option_arrives),
        cmocka_unit_test(presence_counts),
        cmocka_unit_test(replay_begins_where_it_is_asked_to),
        cmocka_unit_test(foreign_targets_are_refused),
        cmocka_unit_test(an_exit_becomes_a_record),
    };

    return RUN(tests);
}
