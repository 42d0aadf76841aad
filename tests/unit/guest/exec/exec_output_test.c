/* From a process into its ring, without a process: two pipes whose writing ends the test holds. When they are
 * read, when not, who is dropped, and when it is over. Processes as a whole are exec_test.c's. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"
#include "guest/exec/exec.h"

#include "guest/exec/exec_output.c"

enum { RING_SEGS = 32 };

static struct loop loop;
static struct seg_pool pool;
static struct execs table;
static struct exec x;
static int out, err; /* the process's ends; -1: closed */

/* A subscriber that reads only when it is told to. */
struct reader {
    struct exec_sub sub;
    int readies;
    size_t total;
};

static void on_reader_ready(struct exec_sub *s)
{
    CONTAINER_OF(s, struct reader, sub)->readies++;
}

static const struct exec_sub_events events = {.ready = on_reader_ready};

/* --- what exec.c does, as far as this file needs it ------------------------------------------ */

static void subscribe(struct reader *r)
{
    struct err e;

    *r = (struct reader){.readies = 0};
    assert_int_equal(exec_subscribe(&x, &r->sub, &events, 0, &e), 0);
}

/* Reads at most max bytes in all; returns how many. */
static size_t consume(struct reader *r, size_t max)
{
    size_t total = 0;

    while (total < max) {
        struct chain c = {0};
        enum ring_stream stream;

        exec_taken(&r->sub);
        if (exec_read(&r->sub, MIN(max - total, (size_t)FRAME_MAX), &c, &stream) != EXEC_DATA)
            break;
        total += c.bytes;
        chain_clear(&c);
    }
    r->total += total;
    return total;
}

static void turns(int n)
{
    while (n-- > 0)
        ev_run(loop.ev, EVRUN_NOWAIT);
}

/* Turns with real time passing, until the condition holds. */
#define TURN_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        uint64_t end_ = clock_mono_ms() + 10000;                                                             \
        while (!(condition)) {                                                                               \
            if (clock_mono_ms() > end_)                                                                      \
                fail_msg("did not come: %s", #condition);                                                    \
            usleep(2000);                                                                                    \
            turns(1);                                                                                        \
        }                                                                                                    \
    } while (0)

static void on_no_check(struct task *t)
{
    (void)t; /* exec_check would free what is the test's */
}

static void begin(bool pty)
{
    struct spawn s = {.input = -1};
    int a[2], b[2] = {-1, -1};

    if (pipe2(a, O_CLOEXEC | O_NONBLOCK) < 0 || (!pty && pipe2(b, O_CLOEXEC | O_NONBLOCK) < 0))
        abort();
    s.output[0] = a[0];
    s.output[1] = b[0];
    out = a[1];
    err = b[1];
    free(x.spec);
    x.spec = exec_spec_copy(&(struct exec_spec){.cmd = "x", .pty = pty});
    x.pty = pty;
    exec_output_start(&x, &s);
    exec_input_start(&x, &s);
}

static int setup(void **state)
{
    (void)state;
    if (loop_init(&loop) < 0 || seg_pool_init(&pool, 4 * MIB) < 0)
        return -1;
    table = (struct execs){.loop = &loop, .pool = &pool, .ring_max = RING_SEGS * SEG_SIZE};
    TAILQ_INIT(&table.live);
    TAILQ_INIT(&table.lingering);
    x = (struct exec){.table = &table, .state = EXEC_RUNNING, .cut = UINT64_MAX};
    TAILQ_INIT(&x.subs);
    x.check.run = on_no_check;
    exec_past_init(&table);
    exec_signal_init(&x);
    exec_output_init(&x);
    exec_input_init(&x);
    TAILQ_INSERT_TAIL(&table.live, &x, link);
    begin(false);
    return 0;
}

static int teardown(void **state)
{
    struct exec_sub *s;

    (void)state;
    while ((s = TAILQ_FIRST(&x.subs)))
        exec_unsubscribe(s);
    exec_input_stop(&x);
    exec_output_stop(&x);
    loop_cancel(&loop, &x.check);
    execs_forget(&table);
    loop_cancel(&loop, &x.check);
    exec_signal_stop(&x);
    free(x.spec);
    if (out >= 0)
        close(out);
    if (err >= 0)
        close(err);
    if (pool.in_use > 0)
        return -1;
    seg_pool_destroy(&pool);
    loop_destroy(&loop);
    return 0;
}

