/* Signals to processes: by whom, to whom, and what follows after a grace. */
#include <errno.h>
#include <signal.h>

#include "guest/exec/exec.h"

/* A signal to everything the process started: by cgroup where it has one, else by session, as far as that
 * reaches. */
int exec_signal_tree(struct exec *x, int signo)
{
    struct cgroups *c = x->table->cgroups;

    if (x->leaf && signo == SIGKILL && cgroup_leaf_kill(c, x->class, x->leaf_name) == 0)
        return 0;
    if (x->leaf && cgroup_leaf_signal(c, x->class, x->leaf_name, signo) == 0)
        return 0;
    return x->state < EXEC_EXITED ? kill(-x->pid, signo) : 0;
}

/* By default SIGKILL reaches the tree; of a terminal's process the leader only: the kernel's hang-up does the rest, and
 * `nohup server &` survives. */
static enum exec_target settled(const struct exec *x, int signo, enum exec_target target)
{
    if (target != EXEC_TARGET_DEFAULT)
        return target;
    return signo == SIGKILL && !x->pty && !x->table->kill_leader ? EXEC_TARGET_TREE : EXEC_TARGET_LEADER;
}

/* Until the leader is reaped, and only we reap, its pid names nobody else, and neither does its process group. */
static int send(struct exec *x, int signo, enum exec_target target)
{
    if (x->state == EXEC_EXITED && target != EXEC_TARGET_TREE)
        return 0; /* as a zombie takes any signal */
    switch (target) {
    case EXEC_TARGET_TREE:
        return exec_signal_tree(x, signo);
    case EXEC_TARGET_GROUP:
        return kill(-x->pid, signo);
    default:
        return kill(x->pid, signo);
    }
}

int exec_signal(struct exec *x, int signo, enum exec_target target, uint32_t grace_ms, struct err *e)
{
    if (x->state == EXEC_CLOSED)
        return err_set(e, STATUS_INTERNAL, 0, "error sending signal: os: process already finished");
    /* What the grace ends with decides whom the signal is meant for. */
    target = settled(x, grace_ms > 0 ? SIGKILL : signo, target);
    if (send(x, signo, target) < 0)
        return err_set(e, STATUS_INTERNAL, errno, "error sending signal");
    if (grace_ms > 0 && x->state == EXEC_RUNNING) {
        x->follow_target = target;
        loop_timer(x->table->loop, &x->follow, grace_ms);
    }
    return 0;
}

void exec_kill(struct exec *x)
{
    const struct exec_spec *spec = x->spec;

    if (x->state == EXEC_SPAWNING)
        x->doomed = true;
    if (x->state == EXEC_RUNNING)
        (void)!exec_signal(x, spec->grace_ms > 0 ? SIGTERM : SIGKILL, spec->kill_target, spec->grace_ms,
                           NULL);
}

/* The grace is over. The leader may be dead by now, and its tree not: see exec_signal_leader_gone. */
static void on_follow(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct exec *x = w->data;

    (void)ev;
    (void)revents;
    if (x->follow_target == EXEC_TARGET_TREE)
        (void)!exec_signal_tree(x, SIGKILL);
    else if (x->state < EXEC_EXITED)
        (void)!send(x, SIGKILL, x->follow_target);
    loop_defer(x->table->loop, &x->check);
}

static void on_deadline(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct exec *x = w->data;

    (void)ev;
    (void)revents;
    x->exit.timed_out = true;
    exec_kill(x);
}

/* The leader was reaped: of what a grace was given to, a leaf can still be killed, a pid or a process group not. */
void exec_signal_leader_gone(struct exec *x)
{
    ev_timer_stop(x->table->loop->ev, &x->deadline);
    if (!x->leaf || x->follow_target != EXEC_TARGET_TREE)
        ev_timer_stop(x->table->loop->ev, &x->follow);
}

void exec_signal_init(struct exec *x)
{
    ev_init(&x->deadline, on_deadline);
    ev_init(&x->follow, on_follow);
    x->deadline.data = x->follow.data = x;
}

void exec_signal_stop(struct exec *x)
{
    ev_timer_stop(x->table->loop->ev, &x->deadline);
    ev_timer_stop(x->table->loop->ev, &x->follow);
}

void execs_stop(struct execs *t, int signo)
{
    struct exec *x;

    t->stopping = true;
    execs_forget(t);
    exec_gate_fail(t);
    if (signo == 0)
        return;
    TAILQ_FOREACH (x, &t->live, link)
        if (x->state != EXEC_SPAWNING)
            exec_signal_tree(x, signo);
    TAILQ_FOREACH (x, &t->lingering, link)
        exec_signal_tree(x, signo);
}
