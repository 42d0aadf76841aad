#include "guest/exec/reaper.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

enum { N = 300 };

static struct loop l;
static struct reaper r;
static pid_t pids[N];
static int statuses[N], seen;

static void exited(struct reaper *reaper, pid_t pid, int status, const struct rusage *usage)
{
    (void)reaper;
    assert_non_null(usage);
    for (int i = 0; i < N; i++)
        if (pids[i] == pid)
            statuses[i] = status;
    seen++;
}

static void turns(int want)
{
    for (int i = 0; i < 5000 && seen < want; i++) {
        usleep(500);
        ev_run(l.ev, EVRUN_NOWAIT);
    }
}

/* More deaths than signals arrive and than one batch takes: every one is told once, with its status. */
static void none_is_missed(void **state)
{
    int fd[2];
    char c;

    (void)state;
    assert_int_equal(pipe(fd), 0);
    for (int i = 0; i < N; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            close(fd[1]);
            if (read(fd[0], &c, 1) != 0) /* they all go at once */
                _exit(1);
            _exit(i % 256);
        }
    }
    close(fd[1]);
    close(fd[0]);
    turns(N);
    assert_int_equal(seen, N);
    for (int i = 0; i < N; i++)
        assert_int_equal(WEXITSTATUS(statuses[i]), i % 256);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie is left */
}

/* Orphans of a child come to us: we are their subreaper. */
static void orphans_are_reaped(void **state)
{
    (void)state;
    seen = 0;
    pids[0] = fork();
    if (pids[0] == 0) {
        for (int i = 0; i < 50; i++) {
            if (fork() == 0) {
                usleep(20000);
                _exit(0);
            }
        }
        _exit(0);
    }
    turns(51);
    assert_int_equal(seen, 51);
}

static int seen_then;

static void count_seen(struct task *t)
{
    (void)t;
    seen_then = seen;
}

static struct task counting = {.run = count_seen};

static void exited_with_something_to_do(struct reaper *reaper, pid_t pid, int status,
                                        const struct rusage *usage)
{
    exited(reaper, pid, status, usage);
    if (seen == 1)
        loop_defer(&l, &counting);
}

/* Of two deaths that came as one signal the first is told, and what that leads to done, before anybody looks for more. */
static void what_an_end_leads_to_does_not_wait_for_the_others(void **state)
{
    siginfo_t info;

    (void)state;
    ev_run(l.ev, EVRUN_NOWAIT); /* a signal may have come late, whose child was found before */
    seen = seen_then = 0;
    r.exited = exited_with_something_to_do;
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(0);
        assert_int_equal(waitid(P_PID, (id_t)pids[i], &info, WEXITED | WNOWAIT), 0);
    }
    turns(2);
    r.exited = exited;
    assert_int_equal(seen, 2);
    assert_int_equal(seen_then, 1);
}

/* Its sender is no child, or a child that lives. */
static void a_signal_that_somebody_sent_is_no_death(void **state)
{
    pid_t pid;

    (void)state;
    seen = 0;
    kill(getpid(), SIGCHLD);
    ev_run(l.ev, EVRUN_NOWAIT);
    assert_int_equal(seen, 0);
    pid = fork();
    if (pid == 0) {
        kill(getppid(), SIGCHLD);
        pause();
    }
    for (int i = 0; i < 20; i++) {
        usleep(1000);
        ev_run(l.ev, EVRUN_NOWAIT);
    }
    assert_int_equal(seen, 0);
    kill(pid, SIGKILL);
    turns(1);
    assert_int_equal(seen, 1);
}

static int setup(void **state)
{
    struct err e;

    (void)state;
    return loop_init(&l) < 0 || reaper_init(&r, &l, exited, &e) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    reaper_destroy(&r);
    loop_destroy(&l);
    return 0;
}

static void who_is_left_is_known(void **state)
{
    pid_t pid;
    int before = seen;

    (void)state;
    assert_false(reaper_has_children());
    pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    assert_true(reaper_has_children());
    kill(pid, SIGKILL);
    for (int i = 0; i < 100 && seen == before; i++) {
        assert_true(reaper_has_children()); /* a zombie is one, too */
        turns(before + 1);
    }
    assert_false(reaper_has_children());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_is_missed),
        cmocka_unit_test(orphans_are_reaped),
        cmocka_unit_test(what_an_end_leads_to_does_not_wait_for_the_others),
        cmocka_unit_test(a_signal_that_somebody_sent_is_no_death),
        cmocka_unit_test(who_is_left_is_known),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