/* Writes as much of n bytes as goes while the loop turns; returns how much. */
static size_t pour(int fd, size_t n)
{
    static char block[1 << 16];
    size_t total = 0;

    for (int idle = 0; total < n && idle < 10;) {
        ssize_t k = write(fd, block, MIN(n - total, sizeof block));

        if (k > 0)
            total += (size_t)k;
        idle = k > 0 ? 0 : idle + 1;
        turns(1);
    }
    turns(2);
    return total;
}

/* --- when it is read ------------------------------------------------------------------------- */

static void both_pipes_go_into_one_ring(void **state)
{
    static struct reader r;
    struct chain c = {0};
    enum ring_stream stream;

    (void)state;
    subscribe(&r);
    assert_int_equal(write(out, "out", 3), 3);
    turns(1);
    assert_int_equal(write(err, "err!", 4), 4);
    turns(1);
    assert_int_equal(r.readies, 2);
    assert_int_equal(exec_read(&r.sub, 100, &c, &stream), EXEC_DATA);
    assert_int_equal(stream, RING_STDOUT);
    assert_int_equal(c.bytes, 3);
    chain_clear(&c);
    assert_int_equal(exec_read(&r.sub, 100, &c, &stream), EXEC_DATA);
    assert_int_equal(stream, RING_STDERR);
    assert_int_equal(c.bytes, 4);
    chain_clear(&c);
}

/* A lone subscriber is a pipe: what it does not read holds up the writer. */
static void a_lone_subscriber_holds_it_up(void **state)
{
    static struct reader r;
    size_t taken;

    (void)state;
    subscribe(&r);
    taken = pour(out, 10 * MIB);
    assert_in_range(x.ring.head, CURSOR_AHEAD, CURSOR_AHEAD + SEG_SIZE);
    assert_true(taken < CURSOR_AHEAD + SEG_SIZE + 2 * 65536); /* and what the pipe holds */
    assert_true(x.paused);
    assert_false(ev_is_active(&x.pipes[0].io));
    consume(&r, CURSOR_AHEAD / 2);
    assert_true(x.paused); /* what is on its way is not out yet */
    consume(&r, 1);
    assert_false(x.paused);
    assert_true(ev_is_active(&x.pipes[0].io));
}

/* A frame that goes out late finds its successor in the pipe, with no turn of the loop in between. */
static void a_lone_subscriber_pulls(void **state)
{
    static struct reader r;
    size_t taken, got = 0;

    (void)state;
    subscribe(&r);
    taken = pour(out, 10 * MIB);
    assert_int_equal(consume(&r, SIZE_MAX), taken);
    assert_false(x.paused); /* the pipe is empty: it is watched again */
    assert_int_equal(consume(&r, SIZE_MAX), 0);

    /* While one is written all the time, the other comes too. */
    assert_int_equal(write(err, "!", 1), 1);
    for (int i = 0; i < 4 && got < 1; i++) {
        pour(out, 10 * MIB);
        for (;;) {
            struct chain c = {0};
            enum ring_stream stream;

            exec_taken(&r.sub);
            if (exec_read(&r.sub, FRAME_MAX, &c, &stream) != EXEC_DATA)
                break;
            got += stream == RING_STDERR ? c.bytes : 0;
            chain_clear(&c);
        }
    }
    assert_int_equal(got, 1);
}

/* The more of the pool is in use, the less one stream may hold of it. */
static void with_little_memory_it_holds_less(void **state)
{
    struct seg *all[1024];
    static struct reader r;
    uint32_t n = 0;

    (void)state;
    subscribe(&r);
    while (n < pool.total / 2)
        all[n++] = seg_get(&pool);
    pour(out, 10 * MIB);
    assert_int_equal(x.ring.held, CURSOR_AHEAD / 4 / SEG_SIZE); /* more than two fifths; whole segments */
    assert_in_range(x.ring.head, CURSOR_AHEAD / 4 - 64, CURSOR_AHEAD / 4);
    assert_true(x.paused);
    while (n < pool.total - 8)
        all[n++] = seg_get(&pool);
    consume(&r, SIZE_MAX);
    pour(out, 10 * MIB);
    assert_in_range(x.ring.head - r.sub.cursor.offset, 1, SEG_SIZE);
    assert_int_equal(x.ring.held, 1);
    while (n > 0)
        seg_unref(all[--n]);
}

