/* A relay between socket pairs: bytes, ends and resets pass, and a side that does not read stops the other. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/relay.c"

static struct relay r;
static int out[2]; /* our ends: what is written to one is read from the other */

static int setup(void **state)
{
    int fd[2], ends[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) < 0)
            return -1;
        ends[i] = fd[0];
        out[i] = fd[1];
    }
    return relay_open(&r, ends[0], ends[1]);
}

static int teardown(void **state)
{
    (void)state;
    relay_close(&r);
    fd_close(&out[0]);
    fd_close(&out[1]);
    return 0;
}

/* Turns until there is nothing to do. Returns what relay_move returned last. */
static bool turn_all(void)
{
    struct pollfd p[2];
    bool goes_on = true;

    for (int i = 0; i < 10000 && goes_on; i++) {
        relay_poll(&r, p);
        if (poll(p, 2, 0) <= 0)
            return true;
        goes_on = relay_move(&r, p);
    }
    return goes_on;
}

static void bytes_go_both_ways(void **state)
{
    char buf[8];

    (void)state;
    assert_int_equal(write(out[0], "ab", 2), 2);
    assert_int_equal(write(out[1], "xyz", 3), 3);
    assert_true(turn_all());
    assert_int_equal(read(out[1], buf, sizeof buf), 2);
    assert_memory_equal(buf, "ab", 2);
    assert_int_equal(read(out[0], buf, sizeof buf), 3);
    assert_memory_equal(buf, "xyz", 3);
}

static void the_end_of_one_direction_leaves_the_other(void **state)
{
    char buf[8];

    (void)state;
    assert_int_equal(write(out[0], "ab", 2), 2);
    shutdown(out[0], SHUT_WR);
    assert_true(turn_all());
    assert_int_equal(read(out[1], buf, sizeof buf), 2);
    assert_int_equal(read(out[1], buf, sizeof buf), 0);
    assert_int_equal(write(out[1], "late", 4), 4);
    assert_true(turn_all());
    assert_int_equal(read(out[0], buf, sizeof buf), 4);
    shutdown(out[1], SHUT_WR);
    assert_false(turn_all());
    assert_int_equal(read(out[0], buf, sizeof buf), 0);
}

static void a_side_that_does_not_read_stops_the_other(void **state)
{
    static uint8_t block[65536];
    size_t sent = 0;
    ssize_t n;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        while ((n = write(out[0], block, sizeof block)) > 0)
            sent += (size_t)n;
        assert_int_equal(errno, EAGAIN);
        turn_all();
    }
    assert_in_range(sent, RELAY_BUFFER, 4 << 20); /* two sockets' buffers, and ours */
    while (sent > 0) {                            /* and it all comes, once it is read */
        if ((n = read(out[1], block, sizeof block)) > 0)
            sent -= (size_t)n;
        else
            turn_all();
    }
}

/* What waits for its taker is not overwritten, though its source has more and its other direction is moving. */
static void bytes_that_wait_stay(void **state)
{
    uint32_t sent[2] = {0, 0}, seen[2] = {0, 0}, n;

    (void)state;
    for (int round = 0; round < 100; round++)
        for (int i = 0; i < 2; i++) {
            while (write(out[i], &sent[i], sizeof n) == (ssize_t)sizeof n)
                sent[i]++;
            turn_all();
        }
    assert_true(sent[0] > 10000 && sent[1] > 10000);
    while (seen[0] < sent[1] || seen[1] < sent[0]) {
        for (int i = 0; i < 2; i++)
            for (int k = 0; k < 500 && read(out[i], &n, sizeof n) == (ssize_t)sizeof n; k++)
                assert_int_equal(n, seen[i]++);
        turn_all();
    }
}

/* Closed altogether it takes nothing any more either: nobody waits for the other side, which may be silent for ever. */
static void a_side_that_is_gone_ends_the_other(void **state)
{
    char buf[8];

    (void)state;
    assert_int_equal(write(out[0], "ab", 2), 2);
    fd_close(&out[0]);
    assert_false(turn_all());
    assert_int_equal(read(out[1], buf, sizeof buf), 2); /* what it said before is passed on, and its end */
    assert_int_equal(read(out[1], buf, sizeof buf), 0);
}

static void a_side_that_takes_nothing_may_still_speak(void **state)
{
    char buf[8];

    (void)state;
    shutdown(out[1], SHUT_RD);
    assert_int_equal(write(out[0], "ab", 2), 2);
    assert_true(turn_all());
    assert_int_equal(write(out[1], "still", 5), 5);
    assert_true(turn_all());
    assert_int_equal(read(out[0], buf, sizeof buf), 5);
    shutdown(out[1], SHUT_WR);
    assert_false(turn_all());
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(bytes_go_both_ways),
        T(the_end_of_one_direction_leaves_the_other),
        T(a_side_that_does_not_read_stops_the_other),
        T(bytes_that_wait_stay),
        T(a_side_that_is_gone_ends_the_other),
        T(a_side_that_takes_nothing_may_still_speak),
    };

    return RUN(tests);
}
