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
};

struct jobs {
    struct loop *loop;
    struct jobs_config config;
    pthread_mutex_t lock;
    pthread_cond_t work;  /* a job was queued */
    pthread_cond_t ended; /* a worker ended (jobs_destroy) */
    struct job_list queue;
    struct job_list finished;
    LIST_HEAD(, worker) workers;
    unsigned queued;
    unsigned threads;
    unsigned idle; /* threads in the wait for work */
    bool stopping;
    ev_async wake;
    ev_timer stuck;
};

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
        pthread_mutex_unlock(&p->lock);
        j->run(j);
        pthread_mutex_lock(&p->lock);
        self.since_ns = 0;
        STAILQ_INSERT_TAIL(&p->finished, j, link);
        ev_async_send(p->loop->ev, &p->wake);
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

/* While jobs wait: one more thread for each that has been in its job for a second, up to `extra`. */
static void on_stuck(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct jobs *p = w->data;
    struct worker *k;
    uint64_t now = clock_mono_ns();
    unsigned stuck = 0;
    bool again;

    (void)ev;
    (void)revents;
    pthread_mutex_lock(&p->lock);
    LIST_FOREACH (k, &p->workers, link)
        if (k->since_ns && now - k->since_ns >= STUCK_MS * 1000000ull)
            stuck++;
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

int jobs_submit(struct jobs *p, struct job *j, struct err *e)
{
    bool watch, idle;

    j->started_ns = 0;
    pthread_mutex_lock(&p->lock);
    if (p->queued >= p->config.queue_max) {
        pthread_mutex_unlock(&p->lock);
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "%s: %u calls are waiting already", p->config.name,
                       p->config.queue_max);
    }
    if (p->queued >= p->idle && p->threads < p->config.threads && start_worker(p) < 0 && p->threads == 0) {
        int errnum = errno;

        pthread_mutex_unlock(&p->lock);
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, errnum, "%s: start a thread", p->config.name);
    }
    STAILQ_INSERT_TAIL(&p->queue, j, link);
    p->queued++;
    idle = p->idle > 0;
    watch = !idle && p->config.extra > 0 && p->threads >= p->config.threads;
    pthread_mutex_unlock(&p->lock);
    if (idle) /* without the lock, which it wants at once */
        pthread_cond_signal(&p->work);
    if (watch && !ev_is_active(&p->stuck))
        loop_timer(p->loop, &p->stuck, STUCK_MS);
    return 0;
}

unsigned jobs_threads(struct jobs *p)
{
    unsigned n;

    pthread_mutex_lock(&p->lock);
    n = p->threads;
    pthread_mutex_unlock(&p->lock);
    return n;
}

unsigned jobs_queued(struct jobs *p)
{
    unsigned n;

    pthread_mutex_lock(&p->lock);
    n = p->queued;
    pthread_mutex_unlock(&p->lock);
    return n;
}