static void without_subscribers_it_is_read_and_the_last_is_kept(void **state)
{
    (void)state;
    assert_int_equal(pour(out, 2 * MIB), 2 * MIB);
    assert_int_equal(x.ring.head, 2 * MIB);
    assert_in_range(x.ring.head - x.ring.start, (RING_SEGS - 2) * SEG_SIZE / 2, RING_SEGS * SEG_SIZE);
    assert_false(x.paused);
}

static void a_subscriber_that_leaves_lets_it_go_on(void **state)
{
    static struct reader r;

    (void)state;
    subscribe(&r);
    pour(out, 10 * MIB);
    assert_true(x.paused);
    exec_unsubscribe(&r.sub);
    assert_false(x.paused);
    assert_int_equal(pour(out, MIB), MIB);
}

static void without_memory_it_waits_for_memory(void **state)
{
    struct seg *all[1024];
    static struct reader r;
    int n = 0;

    (void)state;
    subscribe(&r);
    assert_int_equal(write(out, "x", 1), 1);
    turns(1);
    assert_int_equal(write(err, "!", 1), 1);
    turns(1);
    while ((all[n] = seg_get(&pool)))
        n++;
    pour(out, 40000); /* more than the segment that it may always hold, of three records */
    assert_true(x.full);
    assert_true(pool.wanted);
    assert_false(ev_is_active(&x.pipes[0].io));
    assert_false(ev_is_active(&x.held)); /* alone, it holds up nobody */
    while (n > 0)
        seg_unref(all[--n]);
    exec_output_resume(&x);
    turns(3);
    assert_false(x.full);
    assert_int_equal(x.ring.head, 40002);
}

/* --- a stalled subscriber -------------------------------------------------------------------- */

/* One reads all that comes, the other nothing; ends with a full ring. */
static void stall(struct reader *quick, struct reader *slow)
{
    subscribe(quick);
    subscribe(slow);
    for (int i = 0; !x.full && i < 1000; i++) {
        pour(out, 65536);
        consume(quick, SIZE_MAX);
    }
    assert_true(x.full);
    ev_timer_stop(loop.ev, &x.held); /* the tests call it themselves */
    quick->sub.held_ms = slow->sub.held_ms = 0;
}

static void who_holds_up_a_reader_at_the_head_is_dropped_after_its_time(void **state)
{
    static struct reader quick, slow;
    struct chain c = {0};
    enum ring_stream stream;
    int ticks = 0;

    (void)state;
    stall(&quick, &slow);
    while (!slow.sub.dropped && ticks < 100) {
        on_held(loop.ev, &x.held, 0);
        ticks++;
        x.full = true; /* whatever the resume tried */
    }
    assert_int_equal(ticks, HELD_MAX_MS / TICK_MS);
    assert_false(quick.sub.dropped);
    assert_true(slow.readies > 0);
    assert_int_equal(exec_read(&slow.sub, 1, &c, &stream), EXEC_DROPPED);
    assert_int_equal(slow.sub.cursor.offset, 0); /* the first byte that it did not get */
    turns(2);
    consume(&quick, SIZE_MAX);
    assert_int_equal(pour(out, 65536), 65536); /* the others go on */
}

static void nobody_is_dropped_while_nobody_waits(void **state)
{
    static struct reader quick, slow;

    (void)state;
    stall(&quick, &slow);
    exec_unsubscribe(&quick.sub);
    for (int i = 0; i < 3 * HELD_MAX_MS / TICK_MS; i++) {
        x.full = true;
        on_held(loop.ev, &x.held, 0);
    }
    assert_false(slow.sub.dropped);
    assert_int_equal(slow.sub.held_ms, 0);
}

