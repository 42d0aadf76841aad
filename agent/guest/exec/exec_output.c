/* From a process's pipes into its ring: when to read, when not, and when its output has ended. */
#include <errno.h>
#include <sys/ioctl.h>

#include "core/fd.h"
#include "guest/exec/exec.h"

#define TICK_MS 100  /* of `held` and `quiet` */
#define LOOK_MS 1000 /* at a terminal that nobody has open */

/* How much may be read by the subscribers' pace: a lone reader is like a pipe, it holds up what it does not take. What
 * one stream costs is this portion of the pool, whether it is on its way or still unread. */
static size_t appetite(const struct exec *x)
{
    uint64_t unread;
    size_t portion;

    if (TAILQ_EMPTY(&x->ring.cursors))
        return FRAME_MAX;
    unread = x->ring.head - ring_foremost(&x->ring);
    portion = seg_pool_portion(x->table->pool, CURSOR_AHEAD);
    if (portion < CURSOR_AHEAD)
        portion = ring_room(portion); /* a few bytes more would take another segment */
    return portion - (size_t)MIN(unread, portion);
}

static void watch(struct exec *x)
{
    bool want = !x->paused && !x->full;

    for (size_t i = 0; i < ARRAY_LEN(x->pipes); i++)
        if (x->pipes[i].fd >= 0)
            loop_watch(x->table->loop, &x->pipes[i].io, want && !x->pipes[i].alone ? EV_READ : 0);
}

static void close_pipe(struct exec_pipe *p)
{
    struct exec *x = p->exec;

    loop_watch(x->table->loop, &p->io, 0);
    if (p->stream == RING_PTY)
        exec_input_stop(x); /* it writes to the same descriptor */
    loop_close_fd(x->table->loop, &p->fd);
    loop_defer(x->table->loop, &x->check);
}

/* Nobody has the terminal open. Its leader may just be about to end, or open /dev/tty again: to close our side would be a
 * hang-up, and change its exit code. */
static void leave_alone(struct exec_pipe *p)
{
    p->alone = true;
    loop_timer(p->exec->table->loop, &p->exec->quiet, LOOK_MS);
}

/* --- a stalled subscriber -------------------------------------------------------------------- */

/* The ring is full, so the slowest hold up the others. One that is within a segment of the slowest while
 * somebody else has read everything is counted; after HELD_MAX_MS it is let go. Alone it may take as long as
 * it likes. */
static void on_held(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct exec *x = w->data;
    uint64_t slowest = ring_slowest(&x->ring);
    bool waiting = ring_foremost(&x->ring) == x->ring.head;
    struct exec_sub *s, *next;

    (void)ev;
    (void)revents;
    TAILQ_FOREACH_SAFE (s, &x->subs, link, next) {
        if (!waiting || s->cursor.offset > slowest + SEG_LARGE || s->cursor.offset == x->ring.head)
            continue;
        s->held_ms += TICK_MS;
        if (s->held_ms >= HELD_MAX_MS)
            exec_drop_sub(s);
    }
    exec_output_resume(x);
    if (x->full && x->sub_count > 1)
        loop_timer(x->table->loop, w, TICK_MS);
}

void exec_drop_sub(struct exec_sub *sub)
{
    uint64_t offset = sub->cursor.offset;

    ring_detach(&sub->cursor);
    sub->cursor.offset = offset;
    sub->dropped = true;
    sub->events->ready(sub);
}

/* --- reading --------------------------------------------------------------------------------- */

/* Nobody will read it any more: only so that its writer lives on. */
static ssize_t drain(int fd)
{
    static uint8_t nowhere[FRAME_MAX];
    ssize_t n = RETRY_EINTR(read(fd, nowhere, sizeof nowhere));

    return n >= 0 ? n : errno == EAGAIN ? RING_AGAIN : RING_ERROR;
}

static void full(struct exec *x)
{
    x->full = true;
    seg_pool_want(x->table->pool);
    exec_output_joined(x);
}

/* Somebody may be held up, now or because another subscriber came: alone, nobody is. */
void exec_output_joined(struct exec *x)
{
    if (x->full && x->sub_count > 1 && !ev_is_active(&x->held))
        loop_timer(x->table->loop, &x->held, TICK_MS);
}

