/* A container's entrypoint: what becomes of its program's end. tests/system/test_entrypoint.py drives the rest. */
#include "test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/entrypoint.h"

static struct loop loop;
static struct entrypoint p;
static unsigned ends;

static void on_ended(struct entrypoint *e)
{
    assert_ptr_equal(e, &p);
    ends++;
}

static int setup(void **state)
{
    struct err e;

    (void)state;
    ends = 0;
    if (loop_init(&loop) < 0 || entrypoint_init(&p, &loop, &e) < 0)
        return -1;
    p.ended = on_ended;
    return 0;
}

static int teardown(void **state)
{
    sigset_t none;

    (void)state;
    ev_io_stop(loop.ev, &p.signals);
    close(p.signal_fd);
    loop_destroy(&loop);
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Runs the program, and then what `after` does; its status as a shell would have it. */
static int status_of(char **argv, void (*after)(void))
{
    const struct rlimit nofile = {64, 64};
    struct err e;
    int status;
    pid_t pid;

    assert_int_equal(entrypoint_start(&p, argv, &nofile, &e), 0);
    pid = p.pid;
    if (after)
        after();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_false(entrypoint_reaped(&p, pid + 1, status));
    assert_int_equal(ends, 0);
    assert_true(entrypoint_reaped(&p, pid, status));
    assert_int_equal(ends, 1);
    ends = 0;
    assert_int_equal(p.pid, 0);
    return p.status;
}

static void it_ends_with_its_status(void **state)
{
    char *seven[] = {"sh", "-c", "exit 7", NULL}, *limit[] = {"sh", "-c", "exit $(ulimit -n)", NULL};
    char *killed[] = {"sh", "-c", "kill -9 $$", NULL};

    (void)state;
    assert_int_equal(status_of(seven, NULL), 7);
    assert_int_equal(status_of(limit, NULL), 64);
    assert_int_equal(status_of(killed, NULL), 128 + SIGKILL);
}

static void send_usr1(void)
{
    kill(getpid(), SIGUSR1); /* blocked: it waits for the loop */
    ev_run(loop.ev, EVRUN_NOWAIT);
}

static void signals_reach_it(void **state)
{
    char *argv[] = {"sleep", "100", NULL};

    (void)state;
    assert_int_equal(status_of(argv, send_usr1), 128 + SIGUSR1);
    send_usr1(); /* nobody is there: it is taken, and harms nobody */
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_ends_with_its_status),
        T(signals_reach_it),
    };

    return RUN(tests);
}
