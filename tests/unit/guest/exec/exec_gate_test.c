/* The gate: shut, starts wait in order, a bounded number of them; opened, they go; at the end they are told. */
#include "test.h"

#include "guest/exec/exec_rig.h"

#define WAITING (FREEZE_QUEUE_MAX + 1)

static int setup(void **state)
{
    (void)state;
    exec_rig_init(false);
    rig.cgroups.wanted = true; /* what has a class waits, whether there is a cgroup2 here or not */
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    exec_rig_destroy();
    return 0;
}

static void turns(int n)
{
    for (int i = 0; i < n; i++)
        rig_turn();
}

static void starts_wait_in_order(void **state)
{
    struct reader a, b;

    (void)state;
    execs_shut_gate(&rig.table);
    begin_shell(&a, "echo a");
    begin_shell(&b, "echo b");
    turns(10);
    assert_false(a.started || a.failed || b.started || b.failed);
    assert_int_equal(rig.table.held_count, 2);
    execs_open_gate(&rig.table);
    RUN_UNTIL(&a, a.ended, 5000);
    RUN_UNTIL(&b, b.ended, 5000);
    assert_string_equal(text(&a, RING_STDOUT), "a\n");
    assert_string_equal(text(&b, RING_STDOUT), "b\n");
    assert_true(a.id < b.id);
    reader_free(&a);
    reader_free(&b);
}

/* What lives in the agent's own cgroup is never frozen. */
static void the_agents_own_pass(void **state)
{
    struct reader r;

    (void)state;
    execs_shut_gate(&rig.table);
    begin_spec(&r, &(struct exec_spec){.cmd = "true", .in_agent_cgroup = true});
    RUN_UNTIL(&r, r.ended, 5000);
    reader_free(&r);
    execs_open_gate(&rig.table);
}

static void a_bounded_number_waits(void **state)
{
    struct reader *all = calloc(WAITING, sizeof *all);

    (void)state;
    execs_shut_gate(&rig.table);
    for (int i = 0; i < WAITING; i++)
        begin_spec(&all[i], &(struct exec_spec){.cmd = "true"});
    assert_true(all[WAITING - 1].failed);
    assert_int_equal(all[WAITING - 1].error.status, STATUS_FAILED_PRECONDITION);
    assert_int_equal(rig.table.held_count, FREEZE_QUEUE_MAX);
    execs_open_gate(&rig.table);
    assert_int_equal(rig.table.held_count, 0);
    for (int i = 0; i < FREEZE_QUEUE_MAX; i++)
        RUN_UNTIL(&all[i], all[i].ended, 10000);
    for (int i = 0; i < WAITING; i++)
        reader_free(&all[i]);
    free(all);
}

/* A queue that has no room when the gate opens: the start fails as it would have without a gate. */
static void what_finds_no_thread_is_told(void **state)
{
    struct jobs *spawners = rig.table.jobs;
    struct jobs *none = jobs_new(&rig.loop, &(struct jobs_config){"none", 0, 0, 0});
    struct reader r;

    (void)state;
    execs_shut_gate(&rig.table);
    begin_spec(&r, &(struct exec_spec){.cmd = "true"});
    rig.table.jobs = none;
    execs_open_gate(&rig.table);
    rig.table.jobs = spawners;
    assert_true(r.failed);
    assert_int_equal(r.error.status, STATUS_RESOURCE_EXHAUSTED);
    reader_free(&r);
    jobs_destroy(none);
}

/* A start that hangs because it froze halfway is not killed for it. */
static void no_start_takes_too_long(void **state)
{
    struct reader r;

    (void)state;
    begin_shell(&r, "echo on");
    execs_shut_gate(&rig.table);
    ev_feed_event(rig.loop.ev, &rig.table.spawn_timeouts.timer, EV_TIMER);
    RUN_UNTIL(&r, r.ended, 5000);
    assert_string_equal(text(&r, RING_STDOUT), "on\n");
    assert_false(r.failed);
    reader_free(&r);
    execs_open_gate(&rig.table);
}

static void the_end_is_told(void **state)
{
    struct reader r;

    (void)state;
    execs_shut_gate(&rig.table);
    begin_spec(&r, &(struct exec_spec){.cmd = "true"});
    execs_stop(&rig.table, 0);
    assert_true(r.failed);
    assert_int_equal(r.error.status, STATUS_FAILED_PRECONDITION);
    assert_non_null(strstr(r.error.text, "shutting down"));
    reader_free(&r);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(starts_wait_in_order),         T(the_agents_own_pass),     T(a_bounded_number_waits),
        T(what_finds_no_thread_is_told), T(no_start_takes_too_long), T(the_end_is_told),
    };

    return RUN(tests);
}