static void who_comes_to_the_head_begins_anew(void **state)
{
    static struct reader quick, slow;

    (void)state;
    stall(&quick, &slow);
    for (int i = 0; i < HELD_MAX_MS / TICK_MS - 1; i++) {
        x.full = true;
        on_held(loop.ev, &x.held, 0);
    }
    assert_true(slow.sub.held_ms > 0);
    consume(&slow, SIZE_MAX);
    assert_int_equal(slow.sub.held_ms, 0);
    assert_false(slow.sub.dropped);
}

static void a_segment_ahead_of_the_slowest_is_innocent(void **state)
{
    static struct reader quick, slow, middling;

    (void)state;
    subscribe(&middling);
    stall(&quick, &slow);
    consume(&middling, SEG_LARGE + SEG_SIZE);
    x.full = true;
    on_held(loop.ev, &x.held, 0);
    assert_int_equal(slow.sub.held_ms, TICK_MS);
    assert_int_equal(middling.sub.held_ms, 0);
}

/* --- the end --------------------------------------------------------------------------------- */

static void leader_gone(void)
{
    x.state = EXEC_EXITED;
    LIST_INSERT_HEAD(&table.pids[0], &x, by_pid); /* where exec_close takes it from */
    exec_output_leader_gone(&x);
}

static void what_is_in_the_pipes_comes_before_the_end(void **state)
{
    (void)state;
    assert_int_equal(write(out, "last", 4), 4);
    assert_int_equal(write(err, "words", 5), 5);
    close(out);
    close(err);
    out = err = -1;
    leader_gone();
    assert_int_equal(x.ring.head, 9);
    assert_true(exec_output_ended(&x));
    assert_false(ev_is_active(&x.quiet)); /* nothing to wait for */
}

/* A grandchild holds the pipes: after a silence it is over, and what it writes then is read all the same. */
static void a_silence_ends_it(void **state)
{
    static struct reader r;

    (void)state;
    subscribe(&r);
    assert_int_equal(write(out, "x", 1), 1);
    leader_gone();
    assert_int_equal(x.state, EXEC_EXITED);
    TURN_UNTIL(x.state == EXEC_CLOSED);
    assert_int_equal(x.cut, 1);
    assert_false(exec_output_ended(&x));
    assert_int_equal(pour(out, 1000), 1000);
    assert_int_equal(x.ring.head, 1001);
    assert_int_equal(x.cut, 1);
}

/* The loop is not run: no timer comes but those that are called. */
static void a_chatty_grandchild_gets_a_grace_and_no_more(void **state)
{
    (void)state;
    leader_gone();
    for (unsigned ms = TICK_MS; ms <= EXIT_GRACE_MS; ms += TICK_MS) {
        assert_int_equal(x.state, EXEC_EXITED);
        assert_int_equal(write(out, "x", 1), 1);
        on_readable(loop.ev, &x.pipes[0].io, EV_READ);
        on_grace(loop.ev, &x.grace, 0);
        assert_int_equal(x.grace_ms, ms);
    }
    assert_int_equal(x.state, EXEC_CLOSED);
    assert_int_equal(x.cut, EXIT_GRACE_MS / TICK_MS);
}

static void output_begins_the_silence_anew(void **state)
{
    (void)state;
    leader_gone();
    loop_timer(&loop, &x.quiet, 60000);
    assert_int_equal(write(out, "x", 1), 1);
    on_readable(loop.ev, &x.pipes[0].io, EV_READ);
    assert_true(ev_timer_remaining(loop.ev, &x.quiet) < 10);
}

/* A subscriber that is behind stops the clock: what it has not read may not be cut off. */
static void time_stands_still_while_reading_waits(void **state)
{
    static struct reader r;

    (void)state;
    subscribe(&r);
    pour(out, MIB);
    assert_true(x.paused);
    leader_gone();
    on_grace(loop.ev, &x.grace, 0);
    on_quiet(loop.ev, &x.quiet, 0);
    assert_int_equal(x.grace_ms, 0);
    assert_int_equal(x.state, EXEC_EXITED);
    consume(&r, SIZE_MAX);
    assert_false(x.paused);
    on_grace(loop.ev, &x.grace, 0);
    assert_int_equal(x.grace_ms, TICK_MS);
    on_quiet(loop.ev, &x.quiet, 0); /* before the loop has looked at the pipe again */
    assert_int_equal(x.state, EXEC_EXITED);
    TURN_UNTIL(consume(&r, SIZE_MAX) == 0 && exec_output_pending(&x) == 0);
    on_quiet(loop.ev, &x.quiet, 0);
    assert_int_equal(x.state, EXEC_CLOSED);
}

