#include "guest/exec/reaper.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fd.h"

#define BATCH 64 /* children in one turn: a bomb of orphans must not keep the loop */

/* Reaps a batch. Returns false when there may be more. */
static bool reap(struct reaper *r)
{
    for (int i = 0; i < BATCH; i++) {
        struct rusage usage;
        int status;
        pid_t pid = wait4(-1, &status, WNOHANG, &usage);

        if (pid <= 0)
            return true;
        r->reaped++;
        r->exited(r, pid, status, &usage);
    }
    return false;
}

static void on_again(struct task *t)
{
    struct reaper *r = CONTAINER_OF(t, struct reaper, again);

    if (!reap(r))
        loop_defer(r->loop, t);
}

/* One record may stand for many deaths: signals of one number merge. */
static void on_signal(struct ev_loop *ev, ev_io *w, int revents)
{
    struct reaper *r = w->data;
    struct signalfd_siginfo info[4];

    (void)ev;
    (void)revents;
    if (read(r->fd, info, sizeof info) > 0 && !reap(r))
        loop_defer(r->loop, &r->again);
}

int reaper_init(struct reaper *r, struct loop *loop,
                void (*exited)(struct reaper *r, pid_t pid, int status, const struct rusage *usage),
                struct err *e)
{
    sigset_t set;

    *r = (struct reaper){.loop = loop, .again.run = on_again, .exited = exited};
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGCHLD, SIG_DFL); /* ignored, the kernel would reap for us */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    r->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (r->fd < 0)
        return err_set(e, STATUS_INTERNAL, errno, "signalfd");
    ev_io_init(&r->io, on_signal, r->fd, EV_READ);
    r->io.data = r;
    ev_set_priority(&r->io, EV_MINPRI); /* after the pipes: what a child wrote comes before its end */
    ev_io_start(loop->ev, &r->io);
    loop_defer(loop, &r->again); /* children that died before */
    return 0;
}

void reaper_destroy(struct reaper *r)
{
    loop_cancel(r->loop, &r->again);
    ev_io_stop(r->loop->ev, &r->io);
    loop_close_fd(r->loop, &r->fd);
}
