#include "core/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/err.h"
#include "core/fd.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/pages.h"

/* libev aborts when its allocator fails, so it gets memory that cannot: an arena in .bss, of which the kernel
 * backs only what is used. Its arrays grow by doubling, the largest (one entry per descriptor, per pending
 * event, per changed descriptor, per timer) to FDS_MAX entries; the sum of a doubling series is twice its
 * last term. */
static _Alignas(16) uint8_t memory[(size_t)2 * FDS_MAX * (16 + 16 + 4 + 16 + 12) + 64 * KIB];
static size_t memory_used;

struct memory_head {
    _Alignas(16) size_t size;
};

static void *memory_realloc(void *old, long size)
{
    struct memory_head *h;
    size_t want = ((size_t)size + 15) & ~(size_t)15;

    if (size <= 0)
        return NULL;
    if (old) {
        h = (struct memory_head *)old - 1;
        if (want <= h->size)
            return old;
        if ((uint8_t *)old + h->size == memory + memory_used &&
            want - h->size <= sizeof memory - memory_used) {
            memory_used += want - h->size; /* the newest block grows in place */
            h->size = want;
            return old;
        }
    }
    if (want + sizeof *h > sizeof memory - memory_used)
        return NULL;
    h = (struct memory_head *)(void *)(memory + memory_used);
    memory_used += sizeof *h + want;
    if (old) {
        size_t had = ((struct memory_head *)old - 1)->size;

        memcpy(h + 1, old, had);
        pages_forget(old, had); /* it is not used again */
    }
    h->size = want;
    return h + 1;
}

/* libev calls this when epoll itself fails, and goes on when it returns. Sleeping keeps a lasting failure
 * from becoming a busy loop. */
static void on_syserr(const char *what)
{
    int errnum = errno;

    log_error("loop.error", LOG_STR("error.message", what), LOG_STR("error.type", errno_text(errnum)));
    usleep(10000);
}

/* Runs what is queued, and what that queues, for a few rounds; a longer series lets the descriptors have
 * their turn in between. */
static void run_tasks(struct loop *l)
{
    for (int round = 0; round < 4 && !TAILQ_EMPTY(&l->tasks); round++) {
        struct task *t;

        l->round++;
        while ((t = TAILQ_FIRST(&l->tasks)) && t->round != l->round) {
            loop_cancel(l, t);
            t->run(t);
        }
    }
}

/* libev does not tell its epoll descriptor. A descriptor is an epoll instance when removing something
 * pollable from it fails with ENOENT (it is not in there) and not with EINVAL; ours was made a moment ago
 * with the lowest free number, so the search is short. */
static int find_epoll_fd(void)
{
    CLEANUP_FD int other = eventfd(0, EFD_CLOEXEC);

    for (int fd = 0; fd < 1024; fd++)
        if (epoll_ctl(fd, EPOLL_CTL_DEL, other, NULL) < 0 && errno == ENOENT)
            return fd;
    return -1;
}

static void on_prepare(struct ev_loop *ev, ev_prepare *w, int revents)
{
    struct loop *l = ev_userdata(ev);

    (void)w;
    (void)revents;
    run_tasks(l);
    if (TAILQ_EMPTY(&l->tasks))
        ev_idle_stop(ev, &l->idle);
    else
        ev_idle_start(ev, &l->idle);
}

static void on_idle(struct ev_loop *ev, ev_idle *w, int revents)
{
    (void)ev;
    (void)w;
    (void)revents;
}

static void on_far_future(struct ev_loop *ev, ev_periodic *w, int revents)
{
    (void)ev;
    (void)w;
    (void)revents;
}

static void on_wake(struct ev_loop *ev, ev_async *w, int revents)
{
    (void)ev;
    (void)w;
    (void)revents;
}

/* libev is about to sleep. It has just told epoll what is watched, and who epoll had no room for waits for its EV_ERROR:
 * libev would let it wait until something else happens. */
static void on_release(struct ev_loop *ev)
{
    struct loop *l = ev_userdata(ev);

    if (ev_pending_count(ev) > 0)
        ev_async_send(ev, &l->wake);
}

static void on_acquire(struct ev_loop *ev)
{
    (void)ev;
}

int loop_init(struct loop *l)
{
    memset(l, 0, sizeof *l);
    TAILQ_INIT(&l->tasks);
    ev_set_allocator(memory_realloc);
    ev_set_syserr_cb(on_syserr);
    /* Never the default loop: its SIGCHLD watcher calls waitpid(-1) and would steal exit statuses. */
    l->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (!l->ev)
        return -1;
    ev_set_userdata(l->ev, l);
    l->epoll_fd = find_epoll_fd();
    if (l->epoll_fd < 0)
        return -1;
    ev_prepare_init(&l->prepare, on_prepare);
    ev_prepare_start(l->ev, &l->prepare);
    ev_unref(l->ev);
    ev_idle_init(&l->idle, on_idle);
    ev_async_init(&l->wake, on_wake);
    ev_async_start(l->ev, &l->wake);
    ev_unref(l->ev);
    ev_set_loop_release_cb(l->ev, on_release, on_acquire);
    /* An idle libev loop wakes every 59.7 s to see whether the wall clock jumped. With a periodic watcher it
     * has a timerfd tell it instead (TFD_TIMER_CANCEL_ON_SET) and sleeps without end. */
    ev_periodic_init(&l->far_future, on_far_future, 1e11, 0., NULL);
    ev_periodic_start(l->ev, &l->far_future);
    ev_unref(l->ev);
    return 0;
}

void loop_run(struct loop *l)
{
    ev_run(l->ev, 0);
}

void loop_stop(struct loop *l)
{
    ev_break(l->ev, EVBREAK_ALL);
}

void loop_destroy(struct loop *l)
{
    ev_ref(l->ev);
    ev_ref(l->ev);
    ev_ref(l->ev);
    ev_async_stop(l->ev, &l->wake);
    ev_prepare_stop(l->ev, &l->prepare);
    ev_periodic_stop(l->ev, &l->far_future);
    ev_loop_destroy(l->ev);
    memory_used = 0;
}

void loop_defer(struct loop *l, struct task *t)
{
    if (t->queued)
        return;
    t->queued = true;
    t->round = l->round;
    TAILQ_INSERT_TAIL(&l->tasks, t, link);
}

void loop_cancel(struct loop *l, struct task *t)
{
    if (!t->queued)
        return;
    t->queued = false;
    TAILQ_REMOVE(&l->tasks, t, link);
}

void loop_close_fd(struct loop *l, int *fd)
{
    if (*fd >= 0)
        epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, *fd, NULL); /* ENOENT where it was never watched */
    fd_close(fd);
}

void loop_watch(struct loop *l, ev_io *w, int events)
{
    if (ev_is_active(w)) {
        if ((w->events & (EV_READ | EV_WRITE)) == events)
            return;
        ev_io_stop(l->ev, w);
    }
    if (events) {
        ev_io_modify(w, events); /* not ev_io_set: it would cost a system call even where nothing changes */
        ev_io_start(l->ev, w);
    }
}

void loop_watch_failed(ev_io *w)
{
    ev_io_set(w, w->fd, w->events & (EV_READ | EV_WRITE)); /* libev believes that epoll has it already */
}

void loop_timer(struct loop *l, ev_timer *t, uint64_t ms)
{
    ev_timer_stop(l->ev, t);
    ev_timer_set(t, (double)ms / 1000., 0.);
    ev_timer_start(l->ev, t);
}