/* How much the next read may take. Behind max_output all is drained. */
static size_t allowance(struct exec *x)
{
    size_t max = appetite(x);

    if (!x->drain && x->max_output && !x->keep_tail) {
        x->drain = x->ring.head >= x->max_output;
        max = (size_t)MIN(max, x->max_output - MIN(x->ring.head, x->max_output));
    }
    return x->drain ? FRAME_MAX : max;
}

/* Reads one output, as much as a turn allows. Returns whether there is something for subscribers. */
static bool read_pipe(struct exec_pipe *p)
{
    struct exec *x = p->exec;
    size_t total = 0;

    x->read_turn = ev_iteration(x->table->loop->ev);
    for (int i = 0; i < TURN_MESSAGES && total < TURN_BYTES; i++) {
        size_t max = allowance(x);
        ssize_t n;

        if (max == 0) {
            x->paused = true;
            break;
        }
        n = x->drain ? drain(p->fd) : ring_read(&x->ring, p->fd, p->stream, max);
        x->truncated |= x->drain && n > 0;
        if (n == RING_AGAIN)
            break;
        if (n == RING_FULL) {
            full(x);
            break;
        }
        if (n == RING_EOF || n == RING_ERROR) { /* of a terminal's master EIO is the end */
            if (p->stream == RING_PTY && x->state < EXEC_EXITED)
                leave_alone(p);
            else
                close_pipe(p);
            break;
        }
        total += (size_t)n;
        /* A short read emptied the pipe; asking again would only say so. After the leader's death it is
         * asked, for then the answer matters. */
        if ((size_t)n < max && x->state < EXEC_EXITED)
            break;
    }
    return total > 0 && !x->drain;
}

static void on_readable(struct ev_loop *ev, ev_io *w, int revents)
{
    struct exec_pipe *p = w->data;
    struct exec *x = p->exec;

    (void)ev;
    if (revents & EV_ERROR)
        loop_watch_failed(w);
    if (read_pipe(p))
        exec_notify(x);
    if (x->state == EXEC_EXITED && ev_is_active(&x->quiet)) /* there was output: the silence begins anew */
        loop_timer(x->table->loop, &x->quiet, EXIT_QUIET_MS);
    watch(x);
}

/* A lone subscriber has nothing unread, and its last frame took a while to go out: there will be something in the pipe,
 * and it is read at once instead of after a turn of the loop. Among several the pipe is read when they have all been
 * served, so that they get the same. Returns whether there is something now. */
bool exec_output_pull(struct exec *x)
{
    bool any = false;

    if (!x->paused || x->sub_count > 1 || x->read_turn == ev_iteration(x->table->loop->ev) ||
        appetite(x) == 0)
        return false;
    x->paused = false;
    x->other_first = !x->other_first; /* a flood in one may not hide the other */
    for (size_t i = 0; i < ARRAY_LEN(x->pipes); i++) {
        struct exec_pipe *p = &x->pipes[i ^ x->other_first];

        any |= p->fd >= 0 && read_pipe(p);
    }
    if (any && x->state == EXEC_EXITED && ev_is_active(&x->quiet))
        loop_timer(x->table->loop, &x->quiet, EXIT_QUIET_MS);
    watch(x);
    return any;
}

/* A subscriber has read, left, or there is memory again: perhaps the pipes can be read on. */
void exec_output_resume(struct exec *x)
{
    if (x->paused && appetite(x) > 0)
        x->paused = false;
    if (x->full)
        x->full = false; /* the next read tells */
    watch(x);
}

/* --- the end --------------------------------------------------------------------------------- */

bool exec_output_ended(const struct exec *x)
{
    return x->pipes[0].fd < 0 && x->pipes[1].fd < 0;
}

/* Nothing was written for EXIT_QUIET_MS after the leader's death, as far as we read. */
static void on_quiet(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct exec *x = w->data;
    /* What the pipes hold may be news: of a turn that took long the timers come before the pipes. */
    bool waiting = x->paused || x->full || exec_output_pending(x) > 0;

    (void)ev;
    (void)revents;
    if (x->state < EXEC_EXITED) { /* has somebody opened the terminal again? */
        x->pipes[0].alone = false;
        watch(x);
        return;
    }
    if (!waiting) {
        exec_close(x);
        return;
    }
    loop_timer(x->table->loop, w,
               EXIT_QUIET_MS); /* its readers have not come to the end yet: time stands still */
}

