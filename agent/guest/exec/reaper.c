#include "guest/exec/reaper.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fd.h"

#define BATCH 64 /* children in one turn: a bomb of orphans must not keep the loop */

/* Reaps one child: that of this pid, or with -1 any. Returns false when it has not ended, or there is none. */
static bool reap(struct reaper *r, pid_t which)
{
    struct rusage usage;
    int status;
    pid_t pid = wait4(which, &status, WNOHANG, &usage);

    if (pid <= 0)
        return false;
    r->reaped++;
    r->exited(r, pid, status, &usage);
    return true;
}

/* Reaps whoever else has ended. The kernel looks at every child for that. */
static void on_walk(struct task *t)
{
    struct reaper *r = CONTAINER_OF(t, struct reaper, walk);

    for (int i = 0; i < BATCH; i++)
        if (!reap(r, -1))
            return;
    loop_defer(r->loop, t);
}

/* A record names one child, but may stand for many deaths: signals of one number merge. So the named one is
 * reaped at once, which costs the same however many there are, and a walk always follows: at the end of the
 * turn, behind what was queued there for the sake of the first. A death that the walk does not see has its
 * signal still to come. */
static void on_signal(struct ev_loop *ev, ev_io *w, int revents)
{
    struct reaper *r = w->data;
    struct signalfd_siginfo info[4];
    ssize_t n = read(r->fd, info, sizeof info);

    (void)ev;
    (void)revents;
    if (n <= 0)
        return;
    for (size_t i = 0; i < (size_t)n / sizeof info[0]; i++)
        if ((pid_t)info[i].ssi_pid > 0) /* anybody may send the signal; 0 is outside our pid namespace */
            reap(r, (pid_t)info[i].ssi_pid);
    loop_defer(r->loop, &r->walk);
}

int reaper_init(struct reaper *r, struct loop *loop,
                void (*exited)(struct reaper *r, pid_t pid, int status, const struct rusage *usage),
                struct err *e)
{
    sigset_t set;

    *r = (struct reaper){.loop = loop, .walk.run = on_walk, .exited = exited};
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
    loop_defer(loop, &r->walk); /* children that died before */
    return 0;
}

bool reaper_has_children(void)
{
    siginfo_t info;

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

void reaper_destroy(struct reaper *r)
{
    loop_cancel(r->loop, &r->walk);
    ev_io_stop(r->loop->ev, &r->io);
    loop_close_fd(r->loop, &r->fd);
}
