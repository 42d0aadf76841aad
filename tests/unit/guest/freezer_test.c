/* Freezes and thaws on a real cgroup2, in a cgroup of the test's own. Needs root. */
#include "guest/freezer.c"

#include <sys/stat.h>

#include "test.h"

#include "exec/exec_rig.h"

static struct freezer f;

/* A request whose end a test waits for. */
struct wish {
    struct freezing freezing;
    bool done;
};

static int setup(void **state)
{
    (void)state;
    exec_rig_init(true);
    return freezer_init(&f, &rig.loop, &rig.table);
}

static int teardown(void **state)
{
    (void)state;
    freezer_destroy(&f);
    exec_rig_destroy();
    return 0;
}

static void on_done(struct job *j)
{
    struct wish *w = CONTAINER_OF(j, struct wish, freezing.job);

    freezer_applied(&w->freezing);
    w->done = true;
}

static struct wish wish(uint32_t wait_ms)
{
    struct wish w = {.freezing = {.wait_ms = wait_ms}};

    w.freezing.job.done = on_done;
    return w;
}

static void freeze_and_wait(struct wish *w)
{
    *w = wish(2000);
    assert_int_equal(freezer_freeze(&f, &w->freezing, NULL), 0);
    assert_true(rig.table.gate_shut); /* before the first cgroup is told */
    RUN_UNTIL(NULL, w->done, 5000);
}

static void thaw(void)
{
    struct wish w = wish(0);

    assert_int_equal(freezer_thaw(&f, &w.freezing, NULL), 0);
    RUN_UNTIL(NULL, w.done, 5000);
    assert_false(w.freezing.failed);
}

static bool is_frozen(void)
{
    return cgroup_class_frozen(&rig.cgroups, CGROUP_USER) == 1;
}

static void what_is_told_is_what_is(void **state)
{
    struct wish w;

    (void)state;
    freeze_and_wait(&w);
    assert_false(w.freezing.failed);
    assert_int_equal(w.freezing.report.visited, 2);
    assert_int_equal(w.freezing.report.requested, 2);
    assert_int_equal(w.freezing.report.frozen, 2);
    assert_int_equal(w.freezing.report.pre_frozen, 0);
    assert_true(is_frozen());
    freeze_and_wait(&w);
    assert_int_equal(w.freezing.report.pre_frozen, 2);
    assert_true(ev_is_active(&f.watchdog));
    thaw();
    assert_false(is_frozen());
    assert_false(rig.table.gate_shut);
    assert_false(ev_is_active(&f.watchdog));
}

/* A process that is frozen goes on where it was, and one that is started meanwhile begins with the thaw. */
static void processes_go_on(void **state)
{
    struct reader before, meanwhile;
    struct wish w;

    (void)state;
    begin_shell(&before, "echo a; sleep .2; echo b");
    RUN_UNTIL(&before, before.len[RING_STDOUT] == 2, 5000);
    freeze_and_wait(&w);
    assert_int_equal(w.freezing.report.frozen, 2);
    begin_shell(&meanwhile, "echo c");
    for (int i = 0; i < 50; i++)
        rig_turn();
    assert_false(before.ended || meanwhile.started);
    thaw();
    RUN_UNTIL(&before, before.ended, 5000);
    RUN_UNTIL(&meanwhile, meanwhile.ended, 5000);
    assert_string_equal(text(&before, RING_STDOUT), "a\nb\n");
    assert_string_equal(text(&meanwhile, RING_STDOUT), "c\n");
    reader_free(&before);
    reader_free(&meanwhile);
}

/* A thaw that came behind a freeze ends its wait, and a freeze behind a thaw leaves the gate shut. */
static void the_last_one_counts(void **state)
{
    struct wish a = wish(60000), b = wish(0), c = wish(2000);

    (void)state;
    assert_int_equal(freezer_freeze(&f, &a.freezing, NULL), 0);
    assert_int_equal(freezer_thaw(&f, &b.freezing, NULL), 0);
    assert_int_equal(freezer_freeze(&f, &c.freezing, NULL), 0);
    RUN_UNTIL(NULL, a.done && b.done && c.done, 10000);
    assert_true(is_frozen());
    assert_true(rig.table.gate_shut);
    assert_int_equal(c.freezing.report.frozen, 2);
    thaw();
}

static void nobody_comes_back(void **state)
{
    struct wish w;

    (void)state;
    freezer_thaw_soon(&f); /* nothing is frozen: nothing happens */
    assert_int_equal(f.latest, 0);
    freeze_and_wait(&w);
    assert_true(ev_timer_remaining(rig.loop.ev, &f.watchdog) > FREEZE_MAX_MS / 1000. - 60);
    ev_timer_stop(rig.loop.ev, &f.watchdog);
    ev_feed_event(rig.loop.ev, &f.watchdog, EV_TIMER); /* ten minutes later */
    RUN_UNTIL(NULL, !rig.table.gate_shut, 5000);
    assert_false(is_frozen());
}

/* All places are taken: a thaw that nobody waits for is tried again. */
static void a_full_queue(void **state)
{
    static struct wish all[FREEZE_CALLS_MAX + 4];
    int n = 0, done = 0;
    struct err e;

    (void)state;
    for (; n < (int)ARRAY_LEN(all); n++) {
        all[n] = wish(0);
        if (freezer_freeze(&f, &all[n].freezing, &e) < 0)
            break;
    }
    if (n < (int)ARRAY_LEN(all)) /* the thread may be faster than we are */
        assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    freezer_thaw_soon(&f);
    RUN_UNTIL(NULL, !rig.table.gate_shut, 5000);
    for (int i = 0; i < n; i++)
        done += all[i].done;
    assert_int_equal(done, n);
    assert_false(is_frozen());
}

/* The cgroups are gone, and with them what was frozen. */
static void removed_cgroups(void **state)
{
    char path[400];
    struct wish w;

    (void)state;
    freeze_and_wait(&w);
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        snprintf(path, sizeof path, "%s/%s", rig.cgroups.root, i == 0 ? "user" : "ptys");
        assert_int_equal(rmdir(path), 0);
    }
    thaw();
    assert_false(rig.table.gate_shut);
    freeze_and_wait(&w); /* now nothing can be frozen, and nothing waits */
    assert_int_equal(w.freezing.report.failed, 2);
    assert_int_equal(w.freezing.report.unobservable, 2);
    assert_int_equal(w.freezing.report.frozen, 0);
    assert_false(rig.table.gate_shut);
}

static void without_cgroups(void **state)
{
    struct wish w;

    (void)state;
    rig.cgroups.wanted = false;
    freeze_and_wait(&w);
    assert_true(w.freezing.failed);
    assert_non_null(strstr(w.freezing.error.text, "no cgroup v2"));
    assert_false(rig.table.gate_shut);
    thaw();
}

static int make_root(char out[300])
{
    struct cgroups probe;

    cgroups_init(&probe, NULL, NULL, true, NULL, false);
    if (!cgroups_open(&probe)) {
        fprintf(stderr, "no cgroup2: %s\n", probe.why.text);
        return -1;
    }
    snprintf(out, 300, "%s/guestd-freezer-%d", probe.root, getpid());
    cgroups_destroy(&probe);
    return mkdir(out, 0755);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_told_is_what_is), T(processes_go_on), T(the_last_one_counts),
        T(nobody_comes_back),       T(a_full_queue),    T(removed_cgroups),
        T(without_cgroups),
    };
    char root[300];
    int ret;

    if (make_root(root) < 0)
        return 1;
    rig_cgroup_root = root;
    ret = RUN(tests);
    if (rmdir(root) < 0)
        perror(root);
    return ret;
}
