#include "guest/git/queue.h"

#include "core/limits.h"

static bool same(const struct git_turn *a, const struct git_turn *b)
{
    return a->key.dev == b->key.dev && a->key.ino == b->key.ino;
}

static void run(struct task *task)
{
    struct git_turn *t = CONTAINER_OF(task, struct git_turn, task);

    t->come(t);
}

void git_queue_init(struct git_queue *q, struct loop *loop)
{
    q->loop = loop;
    TAILQ_INIT(&q->turns);
}

int git_queue_enter(struct git_queue *q, struct git_turn *t, struct err *e)
{
    const struct git_turn *other;
    unsigned ahead = 0;

    TAILQ_FOREACH (other, &q->turns, link)
        ahead += same(other, t);
    if (ahead > GIT_QUEUE_MAX)
        return err_set(e, STATUS_UNAVAILABLE, 0, "%d calls wait to write this repository already",
                       GIT_QUEUE_MAX);
    t->task.run = run;
    t->queued = true;
    TAILQ_INSERT_TAIL(&q->turns, t, link);
    if (ahead == 0)
        loop_defer(q->loop, &t->task);
    return 0;
}

void git_queue_leave(struct git_queue *q, struct git_turn *t)
{
    struct git_turn *next;
    bool first = true;

    if (!t->queued)
        return;
    for (next = TAILQ_FIRST(&q->turns); next != t; next = TAILQ_NEXT(next, link))
        first = first && !same(next, t);
    next = TAILQ_NEXT(t, link);
    TAILQ_REMOVE(&q->turns, t, link);
    loop_cancel(q->loop, &t->task);
    t->queued = false;
    for (; first && next; next = TAILQ_NEXT(next, link)) {
        if (same(next, t)) {
            loop_defer(q->loop, &next->task);
            return;
        }
    }
}