/* EXIT_GRACE_MS are over, not counting the time when reading waited. */
static void on_grace(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct exec *x = w->data;

    (void)ev;
    (void)revents;
    if (!x->paused && !x->full)
        x->grace_ms += TICK_MS;
    if (x->grace_ms >= EXIT_GRACE_MS)
        exec_close(x);
    else
        loop_timer(x->table->loop, w, TICK_MS);
}

/* Bytes that wait in the pipes. */
size_t exec_output_pending(const struct exec *x)
{
    size_t sum = 0;
    int n;

    for (size_t i = 0; i < ARRAY_LEN(x->pipes); i++)
        if (x->pipes[i].fd >= 0 && ioctl(x->pipes[i].fd, FIONREAD, &n) == 0)
            sum += (size_t)MAX(n, 0);
    return sum;
}

/* The leader was reaped. What it wrote is in the pipes: read until they say that they are empty; a grandchild
 * may hold them open, and gets a grace. */
void exec_output_leader_gone(struct exec *x)
{
    bool any = false;

    ev_timer_stop(x->table->loop->ev, &x->quiet);
    x->pipes[0].alone = false;
    for (size_t i = 0; i < ARRAY_LEN(x->pipes); i++)
        any |= x->pipes[i].fd >= 0 && read_pipe(&x->pipes[i]);
    if (any)
        exec_notify(x);
    watch(x);
    if (exec_output_ended(x))
        return; /* exec_check closes it */
    loop_timer(x->table->loop, &x->quiet, EXIT_QUIET_MS);
    loop_timer(x->table->loop, &x->grace, TICK_MS);
}

/* --- life ------------------------------------------------------------------------------------ */

/* The largest ring with history in the list, other than `not`, or `best` when that is as large. */
static struct ring *larger_history(const struct exec_list *list, const struct ring * not, struct ring *best)
{
    struct exec *x;

    TAILQ_FOREACH (x, list, link)
        if (&x->ring != not &&ring_has_history(&x->ring) && (!best || x->ring.held > best->held))
            best = &x->ring;
    return best;
}

static bool reclaim(struct ring *r)
{
    struct execs *t = CONTAINER_OF(r, struct exec, ring)->table;
    struct ring *largest = larger_history(&t->live, r, NULL);
    struct exec *x;

    largest = larger_history(&t->lingering, r, largest);
    if (!largest || !ring_drop_history(largest))
        return false;
    x = CONTAINER_OF(largest, struct exec, ring);
    if (x->state == EXEC_CLOSED && largest->held == 0) /* there is nothing left to keep it for */
        exec_keep_not(x);
    return true;
}

void exec_output_init(struct exec *x)
{
    ring_init(&x->ring, x->table->pool, x->table->ring_max);
    x->ring.reclaim = reclaim;
    for (size_t i = 0; i < ARRAY_LEN(x->pipes); i++)
        x->pipes[i] = (struct exec_pipe){.exec = x, .fd = -1};
    ev_init(&x->quiet, on_quiet);
    ev_init(&x->grace, on_grace);
    ev_init(&x->held, on_held);
    x->quiet.data = x->grace.data = x->held.data = x;
}

void exec_output_start(struct exec *x, struct spawn *s)
{
    for (size_t i = 0; i < ARRAY_LEN(x->pipes); i++) {
        struct exec_pipe *p = &x->pipes[i];

        p->fd = fd_take(&s->output[i]);
        p->stream = x->pty ? RING_PTY : i == 0 ? RING_STDOUT : RING_STDERR;
        if (p->fd < 0)
            continue;
        ev_io_init(&p->io, on_readable, p->fd, EV_READ);
        p->io.data = p;
    }
    watch(x);
}

void exec_output_stop(struct exec *x)
{
    ev_timer_stop(x->table->loop->ev, &x->quiet);
    ev_timer_stop(x->table->loop->ev, &x->grace);
    ev_timer_stop(x->table->loop->ev, &x->held);
    for (size_t i = 0; i < ARRAY_LEN(x->pipes); i++) {
        if (x->pipes[i].fd < 0)
            continue;
        loop_watch(x->table->loop, &x->pipes[i].io, 0);
        loop_close_fd(x->table->loop, &x->pipes[i].fd);
    }
    ring_clear(&x->ring);
}
