#include "core/jobs.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "core/clock.h"
#include "test.h"

static struct loop l;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static int done_count, wanted;
static int running, most;

struct test_job {
    struct job job;
    int in, out;
    bool blocks;
    bool signals_blocked;
};

static void run(struct job *j)
{
    struct test_job *t = CONTAINER_OF(j, struct test_job, job);
    sigset_t mask;
    int now = __atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);

    if (now > __atomic_load_n(&most, __ATOMIC_SEQ_CST))
        __atomic_store_n(&most, now, __ATOMIC_SEQ_CST);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    t->signals_blocked = sigismember(&mask, SIGCHLD) && sigismember(&mask, SIGTERM);
    if (t->blocks) {
        pthread_mutex_lock(&gate);
        pthread_mutex_unlock(&gate);
    }
    t->out = t->in * 2;
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
}

static void done(struct job *j)
{
    struct test_job *t = CONTAINER_OF(j, struct test_job, job);

    assert_int_equal(t->out, t->in * 2);
    assert_true(t->signals_blocked);
    free(t);
    if (++done_count == wanted)
        loop_stop(&l);
}

static struct test_job *make(int in, bool blocks)
{
    struct test_job *t = calloc(1, sizeof *t);

    t->job.run = run;
    t->job.done = done;
    t->in = in;
    t->blocks = blocks;
    return t;
}

static void results_come_back(void **state)
{
    struct jobs *p = jobs_new(&l, &(struct jobs_config){"test", 3, 0, 100});
    struct err e;

    (void)state;
    done_count = 0;
    wanted = 100;
    for (int i = 0; i < 100; i++)
        assert_int_equal(jobs_submit(p, &make(i, false)->job, &e), 0);
    assert_true(jobs_counts(p).threads <= 3);
    ev_ref(l.ev);
    loop_run(&l);
    ev_unref(l.ev);
    assert_int_equal(done_count, 100);
    jobs_destroy(p);
}

static void a_full_queue_refuses(void **state)
{
    struct jobs *p = jobs_new(&l, &(struct jobs_config){"test", 2, 0, 5});
    struct test_job *t;
    struct err e;
    int accepted = 0;

    (void)state;
    done_count = 0;
    pthread_mutex_lock(&gate);
    while (t = make(accepted, true), jobs_submit(p, &t->job, &e) == 0)
        accepted++;
    free(t);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    assert_in_range(accepted, 5, 7); /* the queue, and what the two threads hold */
    pthread_mutex_unlock(&gate);
    wanted = accepted;
    ev_ref(l.ev);
    loop_run(&l);
    ev_unref(l.ev);
    jobs_destroy(p);
}

/* Two hung jobs take both threads; after a second others get a thread each, so that the rest is served. */
static void hung_jobs_get_company(void **state)
{
    struct jobs *p = jobs_new(&l, &(struct jobs_config){"test", 2, 3, 100});
    struct err e;
    uint64_t start = clock_mono_ms();

    (void)state;
    done_count = 0;
    wanted = 10;
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 2; i++)
        assert_int_equal(jobs_submit(p, &make(i, true)->job, &e), 0);
    while (jobs_counts(p).queued > 0)
        usleep(1000);
    for (int i = 0; i < 10; i++)
        assert_int_equal(jobs_submit(p, &make(i, false)->job, &e), 0);
    assert_int_equal(jobs_counts(p).threads, 2);
    ev_ref(l.ev);
    loop_run(&l);
    assert_true(clock_mono_ms() - start >= 900);
    assert_in_range(jobs_counts(p).threads, 3, 4);
    pthread_mutex_unlock(&gate);
    wanted = 12;
    loop_run(&l);
    ev_unref(l.ev);
    jobs_destroy(p);
}

/* A thread has nothing to do when two jobs come, the first of which hangs: the thread was called for that one, and the second
 * gets one of its own all the same. */
