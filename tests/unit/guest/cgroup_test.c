/* Leaves on a real cgroup2, the machine's own: made, entered, killed, removed. Needs root; where nothing is
 * mounted it mounts one for itself. */
#include "test.h"

#include "exec/exec_rig.h"
#include "guest/cgroup_rig.h"

#include <sys/stat.h>

static int setup(void **state)
{
    (void)state;
    exec_rig_init(true);
    return cgroups_open(&rig.cgroups) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    exec_rig_destroy();
    return 0;
}

static bool exists(const char *class, const char *leaf)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s/%s", rig.cgroups.root, class, leaf);
    return access(path, F_OK) == 0;
}

static void a_process_lives_in_its_leaf(void **state)
{
    struct reader r;
    char leaf[24], want[64];

    (void)state;
    begin_shell(&r, "grep ^0:: /proc/self/cgroup");
    RUN_UNTIL(&r, r.started, 5000);
    memcpy(leaf, r.leaf, sizeof leaf);
    RUN_UNTIL(&r, r.ended, 5000);
    snprintf(want, sizeof want, "/user/%s\n", leaf);
    assert_non_null(strstr(text(&r, RING_STDOUT), want));
    reader_free(&r);
    RUN_UNTIL(NULL, !exists("user", leaf), 2000);

    begin_spec(&r, &(struct exec_spec){.cmd = "grep",
                                       .args = (const char *[]){"^0::", "/proc/self/cgroup"},
                                       .arg_count = 2,
                                       .pty = true});
    RUN_UNTIL(&r, r.ended, 5000);
    assert_non_null(strstr(text(&r, RING_PTY), "/ptys/"));
    reader_free(&r);
    begin_spec(&r, &(struct exec_spec){.cmd = "grep",
                                       .args = (const char *[]){"^0::", "/proc/self/cgroup"},
                                       .arg_count = 2,
                                       .in_agent_cgroup = true});
    RUN_UNTIL(&r, r.ended, 5000);
    assert_null(strstr(text(&r, RING_STDOUT), "/user/"));
    reader_free(&r);
}

/* What left the session is still in the leaf. */
static void kill_reaches_what_fled_the_session(void **state)
{
    struct reader r;
    struct err e;
    pid_t fled;

    (void)state;
    begin_shell(&r, "setsid sleep 1000 & echo $!; wait");
    RUN_UNTIL(&r, r.len[RING_STDOUT] > 0, 5000);
    fled = atoi(text(&r, RING_STDOUT));
    assert_int_equal(exec_signal(r.sub.exec, SIGKILL, EXEC_TARGET_DEFAULT, 0, &e), 0);
    RUN_UNTIL(&r, r.ended, 5000);
    RUN_UNTIL(NULL, kill(fled, 0) < 0 && errno == ESRCH, 2000);
    reader_free(&r);
}

/* The leader is gone, a grandchild lives on: the leaf stays until it is empty, without anybody polling. */
static void a_leaf_outlives_its_leader(void **state)
{
    struct reader r;
    char leaf[24];

    (void)state;
    begin_shell(&r, "sleep .6 >/dev/null 2>&1 & exit 0");
    RUN_UNTIL(&r, r.started, 5000);
    memcpy(leaf, r.leaf, sizeof leaf);
    RUN_UNTIL(&r, r.ended, 5000);
    reader_free(&r);
    for (int i = 0; i < 10; i++)
        rig_turn();
    assert_true(exists("user", leaf));
    assert_int_equal(rig.cgroups.removing, 1);
    RUN_UNTIL(NULL, !exists("user", leaf), 3000);
    RUN_UNTIL(NULL, rig.cgroups.removing == 0, 1000);
}

static void write_cgroup(const char *file, const char *value)
{
    char path[512];
    int fd;

    snprintf(path, sizeof path, "%s/%s", rig.cgroups.root, file);
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, value, strlen(value)), strlen(value));
    close(fd);
}

/* A frozen cgroup holds the child before its program runs, and the thread that waits for it; the loop goes
 * on, others are served, and after SPAWN_TIMEOUT_MS the caller hears. */
static void a_frozen_spawn_times_out(void **state)
{
    struct reader frozen, other;
    uint64_t start = clock_mono_ms();

    (void)state;
    write_cgroup("user/cgroup.freeze", "1");
    begin_shell(&frozen, "true");
    for (int i = 0; i < 20; i++)
        rig_turn();
    begin_spec(&other,
               &(struct exec_spec){
                   .cmd = "/bin/sh", .args = (const char *[]){"-c", "echo ok"}, .arg_count = 2, .pty = true});
    RUN_UNTIL(&other, other.ended, 5000);
    assert_string_equal(text(&other, RING_PTY), "ok\r\n");
    reader_free(&other);
    RUN_UNTIL(&frozen, frozen.failed, SPAWN_TIMEOUT_MS + 3000);
    write_cgroup("user/cgroup.freeze", "0");
    assert_true(clock_mono_ms() - start >= SPAWN_TIMEOUT_MS - 100);
    assert_int_equal(frozen.error.status, STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(frozen.stage, SPAWN_TIMEOUT);
    assert_non_null(strstr(frozen.error.text, "/bin/sh"));
    RUN_UNTIL(NULL, LIST_EMPTY(&rig.table.spawning), 5000);
    RUN_UNTIL(NULL, rig.cgroups.removing == 0, 5000);
}

static void turned_off_or_missing(void **state)
{
    struct cgroups c;

    (void)state;
    cgroups_init(&c, &rig.loop, rig.workers, false, NULL, false);
    assert_false(cgroups_open(&c));
    cgroups_init(&c, &rig.loop, rig.workers, true, "/proc", false); /* not a cgroup2: the real one is found */
    assert_true(cgroups_open(&c));
    cgroups_destroy(&c);
}

/* Another agent below the same root takes the empty directories with it at its end. */
static void a_class_that_was_removed_is_made_again(void **state)
{
    struct reader r;
    char path[512];

    (void)state;
    snprintf(path, sizeof path, "%s/user", rig.cgroups.root);
    assert_int_equal(rmdir(path), 0);
    shell(&r, "grep -c 0::.*/user/ /proc/self/cgroup");
    assert_string_equal(text(&r, RING_STDOUT), "1\n");
    reader_free(&r);
    RUN_UNTIL(NULL, rig.cgroups.removing == 0, 5000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_process_lives_in_its_leaf), T(kill_reaches_what_fled_the_session),
        T(a_leaf_outlives_its_leader),  T(a_frozen_spawn_times_out),
        T(turned_off_or_missing),       T(a_class_that_was_removed_is_made_again),
    };
    int ret;

    cgroup_rig_begin();
    ret = RUN(tests);
    cgroup_rig_end();
    return ret;
}
