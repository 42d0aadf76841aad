/* A connection's life on a socket pair: reading, short writes, finishing, lingering, stalls, time-outs. */
#include "test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>

#include "core/base.h"

/* What the kernel says of a TCP peer, where a test wants to decide that. */
static int (*tcp_info_hook)(void *info);
#define getsockopt(fd, level, name, value, len)                                                              \
    (tcp_info_hook ? tcp_info_hook(value) : (getsockopt)(fd, level, name, value, len))

/* Fails when a test wants it. */
static bool no_memory;
#define calloc(n, size) (no_memory ? NULL : (calloc)(n, size))

#include "net/conn.c"

#undef calloc
#undef getsockopt

static struct loop loop;
static struct seg_pool pool, in_pool;
static struct net net;
static struct listener listener;
static struct conn *conn; /* the connection under test; NULL: gone */
static int peer;          /* the other end */
static char got[1 << 20];
static size_t got_len;
static int end_seen; /* reads that said 0 */
static ssize_t last_read;
static size_t to_produce; /* bytes that `writable` still has */
static bool refuses, answers_timeout;
static int closed;
static enum close_reason closed_why;

static int on_accept(struct conn *c)
{
    c->state = &got;
    return refuses ? -1 : 0;
}

static void on_test_readable(struct conn *c)
{
    last_read = conn_read(c, got + got_len, sizeof got - got_len);
    if (last_read > 0)
        got_len += (size_t)last_read;
    if (last_read == 0) {
        end_seen++;
        conn_want_read(c, false);
    }
}

static void on_test_writable(struct conn *c)
{
    static const char block[16 * KIB];
    size_t n = MIN(to_produce, sizeof block);

    if (n > 0 && chain_copy(&c->out, block, n) == 0)
        to_produce -= n;
}

static void on_test_closed(struct conn *c, enum close_reason why)
{
    assert_ptr_equal(c->state, &got);
    closed++;
    closed_why = why;
    conn = NULL;
}

static bool on_test_timeout(struct conn *c)
{
    if (!answers_timeout)
        return false;
    assert_int_equal(chain_copy(&c->out, "late", 4), 0);
    conn_finish(c);
    return true;
}

static const struct net_protocol protocol = {
    .name = "test",
    .accept = on_accept,
    .readable = on_test_readable,
    .writable = on_test_writable,
    .closed = on_test_closed,
    .timed_out = on_test_timeout,
};

static void turns(int n)
{
    while (n-- > 0)
        ev_run(loop.ev, EVRUN_NOWAIT);
}

/* The entry's time comes in 10 ms, whatever it was: no turn before this one is so slow that it is over. */
static void soon(struct timerq *q, struct timerq_entry *e)
{
    assert_true(e->active);
    timerq_clear(q, e);
    q->seconds = 0.01;
    timerq_set(q, e);
}

/* Turns with real time passing, until the condition holds. */
#define TURN_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        for (int i_ = 0; !(condition); i_++) {                                                               \
            if (i_ > 1000)                                                                                   \
                fail_msg("did not come: %s", #condition);                                                    \
            usleep(5000);                                                                                    \
            turns(1);                                                                                        \
        }                                                                                                    \
    } while (0)

static int setup(void **state)
{
    (void)state;
    log_init(LOG_OFF, LOG_TEXT, false);
    if (loop_init(&loop) < 0 || seg_pool_init(&pool, MIB) < 0 || seg_pool_init(&in_pool, MIB) < 0)
        return -1;
    net_init(&net, &loop, &pool, &in_pool, 10);
    got_len = to_produce = 0;
    closed = end_seen = 0;
    refuses = answers_timeout = no_memory = false;
    tcp_info_hook = NULL;
    peer = -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (conn)
        conn_abort(conn, CLOSE_SHUTDOWN);
    turns(3);
    if (peer >= 0)
        close(peer);
    close(net.spare_fd);
    seg_pool_destroy(&pool);
    seg_pool_destroy(&in_pool);
    loop_destroy(&loop);
    return net.count == 0 && TAILQ_EMPTY(&net.conns) ? 0 : -1;
}

static void open_on(int fd, enum transport t)
{
    struct peer p = {.transport = t};

    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(peer, F_SETFL, O_NONBLOCK);
    conn = conn_new(&net, &listener, fd, &p);
    assert_non_null(conn);
    conn_open(conn, &protocol);
    turns(2);
}

