/* Into a process without a process: a pipe or a terminal whose other end the test holds. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "guest/exec/exec.h"

/* Fails when a test wants it. */
static bool no_memory;
#define chain_copy(c, data, n)  (no_memory ? -1 : (chain_copy)(c, data, n))
#define chain_move(dst, src, n) (no_memory ? -1 : (chain_move)(dst, src, n))

#include "guest/exec/exec_input.c"

#undef chain_copy
#undef chain_move

static struct loop loop;
static struct execs table;
static struct exec x;
static int other; /* the process's end */
static struct err e;

/* Somebody who waits for room, and notes in which order they were told. */
struct waiter {
    struct exec_wait wait;
    char name;
    bool again; /* waits again at once */
};

static char told[64];

static void on_told(struct exec_wait *w)
{
    struct waiter *me = CONTAINER_OF(w, struct waiter, wait);

    strncat(told, &me->name, 1);
    if (me->again) {
        w->exec = &x;
        TAILQ_INSERT_TAIL(&x.input.waiting, w, link);
    }
}

static struct waiter waiter(char name, bool again)
{
    return (struct waiter){.wait.ready = on_told, .name = name, .again = again};
}

static void turns(int n)
{
    while (n-- > 0)
        ev_run(loop.ev, EVRUN_NOWAIT);
}

