/* What is remembered of processes that have ended, and for how long. */
#include "test.h"

#include "exec_rig.h"

#include "core/limits.h"

/* Runs a shell as the spec says, to its end; its id. */
static uint64_t run(struct exec_spec view, const char *script)
{
    struct reader r;
    uint64_t id;

    view.cmd = "/bin/sh";
    view.args = (const char *[]){"-c", script};
    view.arg_count = 2;
    begin_spec(&r, &view);
    r.count_only = true;
    RUN_UNTIL(&r, r.ended, 10000);
    id = r.id;
    reader_free(&r);
    rig_turn();
    return id;
}

/* All that a late subscriber gets from the offset on. */
static uint64_t replay(uint64_t id, uint64_t offset, uint64_t *from)
{
    struct exec *x = exec_by_id(&rig.table, id);
    struct reader r = {.count_only = true};
    struct err e;
    uint64_t total;

    if (!x)
        return 0;
    assert_int_equal(exec_subscribe(x, &r.sub, &reader_events, offset, &e), 0);
    *from = r.sub.cursor.offset;
    RUN_UNTIL(&r, (reader_read(&r), r.ended), 5000);
    total = r.total;
    reader_free(&r);
    return total;
}

static void an_exit_answers_by_pid_tag_id_and_key(void **state)
{
    uint64_t id = run((struct exec_spec){.tag = "t", .key = "k"}, "exit 7");
    const struct exec_past *p = exec_past_by_id(&rig.table, id);

    (void)state;
    assert_non_null(p);
    assert_int_equal(p->exit.code, 7);
    assert_ptr_equal(exec_past_by_tag(&rig.table, "t"), p);
    assert_ptr_equal(exec_past_by_key(&rig.table, "k"), p);
    assert_ptr_equal(exec_past_by_pid(&rig.table, p->pid), p);
    assert_null(exec_past_by_id(&rig.table, id + 1));
    assert_null(exec_past_by_key(&rig.table, "other"));
}

static void a_tag_that_is_used_again_names_the_new_one_only(void **state)
{
    uint64_t first = run((struct exec_spec){.tag = "t"}, "exit 1"),
             second = run((struct exec_spec){.tag = "t"}, "exit 2");

    (void)state;
    assert_int_equal(exec_past_by_tag(&rig.table, "t")->id, second);
    assert_int_equal(exec_past_by_id(&rig.table, first)->exit.code, 1); /* its id is its own for ever */
}

static void output_is_kept_and_replays(void **state)
{
    uint64_t id = run((struct exec_spec){.cmd = NULL}, "printf 0123456789"), from;

    (void)state;
    assert_int_equal(replay(id, 0, &from), 10);
    assert_int_equal(from, 0);
    assert_int_equal(replay(id, 6, &from), 4);
    assert_int_equal(replay(id, UINT64_MAX, &from), 0);
}

/* As many as KEPT_BYTES hold; the oldest go first, and one that is read stays. */
static void kept_output_is_bounded(void **state)
{
    uint64_t ids[24], from;
    uint32_t held = 0;
    struct reader r = {.stalled = true};
    struct exec *x;
    struct err e;

    (void)state;
    ids[0] = run((struct exec_spec){.cmd = NULL}, "head -c 100000 /dev/zero");
    assert_int_equal(exec_subscribe(exec_by_id(&rig.table, ids[0]), &r.sub, &reader_events, 0, &e), 0);
    for (size_t i = 1; i < ARRAY_LEN(ids); i++)
        ids[i] = run((struct exec_spec){.cmd = NULL}, "head -c 100000 /dev/zero");
    TAILQ_FOREACH (x, &rig.table.lingering, link)
        held += x->ring.held;
    assert_in_range(held, 5, KEPT_BYTES / SEG_SIZE);
    assert_null(exec_by_id(&rig.table, ids[1]));
    assert_non_null(exec_past_by_id(&rig.table, ids[1])); /* how it ended is known all the same */
    assert_int_equal(replay(ids[0], 0, &from), 100000);
    assert_int_equal(replay(ids[23], 0, &from), 100000);
    reader_free(&r);
}

/* Of one that wrote more than that the last is kept. */
static void one_alone_is_bounded_too(void **state)
{
    uint64_t id = run((struct exec_spec){.cmd = NULL}, "head -c 1000000 /dev/zero"), from;
    struct exec *x = exec_by_id(&rig.table, id);

    (void)state;
    assert_non_null(x);
    assert_in_range(x->ring.held, KEPT_BYTES / SEG_SIZE / 2, KEPT_BYTES / SEG_SIZE);
    assert_int_equal(x->ring.head, 1000000);
    assert_int_equal(replay(id, 0, &from), 1000000 - x->ring.start);
    assert_int_equal(from, x->ring.start);
}

static void what_wrote_nothing_is_not_kept(void **state)
{
    uint64_t id = run((struct exec_spec){.cmd = NULL}, "exit 0");

    (void)state;
    assert_null(exec_by_id(&rig.table, id));
    assert_int_equal(rig.table.count, 0);
}

/* How it ended is known, what it wrote is not. */
static void what_is_transient_is_not_kept(void **state)
{
    uint64_t id = run((struct exec_spec){.transient = true}, "echo x; exit 3");

    (void)state;
    assert_null(exec_by_id(&rig.table, id));
    assert_int_equal(exec_past_by_id(&rig.table, id)->exit.code, 3);
    assert_int_equal(rig.pool.in_use, 0);
}

static void forgetting_leaves_nothing(void **state)
{
    uint64_t id = run((struct exec_spec){.tag = "t", .key = "k"}, "echo x");

    (void)state;
    assert_non_null(exec_by_key(&rig.table, "k"));
    execs_forget(&rig.table);
    rig_turn();
    assert_null(exec_by_id(&rig.table, id));
    assert_null(exec_past_by_id(&rig.table, id));
    assert_int_equal(rig.pool.in_use, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_exit_answers_by_pid_tag_id_and_key),
        T(a_tag_that_is_used_again_names_the_new_one_only),
        T(output_is_kept_and_replays),
        T(kept_output_is_bounded),
        T(one_alone_is_bounded_too),
        T(what_wrote_nothing_is_not_kept),
        T(what_is_transient_is_not_kept),
        T(forgetting_leaves_nothing),
    };

    return RUN(tests);
}