static void open_pair(enum transport t)
{
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    peer = fd[1];
    open_on(fd[0], t);
}

/* A real TCP connection over loopback with small buffers. */
static void open_tcp(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int l = socket(AF_INET, SOCK_STREAM, 0), fd;

    assert_int_equal(bind(l, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(l, 1), 0);
    getsockname(l, (struct sockaddr *)&a, &len);
    peer = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(peer, (struct sockaddr *)&a, len), 0);
    fd = accept(l, NULL, NULL);
    close(l);
    open_on(fd, TRANSPORT_TCP);
}

/* Queues n bytes whose value is their place. */
static void queue_bytes(size_t n)
{
    uint8_t *data = malloc(n);

    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)(i * 31 >> 3);
    assert_int_equal(chain_copy(&conn->out, data, n), 0);
    free(data);
    conn_kick(conn);
    turns(1);
}

/* Reads at the peer what there is; returns how much, *end says whether the end came. */
static size_t drain(uint64_t at, bool *end)
{
    static uint8_t buf[1 << 16];
    size_t total = 0;
    ssize_t n;

    while ((n = recv(peer, buf, sizeof buf, 0)) > 0)
        for (ssize_t i = 0; i < n; i++, total++)
            if (buf[i] != (uint8_t)((at + total) * 31 >> 3))
                fail_msg("byte %zu differs", (size_t)at + total);
    if (end)
        *end = n == 0;
    return total;
}

/* --- reading --------------------------------------------------------------------------------- */

static void what_comes_is_read(void **state)
{
    (void)state;
    open_pair(TRANSPORT_UNIX);
    assert_int_equal(send(peer, "hello", 5, 0), 5);
    turns(1);
    assert_int_equal(got_len, 5);
    assert_int_equal(conn_read(conn, got, 1), CONN_AGAIN);
    shutdown(peer, SHUT_WR);
    turns(1);
    assert_int_equal(end_seen, 1);
    assert_int_equal(closed, 0); /* half-closed: the protocol decides */
}

static void readv_fills_the_pieces_in_turn(void **state)
{
    char a[2], b[4];
    struct iovec iov[] = {{a, sizeof a}, {b, sizeof b}};

    (void)state;
    open_pair(TRANSPORT_UNIX);
    conn_want_read(conn, false);
    assert_int_equal(send(peer, "hello", 5, 0), 5);
    turns(2);
    assert_int_equal(got_len, 0); /* not wanted, not read */
    assert_int_equal(conn_readv(conn, iov, 2), 5);
    assert_memory_equal(a, "he", 2);
    assert_memory_equal(b, "llo", 3);
}

static void a_reset_is_the_peers_end(void **state)
{
    struct linger reset = {.l_onoff = 1};

    (void)state;
    open_tcp();
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(peer);
    peer = -1;
    turns(3);
    assert_int_equal(last_read, CONN_ERROR);
    assert_int_equal(closed, 1);
    assert_int_equal(closed_why, CLOSE_PEER_GONE);
}

/* --- writing --------------------------------------------------------------------------------- */

/* The socket takes a part, later the rest; nothing is lost or doubled. */
static void short_writes_lose_nothing(void **state)
{
    enum { N = 1000000 };
    int small = 4096;
    size_t total = 0;

    (void)state;
    open_pair(TRANSPORT_UNIX);
    setsockopt(conn->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    queue_bytes(N);
    assert_true(conn->blocked);
    assert_in_range(conn->out.bytes, 1, N - 1);
    for (int i = 0; total < N && i < 10000; i++, turns(1))
        total += drain(total, NULL);
    assert_int_equal(total, N);
    assert_false(conn->blocked);
    assert_false(ev_is_active(&conn->wr));
}

static void many_small_pieces_go_out_whole(void **state)
{
    size_t total = 0;

    (void)state;
    open_pair(TRANSPORT_UNIX);
    for (size_t i = 0; i < 3 * IOV_MAX_OURS; i++) { /* each in a segment of its own */
        struct seg *s = seg_heap(1);

        s->data[0] = (uint8_t)(i * 31 >> 3);
        assert_int_equal(chain_give(&conn->out, s, s->data, 1), 0);
    }
    conn_kick(conn);
    turns(1);
    total = drain(0, NULL);
    assert_int_equal(total, 3 * IOV_MAX_OURS);
}

/* A writer that always has more gets TURN_BYTES at a time, and queues behind the others. */
/* A pipe with n bytes as of queue_bytes that come behind `from` others, as the connection's tail. */
static int tail_with(size_t from, size_t n)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    for (size_t i = from; i < from + n; i++)
        assert_int_equal(write(fds[1], &(uint8_t){(uint8_t)(i * 31 >> 3)}, 1), 1);
    close(fds[1]);
    conn->tail = (struct conn_pipe){fds[0], n};
    return fds[0];
}

