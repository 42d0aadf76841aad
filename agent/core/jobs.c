#include "core/jobs.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/limits.h"

#define STUCK_MS 1000

struct worker {
    LIST_ENTRY(worker) link;
    uint64_t since_ns; /* when its job began; 0 while it has none */
    uint64_t lane;     /* of its job */
};

struct jobs {
    struct loop *loop;
    struct jobs_config config;
    pthread_mutex_t lock;
    pthread_cond_t work;   /* a job was queued */
    pthread_cond_t ended;  /* a worker ended (jobs_destroy) */
    struct job_list queue; /* may begin as soon as a thread is free */
    struct job_list held;  /* their lane is full */
    struct job_list finished;
    LIST_HEAD(, worker) workers;
    unsigned queued, held_count;
    unsigned threads;
    unsigned idle; /* threads in the wait for work */
    bool stopping;
    ev_async wake;
    ev_timer stuck;
};

/* Whether one more job of the lane may begin. Jobs in the queue count: they are about to. The lock is held. */
static bool lane_is_open(const struct jobs *p, uint64_t lane)
{
    const struct worker *k;
    const struct job *j;
    unsigned n = 0;

    if (lane == 0)
        return true;
    LIST_FOREACH (k, &p->workers, link)
        n += k->lane == lane;
    STAILQ_FOREACH (j, &p->queue, link)
        n += j->lane == lane;
    return n < WORKER_LANE_MAX;
}

/* A job of the lane has ended: the first that was held for it follows. The lock is held. */
static void release_next(struct jobs *p, uint64_t lane)
{
    struct job *j;

    if (lane == 0)
        return;
    STAILQ_FOREACH (j, &p->held, link)
        if (j->lane == lane)
            break;
    if (!j)
        return;
    STAILQ_REMOVE(&p->held, j, job, link);
    p->held_count--;
    STAILQ_INSERT_TAIL(&p->queue, j, link);
    p->queued++;
}

/* The next job for a worker, or NULL when it has waited long enough and should end. The lock is held. */
static struct job *next_job(struct jobs *p)
{
    struct timespec until;
    uint64_t ns = clock_mono_ns() + (uint64_t)WORKER_IDLE_MS * 1000000u;

    until.tv_sec = (time_t)(ns / 1000000000u);
    until.tv_nsec = (long)(ns % 1000000000u);
    while (STAILQ_EMPTY(&p->queue)) {
        int ret;

        if (p->stopping)
            return NULL;
        p->idle++;
        ret = pthread_cond_timedwait(&p->work, &p->lock, &until);
        p->idle--;
        if (ret == ETIMEDOUT && STAILQ_EMPTY(&p->queue))
            return NULL;
    }
    struct job *j = STAILQ_FIRST(&p->queue);
    STAILQ_REMOVE_HEAD(&p->queue, link);
    p->queued--;
    return j;
}

static void *worker_main(void *arg)
{
    struct jobs *p = arg;
    struct worker self = {.since_ns = 0};
    struct job *j;

    pthread_mutex_lock(&p->lock);
    LIST_INSERT_HEAD(&p->workers, &self, link);
    while ((j = next_job(p))) {
        self.since_ns = j->started_ns = clock_mono_ns();
        self.lane = j->lane;
        pthread_mutex_unlock(&p->lock);
        j->run(j);
        pthread_mutex_lock(&p->lock);
        self.since_ns = 0;
        self.lane = 0;
        release_next(p, j->lane); /* this thread takes the head of the queue next: nobody need be woken */
        STAILQ_INSERT_TAIL(&p->finished, j, link);
        pthread_mutex_unlock(&p->lock);
        ev_async_send(p->loop->ev, &p->wake); /* without the lock, which the loop wants at once */
        pthread_mutex_lock(&p->lock);
    }
    LIST_REMOVE(&self, link);
    p->threads--;
    pthread_cond_signal(&p->ended);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Starts one worker, with every signal blocked: they belong to the loop. The lock is held. */
static int start_worker(struct jobs *p)
{
    pthread_attr_t attr;
    sigset_t all, old;
    pthread_t thread;
    int ret;

    if (pthread_attr_init(&attr) != 0)
        return -1;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, MAX((size_t)WORKER_STACK, (size_t)PTHREAD_STACK_MIN));
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    ret = pthread_create(&thread, &attr, worker_main, p);
    if (ret == 0)
        pthread_setname_np(thread, p->config.name);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (ret != 0)
        return -1;
    p->threads++;
    return 0;
}

