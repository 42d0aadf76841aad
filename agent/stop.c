#include "stop.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/limits.h"
#include "core/log.h"

#define LOOK_MS 10

/* A signal to what we have started, or as PID 1 to everything in our pid namespace: orphans, too. */
static void signal_all(struct stop *s, int signo)
{
    if (s->keep_processes)
        signo = 0;
    execs_stop(s->execs, s->pid1 ? 0 : signo);
    if (s->pid1)
        kill(-1, signo); /* ESRCH: there is nobody */
}

/* No process is left, and whoever read of one has read to its end. */
static bool processes_gone(const struct stop *s)
{
    if (s->execs->count > 0 && !s->keep_processes)
        return false;
    return !s->pid1 || !reaper_has_children();
}

/* Whether nothing is left that the agent's end would cut off. */
static bool all_gone(const struct stop *s)
{
    return s->net->count == 0 && processes_gone(s) && s->execs->cgroups->removing == 0 &&
           !s->execs->gate_shut;
}

static void end_streams(struct stop *s)
{
    s->ended = true;
    net_shutdown(s->net);
}

/* Looks every few milliseconds how far it is. */
static void on_tick(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct stop *s = w->data;
    uint64_t age = clock_mono_ms() - s->since_ms;

    (void)ev;
    (void)revents;
    if (age >= s->grace_ms &&
        (!s->killed || s->pid1)) { /* as PID 1 again and again: some were just being started */
        s->killed = true;
        signal_all(s, SIGKILL);
    }
    if (!s->ended && (processes_gone(s) || age >= s->streams_ms))
        end_streams(s);
    if ((s->ended && all_gone(s)) || age >= s->over_ms)
        loop_stop(s->loop);
    else
        loop_timer(s->loop, w, LOOK_MS);
}

/* Divides the limit. A short one is divided in the proportions of the default. */
static void plan(struct stop *s)
{
    unsigned limit = s->limit_ms ? s->limit_ms : SHUTDOWN_MAX_MS;

    s->over_ms = limit - MIN(MAX(s->rest_ms, 500u), limit / 3);
    s->streams_ms = s->over_ms - MIN(500u, limit / 10);
    s->grace_ms = limit > SHUTDOWN_MAX_MS ? limit - SHUTDOWN_REST_MS
                                          : (unsigned)((uint64_t)limit * SHUTDOWN_GRACE_MS / SHUTDOWN_MAX_MS);
}

/* No grace any more, and half a second for what is on its way. */
static void hurry(struct stop *s, uint64_t age)
{
    s->grace_ms = 0;
    s->streams_ms = MIN(s->streams_ms, (unsigned)age + 250);
    s->over_ms = MIN(s->over_ms, (unsigned)age + 500);
}

static void begin(struct stop *s, int signo)
{
    s->since_ms = clock_mono_ms();
    plan(s);
    log_info("agent.shutdown", LOG_INT("process.signal", signo),
             LOG_STR("shutdown.how", s->pid1 ? end_name(s->how) : "exit"));
    if (s->begun)
        s->begun(s);
    net_unlisten(s->net);
    freezer_thaw_soon(s->freezer); /* nobody else would, and what is frozen cannot end in order */
    signal_all(s, SIGTERM);
    if (s->drains)
        net_drain(s->net);
    else
        end_streams(s);
    loop_timer(s->loop, &s->tick, 1);
}

void stop_begin(struct stop *s, int signo)
{
    enum end before = s->how;
    bool at_once = false, running = s->since_ms == 0;

    if (s->pid1)
        end_of_signal(signo, &s->how, &at_once);
    if (running)
        begin(s, signo);
    if (at_once || (!running && s->pid1 && s->how == before))
        hurry(s, clock_mono_ms() - s->since_ms);
}

static void on_signal(struct ev_loop *ev, ev_io *w, int revents)
{
    struct stop *s = w->data;
    struct signalfd_siginfo info;

    (void)ev;
    (void)revents;
    while (read(s->signal_fd, &info, sizeof info) == sizeof info)
        stop_begin(s, (int)info.ssi_signo);
}

int stop_init(struct stop *s, bool signals, struct err *e)
{
    sigset_t set;

    ev_init(&s->tick, on_tick);
    s->tick.data = s;
    s->signal_fd = -1;
    if (!signals)
        return 0;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (s->pid1)
        end_signals(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (s->signal_fd < 0)
        return err_set(e, STATUS_INTERNAL, errno, "signalfd");
    ev_io_init(&s->signals, on_signal, s->signal_fd, EV_READ);
    s->signals.data = s;
    ev_io_start(s->loop->ev, &s->signals);
    return 0;
}