/* The connection is not through before its tail is out, and asks for no more. */
static void a_pipe_is_the_queues_tail(void **state)
{
    size_t total = 0;
    bool end = false;
    int fd;

    (void)state;
    open_pair(TRANSPORT_UNIX);
    setsockopt(conn->fd, SOL_SOCKET, SO_SNDBUF, &(int){4096}, sizeof(int));
    fd = tail_with(30000, 60000);
    to_produce = 1;
    queue_bytes(30000);
    conn_finish(conn);
    for (int i = 0; !end && i < 10000; i++, turns(1))
        total += drain(total, &end);
    assert_int_equal(total, 90000);
    assert_int_equal(to_produce, 1);
    close(fd);
}

static void a_writer_with_more_gets_a_share(void **state)
{
    int large = 4 * 1024 * 1024;

    (void)state;
    open_pair(TRANSPORT_UNIX);
    setsockopt(conn->fd, SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof large);
    to_produce = 3 * TURN_BYTES;
    pump(conn);
    assert_int_equal(to_produce, 2 * TURN_BYTES);
    assert_true(conn->pump.queued);
    turns(5);
    assert_int_equal(to_produce, 0);
}

static void one_write_on_vsock_is_bounded(void **state)
{
    int large = 4 * 1024 * 1024;
    struct iovec iov[4];

    (void)state;
    open_pair(TRANSPORT_VSOCK);
    setsockopt(conn->fd, SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof large);
    assert_true(chain_iov(&conn->out, iov, 4, VSOCK_WRITE_MAX) == 0);
    queue_bytes(100000);
    turns(2);
    assert_int_equal(conn->out.bytes, 0); /* several writes, one turn */
    assert_int_equal(drain(0, NULL), 100000);
}

static void writing_to_a_dead_peer_ends_it(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);              /* main blocks it */
    for (size_t n = 0; n <= 10; n += 10) { /* bytes of the chain; without, of a pipe */
        int fd;

        open_pair(TRANSPORT_UNIX);
        conn_want_read(conn, false);
        close(fd_take(&peer));
        fd = tail_with(0, 10 - n);
        queue_bytes(n);
        turns(2);
        assert_int_equal(closed, 1 + n / 10);
        assert_int_equal(closed_why, CLOSE_PEER_GONE);
        close(fd);
    }
}

/* --- the end in order ------------------------------------------------------------------------ */

static void finish_flushes_and_waits_for_the_peers_end(void **state)
{
    bool end;

    (void)state;
    open_pair(TRANSPORT_UNIX);
    queue_bytes(100);
    conn_finish(conn);
    turns(2);
    assert_int_equal(conn->phase, CONN_LINGERING);
    assert_int_equal(drain(0, &end), 100);
    assert_true(end);
    assert_int_equal(send(peer, "more", 4, MSG_NOSIGNAL), 4); /* nobody wants it, and it is no reset */
    turns(2);
    assert_int_equal(closed, 0);
    assert_int_equal(got_len, 0);
    close(peer);
    peer = -1;
    turns(2);
    assert_int_equal(closed, 1);
    assert_int_equal(closed_why, CLOSE_DONE);
}

