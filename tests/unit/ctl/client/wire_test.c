/* The connection, whatever it speaks: a socket that takes little, closes, or says nothing. */
#include "test.h"

#include "wire_rig.h"

#include "core/limits.h"

static void nothing_is_waited_for(void **state)
{
    (void)state;
    assert_int_equal(begin(bytes_of("abc"), false), 0);
    assert_int_equal(wire_step(&w, &e), 0);
    assert_int_equal(wire_poll(&w).events, POLLIN);
    assert_false(wire_ready(&w));
}

/* A request that is larger than what the socket takes is sent to its end. */
static void short_writes_lose_nothing(void **state)
{
    enum { N = 2000000 };
    char *body = malloc(N), *got = malloc(N + 4096);
    size_t len = 0;
    bool waited = false;

    (void)state;
    memset(body, 'b', N);
    assert_int_equal(begin((struct bytes){body, N}, false), 0);
    while (wire_unsent(&w) > 0 || recv(peer, got, 1, MSG_DONTWAIT | MSG_PEEK) > 0) {
        ssize_t n;

        waited |= wire_poll(&w).events & POLLOUT;
        assert_int_equal(wire_step(&w, &e), 0);
        n = recv(peer, got + len, N + 4096 - len, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
    }
    assert_true(waited);
    assert_memory_equal(got, "POST /x HTTP/1.1\r\nhost: guestd\r\ncontent-length: 2000000\r\n\r\n", 59);
    assert_int_equal(len, 59 + N);
    assert_memory_equal(got + 59, body, N);
    free(body);
    free(got);
}

/* A server that reads no more may have said why. */
static void an_answer_before_the_request_is_sent_counts(void **state)
{
    static char body[4000000];

    (void)state;
    assert_int_equal(begin((struct bytes){body, sizeof body}, false), 0);
    say("HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n");
    shutdown(peer, SHUT_RD);
    assert_int_equal(wire_step(&w, &e), 1);
    assert_int_equal(w.status, 413);
}

static void a_closed_connection_is_told(void **state)
{
    static const char *const cut[] = {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"};

    for (size_t i = 0; i < ARRAY_LEN(cut); i++) {
        int ret;

        assert_int_equal(begin(bytes_of(""), false), 0);
        say(cut[i]);
        fd_close(&peer);
        while ((ret = wire_step(&w, &e)) == 0)
            ;
        assert_int_equal(ret, -1);
        assert_int_equal(e.status, STATUS_UNAVAILABLE);
        assert_string_equal(e.text, "agent: the connection was closed; the agent or its guest has ended");
        teardown(state);
        assert_int_equal(setup(state), 0);
    }
}

static void what_is_too_large_is_refused(void **state)
{
    char *answer = calloc(1, 100000);

    memset(answer, 'x', 99999);
    memcpy(answer, "HTTP/1.1 200 OK\r\nx: ", 20); /* a field beyond HEADER_MAX */
    assert_int_equal(begin(bytes_of(""), false), 0);
    assert_int_equal(wire_receive(&w, (uint8_t *)answer, 99999, &e), -1);
    assert_int_equal(e.status, STATUS_UNKNOWN);
    teardown(state);

    assert_int_equal(setup(state), 0);
    w.in_max = 10000;
    memcpy(answer, "HTTP/1.1 200 OK\r\n\r\n", 19);
    assert_int_equal(begin(bytes_of(""), false), 0);
    assert_int_equal(wire_receive(&w, (uint8_t *)answer, 19 + 10000, &e), 0);
    assert_int_equal(wire_receive(&w, (uint8_t *)answer + 19, 1, &e), -1);
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(buffer_len(&w.in), 10000);
    free(answer);
}

static void a_given_up_exchange_closes_the_connection(void **state)
{
    char c;

    (void)state;
    assert_int_equal(begin(bytes_of(""), true), 0);
    wire_cancel(&w);
    assert_false(wire_ready(&w));
    while (recv(peer, &c, 1, 0) > 0)
        ;
    assert_int_equal(wire_poll(&w).fd, -1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nothing_is_waited_for),
        T(short_writes_lose_nothing),
        T(an_answer_before_the_request_is_sent_counts),
        T(a_closed_connection_is_told),
        T(what_is_too_large_is_refused),
        T(a_given_up_exchange_closes_the_connection),
    };

    return RUN(tests);
}
