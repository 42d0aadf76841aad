#include "core/timerq.h"

static void arm(struct timerq *q)
{
    struct timerq_entry *first = TAILQ_FIRST(&q->entries);
    double wait = first->at - ev_now(q->loop->ev);

    ev_timer_set(&q->timer, wait > 0. ? wait : 0., 0.);
    ev_timer_start(q->loop->ev, &q->timer);
}

/* The timer may fire for an entry that was set anew since: it is armed lazily, for the entry that was first
 * then. */
static void on_timer(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct timerq *q = w->data;
    struct timerq_entry *e;

    (void)revents;
    while ((e = TAILQ_FIRST(&q->entries)) && e->at <= ev_now(ev) + 0.0005) {
        timerq_clear(q, e);
        q->expired(q, e);
    }
    if (!TAILQ_EMPTY(&q->entries) && !ev_is_active(w))
        arm(q);
}

void timerq_init(struct timerq *q, struct loop *loop, uint64_t ms,
                 void (*expired)(struct timerq *q, struct timerq_entry *e))
{
    q->loop = loop;
    q->seconds = (double)ms / 1000.;
    q->expired = expired;
    TAILQ_INIT(&q->entries);
    ev_init(&q->timer, on_timer);
    q->timer.data = q;
}

void timerq_set(struct timerq *q, struct timerq_entry *e)
{
    if (e->active)
        TAILQ_REMOVE(&q->entries, e, link);
    e->active = true;
    e->at = ev_now(q->loop->ev) + q->seconds;
    TAILQ_INSERT_TAIL(&q->entries, e, link);
    if (!ev_is_active(&q->timer))
        arm(q);
}

void timerq_clear(struct timerq *q, struct timerq_entry *e)
{
    if (!e->active)
        return;
    e->active = false;
    TAILQ_REMOVE(&q->entries, e, link);
    if (TAILQ_EMPTY(&q->entries))
        ev_timer_stop(q->loop->ev, &q->timer); /* an idle agent has no timer left to wake it */
}
