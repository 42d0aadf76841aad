/* What is remembered of processes that have ended: the exits of the last EXITS_KEPT_MS, and the output of as many as
 * KEPT_BYTES hold. */
#include "core/clock.h"
#include "guest/exec/exec.h"

#define KEPT_SEGS (KEPT_BYTES / SEG_SIZE)

static struct exec_past *past_at(const struct execs *t, uint32_t i)
{
    return &t->past[(t->past_first + i) % t->past_cap];
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static void drop_oldest(struct execs *t)
{
    free(past_at(t, 0)->tag);
    free(past_at(t, 0)->key);
    t->past_first = (t->past_first + 1) % t->past_cap;
    t->past_count--;
}

/* Forgets what is older than EXITS_KEPT_MS; the last one takes the memory with it. */
static void expire(struct execs *t)
{
    uint64_t now = clock_mono_ms();

    while (t->past_count > 0 && past_at(t, 0)->until_ms <= now)
        drop_oldest(t);
    if (t->past_count == 0) {
        free(TAKE(t->past));
        t->past_cap = t->past_first = 0;
        ev_timer_stop(t->loop->ev, &t->past_timer);
    } else if (!ev_is_active(&t->past_timer)) {
        loop_timer(t->loop, &t->past_timer, past_at(t, 0)->until_ms - now + 1);
    }
}

static void on_past_timer(struct ev_loop *ev, ev_timer *w, int revents)
{
    (void)ev;
    (void)revents;
    expire(w->data);
}

/* Remembers the exit of a process that is CLOSED; without memory for it, it is not remembered. */
void exec_past_add(struct exec *x)
{
    struct execs *t = x->table;

    if (t->past_count == t->past_cap && t->past_cap < EXITS_KEPT_MAX) {
        uint32_t cap = t->past_cap ? t->past_cap * 2 : 16;
        struct exec_past *past = malloc(cap * sizeof *past);

        if (!past)
            return;
        for (uint32_t i = 0; i < t->past_count; i++)
            past[i] = *past_at(t, i);
        free(t->past);
        t->past = past;
        t->past_cap = cap;
        t->past_first = 0;
    }
    if (t->past_count == t->past_cap)
        drop_oldest(t);
    t->past_count++;
    *past_at(t, t->past_count - 1) = (struct exec_past){
        .pid = x->pid,
        .tag = x->spec->tag ? strdup(x->spec->tag) : NULL,
        .key = x->key ? strdup(x->key) : NULL,
        .id = x->id,
        .head = x->cut,
        .until_ms = clock_mono_ms() + EXITS_KEPT_MS,
        .exit = x->exit,
    };
    expire(t);
}

/* The kernel gave the pid to another process of ours, or a tag names a new one: the old exit must not answer by
 * these. By its id and its key it still does. */
void exec_past_forget(struct execs *t, pid_t pid, const char *tag)
{
    for (uint32_t i = 0; i < t->past_count; i++) {
        struct exec_past *p = past_at(t, i);

        if (p->pid == pid || same(p->tag, tag)) {
            p->reused = true;
            free(TAKE(p->tag));
        }
    }
}

/* --- finding --------------------------------------------------------------------------------- */

/* The newest exit with that pid, id, tag or key: three of the four are 0 or NULL. */
static const struct exec_past *find(struct execs *t, pid_t pid, uint64_t id, const char *tag, const char *key)
{
    expire(t);
    for (uint32_t i = t->past_count; i > 0; i--) {
        const struct exec_past *p = past_at(t, i - 1);

        if ((pid > 0 && p->pid == pid && !p->reused) || (id && p->id == id) || same(p->tag, tag) ||
            same(p->key, key))
            return p;
    }
    return NULL;
}

const struct exec_past *exec_past_by_pid(struct execs *t, pid_t pid)
{
    return find(t, pid, 0, NULL, NULL);
}

const struct exec_past *exec_past_by_tag(struct execs *t, const char *tag)
{
    return find(t, 0, 0, tag, NULL);
}

const struct exec_past *exec_past_by_id(struct execs *t, uint64_t id)
{
    return find(t, 0, id, NULL, NULL);
}

const struct exec_past *exec_past_by_key(struct execs *t, const char *key)
{
    return find(t, 0, 0, NULL, key);
}

/* --- output that is kept --------------------------------------------------------------------- */

/* The segments in the rings of processes that are CLOSED. */
static uint32_t kept_segs(const struct execs *t)
{
    const struct exec *x;
    uint32_t sum = 0;

    TAILQ_FOREACH (x, &t->lingering, link)
        sum += x->ring.held;
    return sum;
}

/* Its output may go, if nobody reads it; it may be gone itself then. */
void exec_keep_not(struct exec *x)
{
    timerq_clear(&x->table->kept, &x->kept);
    loop_defer(x->table->loop, &x->check);
}

static void on_kept(struct timerq *q, struct timerq_entry *entry)
{
    (void)q;
    exec_keep_not(CONTAINER_OF(entry, struct exec, kept));
}

/* Nobody reads it: what a grandchild still writes is read and thrown away. */
static void let_go(struct exec *x)
{
    if (!exec_output_ended(x)) {
        x->drain = true;
        x->paused = x->full = false;
        ring_clear(&x->ring);
    }
    exec_keep_not(x);
}

/* A process became CLOSED: its output is kept for a while, the last of it where there is much. When all together is too
 * much, or there are too many whose pipes are still open, the oldest that nobody reads go. */
void exec_keep(struct exec *x)
{
    struct execs *t = x->table;
    uint32_t segs, count = t->lingering_count;
    struct exec *old;

    while (x->ring.held > KEPT_SEGS && ring_drop_history(&x->ring))
        ;
    segs = kept_segs(t);
    if (x->ring.held > 0 && !x->transient && !t->stopping)
        timerq_set(&t->kept, &x->kept);
    TAILQ_FOREACH (old, &t->lingering, link) {
        if (segs <= KEPT_SEGS && count <= LINGER_MAX)
            break;
        if (old == x || old->sub_count > 0)
            continue;
        segs -= old->ring.held;
        count--;
        let_go(old);
    }
}

void execs_forget(struct execs *t)
{
    struct exec *x;

    TAILQ_FOREACH (x, &t->lingering, link)
        exec_keep_not(x);
    while (t->past_count > 0)
        drop_oldest(t);
    expire(t);
}

void exec_past_init(struct execs *t)
{
    ev_init(&t->past_timer, on_past_timer);
    t->past_timer.data = t;
    timerq_init(&t->kept, t->loop, EXITS_KEPT_MS, on_kept);
}
