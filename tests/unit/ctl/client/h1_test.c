/* What HTTP/1.1 makes of requests and answers. */
#include "test.h"

#include "wire_rig.h"

static void a_body_that_comes_in_pieces_is_chunked(void **state)
{
    char got[256] = "";

    (void)state;
    assert_int_equal(http_fields_add(&fields, "X-Field", bytes_of("value")), 0);
    assert_int_equal(begin(bytes_of(""), true), 0);
    assert_int_equal(wire_send(&w, "abc", 3, &e), 0);
    assert_int_equal(wire_send(&w, "0123456789abcdef", 16, &e), 0);
    assert_int_equal(wire_end(&w, &e), 0);
    assert_int_equal(wire_step(&w, &e), 0);
    assert_true(recv(peer, got, sizeof got - 1, 0) > 0);
    assert_string_equal(
        got, "POST /x HTTP/1.1\r\nhost: guestd\r\nx-field: value\r\ntransfer-encoding: chunked\r\n\r\n"
             "3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
}

/* 100 Continue comes first, and nothing else for a while. */
static void continue_is_not_the_answer(void **state)
{
    (void)state;
    assert_int_equal(begin(bytes_of(""), false), 0);
    say("HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n");
    assert_int_equal(wire_step(&w, &e), 0);
    assert_int_equal(w.status, 0);
    say("HTTP/1.1 204 No Content\r\nX-Empty:\r\nX-Late: 2\r\n\r\n");
    assert_int_equal(wire_step(&w, &e), 1);
    assert_int_equal(w.status, 204);
    assert_int_equal(w.head.count, 2);
    assert_true(bytes_are(http_fields_get(&w.head, "x-empty"), ""));
    assert_true(bytes_are(http_fields_get(&w.head, "x-late"), "2"));
    assert_true(wire_ready(&w));
}

static void exchanges_follow_one_another(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(wire_ready(&w));
        assert_int_equal(begin(bytes_of("x"), false), 0);
        say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: 7\r\n\r\n");
        assert_int_equal(wire_step(&w, &e), 1);
        assert_memory_equal(buffer_bytes(&w.in).ptr, "abc", 3);
        assert_int_equal(buffer_len(&w.in), 3);
        assert_true(bytes_are(http_fields_get(&w.trailer, "x-trailer"), "7"));
        assert_int_equal(w.head.count, 1);
    }
}

/* After these no other exchange may be tried on the connection. */
static void a_connection_that_ends_is_not_used_again(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny",
    };

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        assert_int_equal(begin(bytes_of(""), false), 0);
        say(answers[i]);
        assert_int_equal(wire_step(&w, &e), 1);
        assert_int_equal(buffer_len(&w.in), 1);
        assert_false(wire_ready(&w));
        teardown(state);
        assert_int_equal(setup(state), 0);
    }
}

/* A body without a length goes on until the connection ends. */
static void the_end_of_the_connection_may_be_that_of_the_body(void **state)
{
    (void)state;
    assert_int_equal(begin(bytes_of(""), false), 0);
    say("HTTP/1.1 200 OK\r\n\r\nabc");
    assert_int_equal(wire_step(&w, &e), 0);
    shutdown(peer, SHUT_WR);
    assert_int_equal(wire_step(&w, &e), 1);
    assert_int_equal(buffer_len(&w.in), 3);
    assert_false(wire_ready(&w));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_body_that_comes_in_pieces_is_chunked),
        T(continue_is_not_the_answer),
        T(exchanges_follow_one_another),
        T(a_connection_that_ends_is_not_used_again),
        T(the_end_of_the_connection_may_be_that_of_the_body),
    };

    return RUN(tests);
}
