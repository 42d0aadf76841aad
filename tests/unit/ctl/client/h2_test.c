/* HTTP/2 against nghttp2's server: whole, reset, flooded, and something else than HTTP/2. */
#include "test.h"

#include "h2_rig.h"

#include "rpc/envelope.h"

/* One connection carries one call after the other, also after one that was given up. */
static void calls_follow_one_another(void **state)
{
    char all[256];

    (void)state;
    for (int i = 0; i < 5; i++) {
        grpc_answers(BYTES("\0\0\0\0\2ab"), "0");
        server.trailer[1] = i % 2 ? "0" : "5";
        assert_true(wire_ready(&w));
        assert_int_equal(run(&grpc, all), i % 2 ? 2 : -1);
        assert_string_equal(all, "ab;");
        server.status = NULL;
        call_close(&c);
        assert_int_equal(call_begin(&c, &w, &grpc, NULL, &e.err), 0);
        assert_int_equal(call_send(&c, (struct bytes){"abc", 3}, &e.err), 0);
        serve();
        call_cancel(&c);
        server.reset = 0;
        serve();
        assert_int_equal(server.reset, NGHTTP2_CANCEL + 1);
        assert_false(server.complete);
    }
}

static void a_reset_says_why(void **state)
{
    static const struct {
        uint32_t code;
        enum status status;
    } cases[] = {
        {NGHTTP2_NO_ERROR, STATUS_INTERNAL},
        {NGHTTP2_INTERNAL_ERROR, STATUS_INTERNAL},
        {NGHTTP2_REFUSED_STREAM, STATUS_UNAVAILABLE},
        {NGHTTP2_CANCEL, STATUS_CANCELED},
        {NGHTTP2_ENHANCE_YOUR_CALM, STATUS_RESOURCE_EXHAUSTED},
        {NGHTTP2_INADEQUATE_SECURITY, STATUS_PERMISSION_DENIED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char all[256];

        grpc_answers(BYTES("\0\0\0\0\1a"), "0");
        server.reset_with = (int32_t)cases[i].code;
        assert_int_equal(run(&grpc, all), -1);
        assert_int_equal(e.err.status, cases[i].status);
        assert_false(e.from_agent);
        teardown(state);
        assert_int_equal(setup(state), 0);
    }
}

/* More than any window, both ways: nothing is lost, and the server's windows are kept. */
static void large_messages_pass_the_windows(void **state)
{
    enum { N = 3000000 };
    char *bytes = calloc(1, N + ENVELOPE_SIZE);
    struct bytes message;
    int got;

    (void)state;
    grpc_answers(bytes, N + ENVELOPE_SIZE, "0");
    envelope_encode(0, N, (uint8_t *)bytes);
    assert_int_equal(call_begin(&c, &w, &grpc, &(struct bytes){bytes, N}, &e.err), 0);
    assert_true(wire_unsent(&w) > 0);
    while ((got = call_next(&c, &message, &e)) == 0) {
        serve();
        call_turn(&c);
    }
    assert_int_equal(got, 1);
    assert_int_equal(message.len, N);
    assert_int_equal(server.body, N + ENVELOPE_SIZE);
    free(bytes);
}

/* Requests go out as they are made, and the answers come between them. */
static void a_stream_goes_both_ways(void **state)
{
    (void)state;
    assert_int_equal(call_begin(&c, &w, &grpc, NULL, &e.err), 0);
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(call_send(&c, (struct bytes){"abc", 3}, &e.err), 0);
        serve();
        call_turn(&c);
        assert_int_equal(server.body, i * 8);
    }
    assert_false(server.complete);
    call_end(&c);
    serve();
    assert_true(server.complete);
}

static void something_else_than_http2_is_no_agent(void **state)
{
    static const char *const others[] = {"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
                                         "SSH-2.0-OpenSSH_9.2\r\n"};

    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct bytes message;

        assert_int_equal(call_begin(&c, &w, &grpc, &(struct bytes){"", 0}, &e.err), 0);
        assert_true(send(server.fd, others[i], strlen(others[i]), 0) > 0);
        assert_int_equal(call_receive(&c, &message, &e), -1);
        assert_string_equal(e.err.text, "agent: not an agent: it does not answer in HTTP/2");
        assert_false(e.from_agent);
        teardown(state);
        assert_int_equal(setup(state), 0);
    }
}

/* A server that only pings gets no more answers than are bounded; one that sends endless headers is refused. */
static void floods_end_the_connection(void **state)
{
    static const uint8_t settings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0}, ping[17] = {0, 0, 8, 6, 0, 0, 0, 0, 0};
    /* HEADERS of stream 1 without END_HEADERS, and CONTINUATIONs without end */
    static const uint8_t headers[10] = {0, 0, 1, 1, 0, 0, 0, 0, 1, 0x88},
                         more[9] = {0, 0, 0, 9, 0, 0, 0, 0, 1};

    for (int i = 0; i < 2; i++) {
        const uint8_t *frame = i ? more : ping;
        size_t len = i ? sizeof more : sizeof ping, n = 0;

        assert_int_equal(call_begin(&c, &w, &grpc, &(struct bytes){"", 0}, &e.err), 0);
        assert_int_equal(wire_receive(&w, settings, sizeof settings, &e.err), 0);
        if (i)
            assert_int_equal(wire_receive(&w, headers, sizeof headers, &e.err), 0);
        while (n < 100000 && wire_receive(&w, frame, len, &e.err) == 0)
            n++;
        assert_in_range(n, 1, 20000);
        assert_in_range(buffer_len(&w.out), 0, 1 << 18);
        teardown(state);
        assert_int_equal(setup(state), 0);
    }
}

static void a_goaway_ends_the_use_of_the_connection(void **state)
{
    char all[256];

    (void)state;
    grpc_answers(BYTES("\0\0\0\0\1a"), "0");
    assert_int_equal(run(&grpc, all), 2);
    assert_true(wire_ready(&w));
    nghttp2_submit_goaway(server.session, 0, server.stream, NGHTTP2_NO_ERROR, NULL, 0);
    serve();
    call_close(&c);
    assert_int_equal(call_begin(&c, &w, &grpc, &(struct bytes){"", 0}, &e.err), 0);
    assert_int_equal(call_receive(&c, &(struct bytes){0}, &e), -1);
    assert_int_equal(e.err.status, STATUS_UNAVAILABLE);
    assert_false(wire_ready(&w));
}

static void connect_speaks_http2_too(void **state)
{
    const struct call_spec unary = {.unary = true, .method = "x.Y/Z"}, stream = {.method = "x.Y/Z"};
    char all[256];

    (void)state;
    server.status = "200";
    server.type = "application/proto";
    server.bytes = "abc";
    server.len = 3;
    assert_int_equal(run(&unary, all), 2);
    assert_string_equal(all, "abc;");
    server.type = "application/connect+proto";
    server.bytes = "\0\0\0\0\1a\2\0\0\0\2{}";
    server.len = 13;
    assert_int_equal(run(&stream, all), 2);
    assert_string_equal(all, "a;");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(calls_follow_one_another),
        T(a_reset_says_why),
        T(large_messages_pass_the_windows),
        T(a_stream_goes_both_ways),
        T(something_else_than_http2_is_no_agent),
        T(floods_end_the_connection),
        T(a_goaway_ends_the_use_of_the_connection),
        T(connect_speaks_http2_too),
    };

    return RUN(tests);
}
