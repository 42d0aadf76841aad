/* A whole leaf is killed on a real cgroup2 by a kernel that cannot do it in one step (`by_hand`); that one that can does is
 * cgroup_test's. Needs root. */
#include "test.h"

#include "core/fd.h"
#include "exec/exec_rig.h"
#include "guest/cgroup_rig.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LEAF "0123456789abcdef"

static int setup(void **state)
{
    (void)state;
    exec_rig_init(true);
    rig.cgroups.by_hand = true;
    return cgroups_open(&rig.cgroups) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    exec_rig_destroy();
    return 0;
}

static void path_of(char out[512], const char *below)
{
    snprintf(out, 512, "%s/user/" LEAF "%s", rig.cgroups.root, below);
}

static void make_group(const char *below)
{
    char path[512];

    path_of(path, below);
    assert_int_equal(mkdir(path, 0755), 0);
}

static void remove_group(const char *below)
{
    char path[512];

    path_of(path, below);
    assert_int_equal(rmdir(path), 0);
}

/* A child that waits in that cgroup to be killed. */
static pid_t put_child(const char *below)
{
    char path[512], file[540], byte;
    int ends[2];
    pid_t pid;

    path_of(path, below);
    snprintf(file, sizeof file, "%s/cgroup.procs", path);
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        if (fd_write_file(AT_FDCWD, file, "0") < 0 || write(ends[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    return pid;
}

/* Whether it was killed; it is reaped here, which the rig's own reaper does not do without a turn of the loop. */
static bool was_killed(pid_t pid)
{
    int status = 0;

    return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static bool is_frozen(void)
{
    char path[512], text[8];

    path_of(path, "/cgroup.freeze");
    assert_true(fd_read_file(AT_FDCWD, path, text, sizeof text) > 0);
    return text[0] == '1';
}

static void whoever_is_in_it_dies_and_it_is_thawed(void **state)
{
    pid_t first, second;

    (void)state;
    make_group("");
    first = put_child("");
    second = put_child("");
    assert_int_equal(cgroup_leaf_kill(&rig.cgroups, CGROUP_USER, LEAF), 0);
    assert_int_equal(rig.cgroups.removing, 1); /* a worker sees to the rest */
    assert_true(was_killed(first) && was_killed(second));
    RUN_UNTIL(NULL, rig.cgroups.removing == 0, 3000);
    assert_false(is_frozen());
    remove_group("");
}

static void so_do_those_in_cgroups_below(void **state)
{
    pid_t inner, deepest;

    (void)state;
    make_group("");
    make_group("/a");
    make_group("/a/b");
    inner = put_child("/a");
    deepest = put_child("/a/b");
    assert_int_equal(cgroup_leaf_kill(&rig.cgroups, CGROUP_USER, LEAF), 0);
    assert_true(was_killed(inner) && was_killed(deepest));
    RUN_UNTIL(NULL, rig.cgroups.removing == 0, 3000);
    remove_group("/a/b");
    remove_group("/a");
    remove_group("");
}

/* One that its owner has stopped by the freezer dies too, and the leaf thaws. */
static void the_frozen_die(void **state)
{
    char path[512];
    pid_t pid;

    (void)state;
    make_group("");
    pid = put_child("");
    path_of(path, "/cgroup.freeze");
    assert_int_equal(fd_write_file(AT_FDCWD, path, "1"), 0);
    assert_int_equal(cgroup_leaf_kill(&rig.cgroups, CGROUP_USER, LEAF), 0);
    assert_true(was_killed(pid));
    RUN_UNTIL(NULL, rig.cgroups.removing == 0, 3000);
    assert_false(is_frozen());
    remove_group("");
}

static void nobody_is_no_work_for_a_worker(void **state)
{
    (void)state;
    make_group("");
    assert_int_equal(cgroup_leaf_kill(&rig.cgroups, CGROUP_USER, LEAF), 0);
    assert_int_equal(rig.cgroups.removing, 0);
    assert_false(is_frozen());
    remove_group("");
}

static void many_requests_are_one_job(void **state)
{
    pid_t pid;

    (void)state;
    make_group("");
    pid = put_child("");
    for (int i = 0; i < 20; i++)
        assert_int_equal(cgroup_leaf_kill(&rig.cgroups, CGROUP_USER, LEAF), 0);
    assert_int_equal(rig.cgroups.removing, 1);
    assert_true(was_killed(pid));
    RUN_UNTIL(NULL, rig.cgroups.removing == 0, 3000);
    assert_false(is_frozen());
    remove_group("");
}

/* Asked again when the worker is through and the loop does not know yet: the worker begins again, and thaws what that froze. */
static void a_request_that_comes_too_late_for_the_worker(void **state)
{
    pid_t first, second;

    (void)state;
    make_group("");
    first = put_child("");
    assert_int_equal(cgroup_leaf_kill(&rig.cgroups, CGROUP_USER, LEAF), 0);
    assert_true(was_killed(first));
    for (int i = 0; i < 3000 && is_frozen(); i++)
        usleep(1000);
    second = put_child("");
    assert_int_equal(cgroup_leaf_kill(&rig.cgroups, CGROUP_USER, LEAF), 0);
    assert_int_equal(rig.cgroups.removing, 1);
    assert_true(was_killed(second));
    RUN_UNTIL(NULL, rig.cgroups.removing == 0, 3000);
    assert_false(is_frozen());
    remove_group("");
}

static void a_leaf_that_is_gone_is_told(void **state)
{
    (void)state;
    rig.cgroups.by_hand = false;
    assert_int_equal(cgroup_leaf_kill(&rig.cgroups, CGROUP_USER, LEAF), -1);
    assert_int_equal(errno, ENOENT);
    assert_false(rig.cgroups.by_hand); /* which says nothing about the kernel */
}

/* It starts children as fast as it can, each in a session of its own: nobody escapes. */
static void a_fork_bomb_ends(void **state)
{
    struct reader r;
    struct err e;
    char leaf[24], path[512];

    (void)state;
    begin_shell(&r, "i=0; while [ $i -lt 4 ]; do (while :; do setsid sleep 1000 & done) & i=$((i + 1)); done "
                    "2>/dev/null; "
                    "echo on; wait");
    RUN_UNTIL(&r, r.started && r.len[RING_STDOUT] > 0, 5000);
    memcpy(leaf, r.leaf, sizeof leaf);
    for (int i = 0; i < 20; i++)
        rig_turn();
    assert_int_equal(exec_signal(r.sub.exec, SIGKILL, EXEC_TARGET_TREE, 0, &e), 0);
    RUN_UNTIL(&r, r.ended, 10000);
    reader_free(&r);
    snprintf(path, sizeof path, "%s/user/%s", rig.cgroups.root, leaf);
    RUN_UNTIL(NULL, access(path, F_OK) < 0, 10000); /* it was empty */
    RUN_UNTIL(NULL, rig.cgroups.removing == 0, 3000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(whoever_is_in_it_dies_and_it_is_thawed),
        T(so_do_those_in_cgroups_below),
        T(the_frozen_die),
        T(nobody_is_no_work_for_a_worker),
        T(many_requests_are_one_job),
        T(a_request_that_comes_too_late_for_the_worker),
        T(a_leaf_that_is_gone_is_told),
        T(a_fork_bomb_ends),
    };

    int ret;

    cgroup_rig_begin();
    ret = RUN(tests);
    cgroup_rig_end();
    return ret;
}