static int setup(void **state)
{
    struct spawn s;
    int fd[2];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    if (loop_init(&loop) < 0 || pipe2(fd, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    table = (struct execs){.loop = &loop};
    x = (struct exec){.table = &table};
    s = (struct spawn){.input = fd[1]};
    other = fd[0];
    no_memory = false;
    told[0] = 0;
    exec_input_init(&x);
    exec_input_start(&x, &s);
    return s.input == -1 && x.input.fd == fd[1] ? 0 : -1; /* taken over */
}

static int teardown(void **state)
{
    (void)state;
    exec_input_stop(&x);
    if (other >= 0)
        close(other);
    loop_destroy(&loop);
    return TAILQ_EMPTY(&x.input.waiting) ? 0 : -1;
}

/* Writes a copy of these bytes. */
static ssize_t put_as(bool terminal, const void *data, size_t n, struct exec_wait *w)
{
    struct chain c = {0};
    ssize_t taken;

    assert_int_equal((chain_copy)(&c, data, n), 0);
    taken = exec_write(&x, terminal, &c, w, &e);
    if (taken >= 0)
        assert_int_equal(c.bytes, n - (size_t)taken);
    chain_clear(&c);
    return taken;
}

static ssize_t put(const void *data, size_t n, struct exec_wait *w)
{
    return put_as(false, data, n, w);
}

/* Fills the pipe and the queue; returns how much that was. */
static size_t fill(struct exec_wait *w)
{
    static uint8_t block[1 << 20];
    ssize_t n;

    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (uint8_t)(i * 31 >> 3);
    n = put(block, sizeof block, w);
    assert_in_range(n, STDIN_QUEUE_MAX, sizeof block - 1);
    assert_int_equal(x.input.queue.bytes, STDIN_QUEUE_MAX);
    return (size_t)n;
}

/* Reads what there is at the process's end. */
static size_t drain(size_t at)
{
    static uint8_t buf[1 << 16];
    size_t total = 0;
    ssize_t n;

    while ((n = read(other, buf, sizeof buf)) > 0)
        for (ssize_t i = 0; i < n; i++, total++)
            if (buf[i] != (uint8_t)((at + total) * 31 >> 3))
                fail_msg("byte %zu differs", at + total);
    return total;
}

/* --- taking ---------------------------------------------------------------------------------- */

static void what_the_pipe_takes_is_not_queued(void **state)
{
    struct waiter w = waiter('a', false);
    char buf[8];

    (void)state;
    assert_int_equal(put("hello", 5, &w.wait), 5);
    assert_int_equal(x.input.queue.bytes, 0);
    assert_false(ev_is_active(&x.input.io));
    assert_int_equal(read(other, buf, sizeof buf), 5);
    assert_memory_equal(buf, "hello", 5);
    assert_int_equal(put("", 0, &w.wait), 0);
    assert_null(w.wait.exec); /* nothing left over: nobody waits */
}

static void the_queue_is_bounded_and_its_sender_waits(void **state)
{
    struct waiter a = waiter('a', false);
    size_t all = fill(&a.wait), seen = 0;

    (void)state;
    assert_ptr_equal(a.wait.exec, &x);
    assert_int_equal(put("more", 4, &a.wait), 0); /* and waits once, not twice */
    for (int i = 0; seen < all && i < 1000; i++) {
        seen += drain(seen);
        turns(1);
    }
    assert_int_equal(seen, all);
    assert_string_equal(told, "a");
    assert_null(a.wait.exec);
    assert_false(ev_is_active(&x.input.io));
}

/* Not at each byte: only when half of the queue is free. */
static void the_sender_is_told_when_there_is_room_worth_it(void **state)
{
    struct waiter a = waiter('a', false);
    size_t seen = 0;

    (void)state;
    fill(&a.wait);
    while (!*told) {
        seen += drain(seen);
        assert_true(*told || x.input.queue.bytes >= STDIN_QUEUE_MAX / 2);
        turns(1);
    }
    assert_true(x.input.queue.bytes < STDIN_QUEUE_MAX / 2);
}

/* A long piece stays where it was received; of many short ones none may hold a segment of its own. */
static void long_pieces_are_queued_as_they_are_and_short_ones_together(void **state)
{
    static uint8_t block[1 << 16];
    struct waiter w = waiter('a', false);
    struct seg *seg = seg_heap(2 * SEG_SIZE);
    struct chain c = {0};
    ssize_t n = write(x.input.fd, block, sizeof block);

    (void)state;
    assert_int_equal(n, sizeof block); /* the pipe is full */
    memset(seg->data, 'l', 2 * SEG_SIZE);
    assert_int_equal(chain_ref(&c, seg, seg->data, SEG_SIZE), 0);
    assert_int_equal(exec_write(&x, false, &c, &w.wait, &e), SEG_SIZE);
    assert_int_equal(seg->refs, 2);
    for (int i = 0; i < 400; i++) {
        assert_int_equal(chain_ref(&c, seg, seg->data + SEG_SIZE + i, 1), 0);
        assert_int_equal(exec_write(&x, false, &c, &w.wait, &e), 1);
    }
    assert_int_equal(seg->refs, 2);
    assert_int_equal(x.input.queue.bytes, SEG_SIZE + 400);
    assert_in_range(x.input.queue.count, 2, 10);
    chain_clear(&c);
    seg_unref(seg);
}

static void senders_are_told_in_their_order_and_each_once(void **state)
{
    struct waiter a = waiter('a', true), b = waiter('b', false), c = waiter('c', true);
    size_t seen = 0;

    (void)state;
    fill(&a.wait);
    assert_int_equal(put("b", 1, &b.wait), 0);
    assert_int_equal(put("c", 1, &c.wait), 0);
    while (!*told) {
        seen += drain(seen);
        turns(1);
    }
    assert_memory_equal(told, "abc", 3);
    exec_wait_cancel(&a.wait);
    exec_wait_cancel(&c.wait);
}

static void who_does_not_wait_any_more_is_not_told(void **state)
{
    struct waiter a = waiter('a', false);
    size_t seen = 0;

    (void)state;
    fill(&a.wait);
    exec_wait_cancel(&a.wait);
    exec_wait_cancel(&a.wait);
    for (int i = 0; x.input.queue.bytes > 0 && i < 1000; i++) {
        seen += drain(seen);
        turns(1);
    }
    assert_int_equal(x.input.queue.bytes, 0);
    assert_string_equal(told, "");
}

/* --- refusing -------------------------------------------------------------------------------- */

static void a_pipe_is_no_terminal_and_the_other_way_round(void **state)
{
    struct waiter w = waiter('a', false);

    (void)state;
    assert_int_equal(put_as(true, "x", 1, &w.wait), -1);
    assert_int_equal(e.status, STATUS_INTERNAL);
    assert_string_equal(e.text,
                        "error writing to tty: tty not assigned to process — input should be written to the "
                        "stdin, not the tty");
    x.pty = true;
    assert_int_equal(put("x", 1, &w.wait), -1);
    assert_string_equal(e.text,
                        "error writing to stdin: tty assigned to process — input should be written to "
                        "the pty, not the stdin");
}

static void a_process_that_closed_its_input_is_told_as_such(void **state)
{
    struct waiter w = waiter('a', false);

    (void)state;
    close(other);
    other = -1;
    assert_int_equal(put("x", 1, &w.wait), -1);
    assert_int_equal(e.status, STATUS_INTERNAL);
    assert_string_equal(e.text, "error writing to stdin: broken pipe");
    assert_int_equal(x.input.fd, -1);
    assert_int_equal(put("x", 1, &w.wait), -1);
    assert_string_equal(e.text, "error writing to stdin: stdin not enabled or closed");
}

static void the_queue_is_lost_when_the_process_stops_reading(void **state)
{
    struct waiter a = waiter('a', false);

    (void)state;
    fill(&a.wait);
    close(other);
    other = -1;
    turns(2);
    assert_int_equal(x.input.fd, -1);
    assert_int_equal(x.input.queue.bytes, 0);
    assert_string_equal(told, "a"); /* to try again, and be refused */
}

static void without_memory_the_sender_is_told(void **state)
{
    struct waiter w = waiter('a', false);
    static char block[1 << 17];

    (void)state;
    no_memory = true;
    assert_int_equal(put(block, sizeof block, &w.wait), -1);
    assert_string_equal(e.text, "error writing to stdin: out of memory");
    assert_int_equal(put(block, 1, &w.wait), -1); /* as little as this */
    assert_null(w.wait.exec);
}

/* --- closing --------------------------------------------------------------------------------- */

static void closing_comes_after_what_is_queued(void **state)
{
    struct waiter a = waiter('a', false);
    size_t all = fill(&a.wait), seen = 0;
    char c;

    (void)state;
    exec_wait_cancel(&a.wait);
    assert_int_equal(exec_close_input(&x, &e), 0);
    assert_true(x.input.fd >= 0);
    assert_int_equal(put("x", 1, &a.wait), -1); /* nothing more, though it is still open */
    for (int i = 0; seen < all && i < 1000; i++) {
        seen += drain(seen);
        turns(1);
    }
    turns(1);
    assert_int_equal(seen, all);
    assert_int_equal(x.input.fd, -1);
    assert_int_equal(read(other, &c, 1), 0);
    assert_int_equal(exec_close_input(&x, &e), 0); /* twice is as good as once */
}

/* A real terminal: its end is a character behind what was typed, twice behind half a line. */
static void a_terminals_end_is_typed(void **state)
{
    static const struct {
        const char *typed, *read;
    } cases[] = {{"", ""}, {"line\n", "line\n"}, {"half", "half"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), unlock = 0, slave;
        struct waiter w = waiter('a', false);
        struct spawn s = {.input = -1};
        char buf[16];

        assert_true(master >= 0 && ioctl(master, TIOCSPTLCK, &unlock) == 0);
        slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        exec_input_stop(&x);
        exec_input_init(&x);
        x.pty = true;
        x.state = EXEC_EXITED; /* there is no leader to be hung up */
        x.pipes[0].fd = master;
        exec_input_start(&x, &s);
        assert_int_equal(put_as(true, cases[i].typed, strlen(cases[i].typed), &w.wait),
                         strlen(cases[i].typed));
        assert_int_equal(exec_close_input(&x, &e), 0);
        turns(1);
        assert_int_equal(x.input.queue.bytes, 0);
        assert_true(x.input.ended);
        if (*cases[i].read) {
            assert_int_equal(read(slave, buf, sizeof buf), strlen(cases[i].read));
            assert_memory_equal(buf, cases[i].read, strlen(cases[i].read));
        }
        assert_int_equal(read(slave, buf, sizeof buf), 0);
        assert_int_equal(put_as(true, "\n", 1, &w.wait), 1);
        assert_false(x.input.ended); /* it can be typed on */
        exec_input_stop(&x);
        x.pipes[0].fd = -1;
        close(slave);
        close(master);
    }
}

/* The descriptor is the output's: it closes it. */
static void stopping_leaves_a_terminals_descriptor_alone(void **state)
{
    int fd[2];
    struct spawn s = {.input = -1};

    (void)state;
    exec_input_stop(&x);
    assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
    x.pty = true;
    x.pipes[0].fd = fd[1];
    exec_input_start(&x, &s);
    assert_int_equal(x.input.fd, fd[1]);
    exec_input_stop(&x);
    assert_int_equal(x.input.fd, -1);
    assert_true(fcntl(fd[1], F_GETFD) >= 0);
    close(fd[0]);
    close(fd[1]);
}

static void without_input_there_is_nothing_to_write_to(void **state)
{
    struct waiter w = waiter('a', false);
    struct spawn s = {.input = -1};

    (void)state;
    exec_input_stop(&x);
    exec_input_start(&x, &s);
    assert_int_equal(put("x", 1, &w.wait), -1);
    assert_string_equal(e.text, "error writing to stdin: stdin not enabled or closed");
    assert_int_equal(exec_close_input(&x, &e), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_the_pipe_takes_is_not_queued),
        T(the_queue_is_bounded_and_its_sender_waits),
        T(the_sender_is_told_when_there_is_room_worth_it),
        T(long_pieces_are_queued_as_they_are_and_short_ones_together),
        T(senders_are_told_in_their_order_and_each_once),
        T(who_does_not_wait_any_more_is_not_told),
        T(a_pipe_is_no_terminal_and_the_other_way_round),
        T(a_process_that_closed_its_input_is_told_as_such),
        T(the_queue_is_lost_when_the_process_stops_reading),
        T(without_memory_the_sender_is_told),
        T(closing_comes_after_what_is_queued),
        T(a_terminals_end_is_typed),
        T(stopping_leaves_a_terminals_descriptor_alone),
        T(without_input_there_is_nothing_to_write_to),
    };

    return RUN(tests);
}