static void company_comes_before_the_thread_has_woken(void **state)
{
    struct jobs *p = jobs_new(&l, &(struct jobs_config){"test", 1, 1, 100});
    struct sched_param none = {0};
    cpu_set_t one = {0}, all;
    struct err e;

    (void)state;
    CPU_SET(sched_getcpu(), &one);
    sched_getaffinity(0, sizeof all, &all);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(sched_setscheduler(0, SCHED_IDLE, &none), 0); /* what the thread inherits */
    done_count = 0;
    wanted = 1;
    assert_int_equal(jobs_submit(p, &make(1, false)->job, &e), 0);
    ev_ref(l.ev);
    loop_run(&l);
    ev_unref(l.ev); /* the loop ends when it waits for nothing: the first job was watched for a second */
    loop_run(&l);
    assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &none), 0); /* from here on we are before it */
    pthread_mutex_lock(&gate);
    assert_int_equal(jobs_submit(p, &make(1, true)->job, &e), 0);
    assert_int_equal(jobs_submit(p, &make(2, false)->job, &e), 0);
    wanted = 2;
    loop_run(&l);
    assert_int_equal(done_count, 2);
    pthread_mutex_unlock(&gate);
    jobs_destroy(p);
    sched_setaffinity(0, sizeof all, &all);
}

/* The gate is shut for one lane: two of its jobs run, the others are held; jobs of other lanes and of none pass them, in
 * the two threads that are left. */
static void a_full_lane_holds_up_nobody_else(void **state)
{
    struct jobs *p = jobs_new(&l, &(struct jobs_config){"test", 4, 3, 20});
    struct test_job *t;
    struct err e;

    (void)state;
    done_count = 0;
    wanted = 10;
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 19; i++) {
        t = make(i, true);
        t->job.lane = 7;
        assert_int_equal(jobs_submit(p, &t->job, &e), 0);
    }
    for (int i = 0; i < 10; i++) {
        t = make(i, false);
        t->job.lane = i % 2 ? 8 : 0;
        assert_int_equal(jobs_submit(p, &t->job, &e), 0);
    }
    ev_ref(l.ev);
    loop_run(&l);
    while (__atomic_load_n(&running, __ATOMIC_SEQ_CST) < 2) /* a thread may still be on its way */
        usleep(1000);
    assert_int_equal(__atomic_load_n(&running, __ATOMIC_SEQ_CST), 2);
    assert_int_equal(jobs_counts(p).queued, 17);
    assert_in_range(jobs_counts(p).threads, 2, 4);
    for (int i = 0; i < 3; i++) { /* as many are held as may wait */
        t = make(i, true);
        t->job.lane = 7;
        assert_int_equal(jobs_submit(p, &t->job, &e), 0);
    }
    t = make(0, true);
    t->job.lane = 7;
    assert_int_equal(jobs_submit(p, &t->job, &e), -1);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    free(t);

    __atomic_store_n(&most, 2, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&gate);
    wanted = 32;
    loop_run(&l);
    ev_unref(l.ev);
    assert_int_equal(__atomic_load_n(&most, __ATOMIC_SEQ_CST), 2); /* never more than two of the lane */
    assert_int_equal(jobs_counts(p).queued, 0);
    jobs_destroy(p);
}

/* What is held runs before the pool ends, and a thread that hangs is counted after a second. */
static void held_jobs_are_not_lost(void **state)
{
    struct jobs *p = jobs_new(&l, &(struct jobs_config){"test", 4, 0, 20});
    struct err e;

    (void)state;
    done_count = 0;
    wanted = -1;
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 10; i++) {
        struct test_job *t = make(i, true);

        t->job.lane = 7;
        assert_int_equal(jobs_submit(p, &t->job, &e), 0);
    }
    while (__atomic_load_n(&running, __ATOMIC_SEQ_CST) < 2)
        usleep(1000);
    assert_int_equal(jobs_counts(p).stuck, 0);
    usleep(1000 * 1000);
    assert_int_equal(jobs_counts(p).stuck, 2);
    pthread_mutex_unlock(&gate);
    jobs_destroy(p);
    assert_int_equal(done_count, 10);
}

static int setup(void **state)
{
    (void)state;
    return loop_init(&l);
}

static int teardown(void **state)
{
    (void)state;
    loop_destroy(&l);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_come_back),      cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(hung_jobs_get_company),  cmocka_unit_test(a_full_lane_holds_up_nobody_else),
        cmocka_unit_test(held_jobs_are_not_lost), cmocka_unit_test(company_comes_before_the_thread_has_woken),
    };

    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