/* Nobody will ask for it: no memory is held, and the writer lives on. */
static void a_drained_process_keeps_nothing(void **state)
{
    (void)state;
    x.drain = true;
    assert_int_equal(pour(out, MIB), MIB);
    assert_int_equal(x.ring.held, 0);
    close(out);
    out = -1;
    turns(2);
    assert_int_equal(x.pipes[0].fd, -1);
}

static void the_end_of_a_terminal_is_the_end_of_its_input(void **state)
{
    (void)state;
    exec_output_stop(&x);
    close(out);
    close(err);
    exec_output_init(&x);
    begin(true);
    assert_int_equal(x.input.fd, x.pipes[0].fd);
    assert_int_equal(x.pipes[0].stream, RING_PTY);
    close(out);
    out = -1;
    turns(2);
    assert_true(x.pipes[0].fd >= 0);                                /* the leader lives: it is not hung up, */
    assert_true(x.pipes[0].alone && !ev_is_active(&x.pipes[0].io)); /* nor looked at again and again, */
    assert_true(ev_is_active(&x.quiet));                            /* but now and then */
    on_quiet(loop.ev, &x.quiet, 0);
    assert_true(ev_is_active(&x.pipes[0].io));
    turns(2);
    assert_true(x.pipes[0].alone);
    leader_gone();
    assert_false(ev_is_active(&x.quiet));
    assert_int_equal(x.pipes[0].fd, -1);
    assert_int_equal(x.input.fd, -1);
    assert_true(exec_output_ended(&x));
}

/* --- memory of others ------------------------------------------------------------------------ */

static void the_largest_other_gives_up_its_history(void **state)
{
    struct exec small = {.table = &table}, large = {.table = &table};
    struct exec *others[] = {&small, &large};
    int fd[2];
    uint32_t held;

    (void)state;
    assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        static char block[8 * SEG_SIZE];

        exec_output_init(others[i]);
        assert_true(write(fd[1], block, (i + 1) * 3 * SEG_SIZE) > 0);
        while (ring_read(&others[i]->ring, fd[0], RING_STDOUT, sizeof block) > 0)
            ;
    }
    TAILQ_INSERT_TAIL(&table.live, &small, link);
    TAILQ_INSERT_TAIL(&table.lingering, &large, link);
    held = small.ring.held;
    assert_true(large.ring.held > held);
    while (large.ring.held > held)
        assert_true(reclaim(&x.ring));
    assert_int_equal(small.ring.held, held);
    TAILQ_REMOVE(&table.live, &small, link);
    TAILQ_REMOVE(&table.lingering, &large, link);
    assert_false(reclaim(&x.ring)); /* its own is not another's */
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        ring_clear(&others[i]->ring);
    close(fd[0]);
    close(fd[1]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(both_pipes_go_into_one_ring),
        T(a_lone_subscriber_holds_it_up),
        T(a_lone_subscriber_pulls),
        T(with_little_memory_it_holds_less),
        T(without_subscribers_it_is_read_and_the_last_is_kept),
        T(a_subscriber_that_leaves_lets_it_go_on),
        T(without_memory_it_waits_for_memory),
        T(who_holds_up_a_reader_at_the_head_is_dropped_after_its_time),
        T(nobody_is_dropped_while_nobody_waits),
        T(who_comes_to_the_head_begins_anew),
        T(a_segment_ahead_of_the_slowest_is_innocent),
        T(what_is_in_the_pipes_comes_before_the_end),
        T(a_silence_ends_it),
        T(a_chatty_grandchild_gets_a_grace_and_no_more),
        T(output_begins_the_silence_anew),
        T(time_stands_still_while_reading_waits),
        T(a_drained_process_keeps_nothing),
        T(the_end_of_a_terminal_is_the_end_of_its_input),
        T(the_largest_other_gives_up_its_history),
    };

    return RUN(tests);
}