static void on_wake(struct ev_loop *ev, ev_async *w, int revents)
{
    struct jobs *p = w->data;
    struct job_list finished = STAILQ_HEAD_INITIALIZER(finished);
    struct job *j;

    (void)ev;
    (void)revents;
    pthread_mutex_lock(&p->lock);
    STAILQ_CONCAT(&finished, &p->finished);
    pthread_mutex_unlock(&p->lock);
    while ((j = STAILQ_FIRST(&finished))) {
        STAILQ_REMOVE_HEAD(&finished, link);
        j->done(j);
    }
}

/* How many threads have been in their job for a second. The lock is held. */
static unsigned count_stuck(const struct jobs *p)
{
    uint64_t now = clock_mono_ns();
    const struct worker *k;
    unsigned n = 0;

    LIST_FOREACH (k, &p->workers, link)
        n += k->since_ns && now - k->since_ns >= STUCK_MS * 1000000ull;
    return n;
}

/* While jobs wait: one more thread for each that is stuck, up to `extra`. */
static void on_stuck(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct jobs *p = w->data;
    unsigned stuck;
    bool again;

    (void)ev;
    (void)revents;
    pthread_mutex_lock(&p->lock);
    stuck = count_stuck(p);
    for (unsigned n = p->idle; n < p->queued && p->threads < p->config.threads + MIN(stuck, p->config.extra);
         n++)
        if (start_worker(p) < 0)
            break;
    again = p->queued > p->idle;
    pthread_mutex_unlock(&p->lock);
    if (again)
        loop_timer(p->loop, w, STUCK_MS);
}

struct jobs *jobs_new(struct loop *loop, const struct jobs_config *config)
{
    struct jobs *p = calloc(1, sizeof *p);
    pthread_condattr_t attr;

    if (!p)
        return NULL;
    p->loop = loop;
    p->config = *config;
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->work, &attr);
    pthread_cond_init(&p->ended, NULL);
    pthread_condattr_destroy(&attr);
    STAILQ_INIT(&p->queue);
    STAILQ_INIT(&p->held);
    STAILQ_INIT(&p->finished);
    LIST_INIT(&p->workers);
    ev_async_init(&p->wake, on_wake);
    p->wake.data = p;
    ev_async_start(loop->ev, &p->wake);
    ev_unref(loop->ev);
    ev_init(&p->stuck, on_stuck);
    p->stuck.data = p;
    return p;
}

void jobs_destroy(struct jobs *p)
{
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->work);
    while (p->threads > 0)
        pthread_cond_wait(&p->ended, &p->lock);
    pthread_mutex_unlock(&p->lock);
    on_wake(p->loop->ev, &p->wake, 0);
    ev_ref(p->loop->ev);
    ev_async_stop(p->loop->ev, &p->wake);
    ev_timer_stop(p->loop->ev, &p->stuck);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->ended);
    free(p);
}

/* Puts a job into the queue: *wake and *watch say what is left to do for it. Returns 0, or -1 with errno when there is none and none can
 * be made. The lock is held. */
static int enqueue(struct jobs *p, struct job *j, bool *wake, bool *watch)
{
    if (p->queued >= p->idle && p->threads < p->config.threads && start_worker(p) < 0 && p->threads == 0)
        return -1;
    STAILQ_INSERT_TAIL(&p->queue, j, link);
    p->queued++;
    *wake = p->idle > 0;
    *watch = p->queued > p->idle && p->config.extra > 0 && p->threads >= p->config.threads;
    return 0;
}

int jobs_submit(struct jobs *p, struct job *j, struct err *e)
{
    bool wake = false, watch = false, open;
    int ret = 0;

    j->started_ns = 0;
    pthread_mutex_lock(&p->lock);
    open = lane_is_open(p, j->lane);
    if ((open ? p->queued : p->held_count) >= p->config.queue_max) {
        ret = err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "%s: %u calls are waiting already", p->config.name,
                      p->config.queue_max);
    } else if (!open) {
        STAILQ_INSERT_TAIL(&p->held, j, link);
        p->held_count++;
    } else if (enqueue(p, j, &wake, &watch) < 0) {
        ret = err_set(e, STATUS_RESOURCE_EXHAUSTED, errno, "%s: start a thread", p->config.name);
    }
    pthread_mutex_unlock(&p->lock);
    if (wake) /* without the lock, which it wants at once */
        pthread_cond_signal(&p->work);
    if (watch && !ev_is_active(&p->stuck))
        loop_timer(p->loop, &p->stuck, STUCK_MS);
    return ret;
}

struct jobs_counts jobs_counts(struct jobs *p)
{
    struct jobs_counts n;

    pthread_mutex_lock(&p->lock);
    n = (struct jobs_counts){
        .threads = p->threads, .queued = p->queued + p->held_count, .stuck = count_stuck(p)};
    pthread_mutex_unlock(&p->lock);
    return n;
}
