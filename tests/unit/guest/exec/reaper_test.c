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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_is_missed),
        cmocka_unit_test(orphans_are_reaped),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