static void finishing_waits_for_a_slow_reader(void **state)
{
    int small = 4096;
    size_t total = 0;
    bool end = false;

    (void)state;
    open_pair(TRANSPORT_UNIX);
    setsockopt(conn->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    queue_bytes(100000);
    conn_finish(conn);
    turns(3);
    assert_int_equal(conn->phase, CONN_FINISHING);
    for (int i = 0; !end && i < 10000; i++, turns(1))
        total += drain(total, &end);
    assert_int_equal(total, 100000);
    assert_int_equal(conn->phase, CONN_LINGERING);
}

static void lingering_reads_so_much_and_no_more(void **state)
{
    static char block[8 * KIB];
    int small = 4096;
    size_t sent = 0;
    bool end;

    (void)state;
    open_pair(TRANSPORT_UNIX);
    setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    queue_bytes(100);
    conn_finish(conn);
    turns(2);
    for (int idle = 0; idle < 10 && sent < 4 * LINGER_BYTES; idle++) {
        ssize_t n = send(peer, block, sizeof block, MSG_NOSIGNAL);

        if (n > 0) {
            sent += (size_t)n;
            idle = 0;
        }
        turns(1);
    }
    assert_in_range(sent, LINGER_BYTES, 2 * LINGER_BYTES);
    assert_int_equal(closed, 0); /* no reset: the answer can still be read */
    assert_int_equal(drain(0, &end), 100);
    assert_true(end);
}

static void lingering_ends_after_its_time(void **state)
{
    (void)state;
    open_pair(TRANSPORT_UNIX);
    conn_finish(conn);
    turns(2);
    assert_int_equal(conn->phase, CONN_LINGERING);
    assert_ptr_equal(conn->timeout_in, &net.linger);
    soon(&net.linger, &conn->timeout);
    TURN_UNTIL(closed == 1);
    assert_int_equal(closed_why, CLOSE_TIMEOUT);
}

/* --- the end at once ------------------------------------------------------------------------- */

static void abort_ends_it_once_and_frees_it_at_the_end_of_the_turn(void **state)
{
    struct conn *c;

    (void)state;
    open_pair(TRANSPORT_UNIX);
    c = conn;
    queue_bytes(10);
    conn_abort(c, CLOSE_ERROR);
    conn_abort(c, CLOSE_TIMEOUT);
    assert_int_equal(closed, 0); /* callers up the stack still hold it */
    assert_int_equal(net.count, 0);
    assert_int_equal(conn_read(c, got, 1), CONN_ERROR);
    assert_int_equal(conn_readv(c, NULL, 0), CONN_ERROR);
    conn_finish(c);
    conn_idle(c);
    assert_int_equal(c->phase, CONN_DEAD);
    turns(1);
    assert_int_equal(closed, 1);
    assert_int_equal(closed_why, CLOSE_ERROR);
}

static void abort_from_a_callback_is_safe(void **state)
{
    (void)state;
    open_pair(TRANSPORT_UNIX);
    queue_bytes(1);
    assert_int_equal(send(peer, "x", 1, 0), 1);
    conn_kick(conn);
    conn_abort(conn, CLOSE_ERROR);
    turns(3);
    assert_int_equal(closed, 1);
    assert_int_equal(got_len, 0);
}

static void a_protocol_may_refuse(void **state)
{
    int fd[2];
    char c;

    (void)state;
    refuses = true;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    peer = fd[1];
    open_on(fd[0], TRANSPORT_UNIX);
    conn = NULL;
    assert_int_equal(closed, 0);
    assert_int_equal(net.count, 0);
    assert_int_equal(recv(peer, &c, 1, 0), 0);
}

static void without_memory_there_is_no_connection(void **state)
{
    struct peer p = {.transport = TRANSPORT_UNIX};

    (void)state;
    no_memory = true;
    assert_null(conn_new(&net, &listener, 0, &p));
    assert_int_equal(net.count, 0);
}

/* --- time-outs ------------------------------------------------------------------------------- */

static void an_idle_connection_ends_in_its_time(void **state)
{
    (void)state;
    net.idle.seconds = 0.02;
    open_pair(TRANSPORT_UNIX);
    TURN_UNTIL(closed == 1);
    assert_int_equal(closed_why, CLOSE_TIMEOUT);
}

static void an_active_connection_has_no_time_out(void **state)
{
    (void)state;
    open_pair(TRANSPORT_UNIX);
    soon(&net.idle, &conn->timeout);
    conn_active(conn);
    for (int i = 0; i < 10; i++, turns(1))
        usleep(5000);
    assert_int_equal(closed, 0);
    conn_idle(conn);
    TURN_UNTIL(closed == 1);
}

static void the_protocol_may_answer_a_late_header(void **state)
{
    char buf[8];

    (void)state;
    net.header.seconds = 0.02;
    answers_timeout = true;
    open_pair(TRANSPORT_UNIX);
    conn_await_header(conn);
    TURN_UNTIL(conn->phase == CONN_LINGERING);
    assert_int_equal(recv(peer, buf, sizeof buf, 0), 4);
    assert_memory_equal(buf, "late", 4);
}

/* --- stalls ---------------------------------------------------------------------------------- */

/* Fills the connection's and the peer's buffers. */
static void stall(void)
{
    int small = 4096;

    open_tcp();
    setsockopt(conn->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    queue_bytes(2000000);
    turns(5);
    assert_true(conn->blocked);
    assert_ptr_equal(conn->stall_in, &net.stall);
}

static int looks;

static int dead_by_silence(void *value)
{
    *(struct tcp_info *)value = (struct tcp_info){.tcpi_unacked = 1, .tcpi_last_ack_recv = STALL_LOOK_MS + 1};
    return 0;
}

static int dead_by_probes(void *value)
{
    *(struct tcp_info *)value = (struct tcp_info){.tcpi_probes = 3};
    return 0;
}

static int unknown(void *value)
{
    (void)value;
    errno = EINVAL;
    return -1;
}

static int alive_but_slow(void *value)
{
    /* A zero window that is answered: nothing in flight, though long without a new acknowledgement. */
    *(struct tcp_info *)value = (struct tcp_info){.tcpi_last_ack_recv = 3600000, .tcpi_probes = 2};
    looks++;
    return 0;
}

static void a_dead_peer_is_found(void **state)
{
    static int (*const dead[])(void *) = {dead_by_silence, dead_by_probes, unknown};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(dead); i++) {
        closed = 0;
        stall();
        tcp_info_hook = dead[i];
        soon(&net.stall, &conn->stall);
        TURN_UNTIL(closed == 1);
        assert_int_equal(closed_why, CLOSE_PEER_GONE);
        assert_int_equal(net.stats.dead_peers, i + 1);
        net.stall.seconds = STALL_LOOK_MS / 1000.;
        close(peer);
        peer = -1;
    }
}

static void a_live_peer_that_does_not_read_is_looked_at_again(void **state)
{
    (void)state;
    net.stall_again.seconds = 0.01;
    looks = 0;
    stall();
    tcp_info_hook = alive_but_slow;
    soon(&net.stall, &conn->stall);
    TURN_UNTIL(looks >= 3);
    assert_int_equal(closed, 0);
    assert_int_equal(net.stats.dead_peers, 0);
}

static void the_real_kernel_calls_a_live_peer_alive(void **state)
{
    (void)state;
    stall();
    assert_false(tcp_peer_dead(conn->fd));
}

static void a_peer_that_reads_again_is_not_stalled(void **state)
{
    size_t total = 0;

    (void)state;
    stall();
    for (; total < 2000000; usleep(100), turns(1))
        total += drain(total, NULL);
    assert_false(conn->blocked);
    assert_null(conn->stall_in);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_comes_is_read),
        T(readv_fills_the_pieces_in_turn),
        T(a_reset_is_the_peers_end),
        T(short_writes_lose_nothing),
        T(many_small_pieces_go_out_whole),
        T(a_pipe_is_the_queues_tail),
        T(a_writer_with_more_gets_a_share),
        T(one_write_on_vsock_is_bounded),
        T(writing_to_a_dead_peer_ends_it),
        T(finish_flushes_and_waits_for_the_peers_end),
        T(finishing_waits_for_a_slow_reader),
        T(lingering_reads_so_much_and_no_more),
        T(lingering_ends_after_its_time),
        T(abort_ends_it_once_and_frees_it_at_the_end_of_the_turn),
        T(abort_from_a_callback_is_safe),
        T(a_protocol_may_refuse),
        T(without_memory_there_is_no_connection),
        T(an_idle_connection_ends_in_its_time),
        T(an_active_connection_has_no_time_out),
        T(the_protocol_may_answer_a_late_header),
        T(a_dead_peer_is_found),
        T(a_live_peer_that_does_not_read_is_looked_at_again),
        T(the_real_kernel_calls_a_live_peer_alive),
        T(a_peer_that_reads_again_is_not_stalled),
    };

    return RUN(tests);
}
