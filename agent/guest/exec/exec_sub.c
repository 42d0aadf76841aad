/* Subscribers: who watches a process, and from where. */
#include "guest/exec/exec.h"

void exec_notify(struct exec *x)
{
    struct exec_sub *s, *next;

    TAILQ_FOREACH_SAFE (s, &x->subs, link, next)
        s->events->ready(s);
}

/* Of a process that keeps its tail: where that begins. */
static uint64_t tail_of(const struct exec *x)
{
    return x->cut - MIN(x->max_output, x->cut);
}

int exec_subscribe(struct exec *x, struct exec_sub *sub, const struct exec_sub_events *events,
                   uint64_t offset, struct err *e)
{
    if (x->sub_count >= SUBSCRIBERS_MAX)
        return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "process %d has %d subscribers already", x->pid,
                       SUBSCRIBERS_MAX);
    *sub = (struct exec_sub){.exec = x, .events = events};
    sub->waiting = x->keep_tail && x->state != EXEC_CLOSED;
    if (!sub->waiting)
        ring_attach(&x->ring, &sub->cursor, x->keep_tail ? MAX(offset, tail_of(x)) : offset);
    TAILQ_INSERT_TAIL(&x->subs, sub, link);
    x->sub_count++;
    exec_output_joined(x);
    return 0;
}

/* The process is CLOSED: who waited for its tail reads that. */
void exec_sub_attach_tail(struct exec *x)
{
    struct exec_sub *s;

    if (!x->keep_tail)
        return;
    x->truncated = MAX(tail_of(x), x->ring.start) > 0;
    TAILQ_FOREACH (s, &x->subs, link) {
        s->waiting = false;
        ring_attach(&x->ring, &s->cursor, tail_of(x));
    }
}

void exec_unsubscribe(struct exec_sub *sub)
{
    struct exec *x = sub->exec;

    if (!x)
        return;
    ring_detach(&sub->cursor);
    TAILQ_REMOVE(&x->subs, sub, link);
    x->sub_count--;
    sub->exec = NULL;
    if (x->state != EXEC_SPAWNING)
        exec_output_resume(x);
    loop_defer(x->table->loop, &x->check);
}

void exec_taken(struct exec_sub *sub)
{
    ring_taken(&sub->cursor);
}

enum exec_read exec_read(struct exec_sub *sub, size_t max, struct chain *out, enum ring_stream *stream)
{
    struct exec *x = sub->exec;
    ssize_t n;

    if (sub->dropped)
        return EXEC_DROPPED;
    if (sub->waiting)
        return EXEC_AGAIN;
    n = ring_next(&sub->cursor, max, x->cut, out, stream);
    if (n == 0 && exec_output_pull(x))
        n = ring_next(&sub->cursor, max, x->cut, out, stream);
    if (n < 0)
        return EXEC_NO_MEMORY;
    if (sub->cursor.offset == x->ring.head)
        sub->held_ms = 0;
    /* Something is out, or was read; or, alone, what its last frame held is free by now. */
    if (x->paused || (x->full && (n > 0 || x->sub_count == 1)))
        exec_output_resume(x);
    if (n > 0)
        return EXEC_DATA;
    return x->state == EXEC_CLOSED && sub->cursor.offset >= x->cut ? EXEC_END : EXEC_AGAIN;
}
