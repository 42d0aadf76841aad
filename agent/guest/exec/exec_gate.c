#include <errno.h>

#include "guest/exec/exec.h"

/* The gate: while the processes are frozen none is started, for it would freeze halfway, with a thread that waits for it. */

/* Gives the spawn to a worker, and it has SPAWN_TIMEOUT_MS from now on. Returns 0, or -1 with *e. */
static int submit(struct execs *t, struct exec *x, struct spawn *s, struct err *e)
{
    if (jobs_submit(t->jobs, &s->job, e) < 0)
        return -1;
    timerq_set(&t->spawn_timeouts, &x->spawn_timeout);
    return 0;
}

int exec_gate_pass(struct exec *x, struct spawn *s, struct err *e)
{
    struct execs *t = x->table;

    if (!t->gate_shut || x->class == CGROUP_NONE)
        return submit(t, x, s, e);
    if (t->held_count >= FREEZE_QUEUE_MAX)
        return err_set(e, STATUS_FAILED_PRECONDITION, 0, "frozen: %d starts are waiting already",
                       FREEZE_QUEUE_MAX);
    STAILQ_INSERT_TAIL(&t->held, &s->job, link);
    t->held_count++;
    return 0;
}

static struct spawn *next_held(struct execs *t)
{
    struct job *j = STAILQ_FIRST(&t->held);

    if (!j)
        return NULL;
    STAILQ_REMOVE_HEAD(&t->held, link);
    t->held_count--;
    return CONTAINER_OF(j, struct spawn, job);
}

/* It will not be started, as s->error says. */
static void fail(struct spawn *s)
{
    s->stage = SPAWN_CLONE;
    s->job.done(&s->job);
}

void exec_gate_fail(struct execs *t)
{
    struct spawn *s;

    while ((s = next_held(t))) {
        err_set(&s->error, STATUS_FAILED_PRECONDITION, 0, "agent is shutting down");
        fail(s);
    }
}

void execs_shut_gate(struct execs *t)
{
    t->gate_shut = true;
}

void execs_open_gate(struct execs *t)
{
    struct spawn *s;

    t->gate_shut = false;
    while ((s = next_held(t))) {
        struct exec *x = ticket_find(&t->tickets, s->ticket);

        if (submit(t, x, s, &s->error) < 0)
            fail(s);
    }
}
