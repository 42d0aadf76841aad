/* A connection of HTTP/2: its beginning, its time-outs and its ends. */
#include "h2_rig.h"

/* The preface may come in pieces of any size. */
static void byte_by_byte(void **state)
{
    const uint8_t *out;
    ssize_t n;
    int32_t id = h2_ask(&c, "GET", "/hello");

    (void)state;
    while ((n = nghttp2_session_mem_send(c.session, &out)) > 0)
        for (ssize_t i = 0; i < n; i++)
            rig_send(&r, c.fd, out + i, 1);
    h2_run(&c);
    assert_int_equal(answer(id)->status, 200);
}

/* A connection that has spoken HTTP/1 goes on with it. */
static void not_after_http_1(void **state)
{
    char got[1000];
    bool ended;
    int fd = rig_connect(&r);

    (void)state;
    rig_talk(&r, fd, "GET /host HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, &ended);
    rig_talk(&r, fd, H2_PREFACE, got, sizeof got, &ended);
    assert_memory_equal(got, "HTTP/1.1 400 ", 13);
    assert_true(ended);
    close(fd);
    fd = rig_connect(&r);
    rig_talk(&r, fd, "PRI /x HTTP/2.0\r\n\r\nSM\r\n\r\n", got, sizeof got, &ended);
    assert_true(ended);
    assert_string_equal(got, "");
    close(fd);
}

static void a_client_that_goes_cancels_all(void **state)
{
    (void)state;
    streams[0].left = -1;
    h2_ask(&c, "GET", "/stream");
    h2_run(&c);
    shutdown(c.fd, SHUT_RDWR);
    rig_turns(&r, 4);
    assert_int_equal(cancelled, CLOSE_PEER_GONE);
    assert_int_equal(cancels, 1);
    assert_int_equal(destroyed, 1);
    assert_int_equal(r.net.count, 0);
}

static void shuts_down_in_order(void **state)
{
    struct h2_client idle;
    int32_t a = h2_ask(&c, "GET", "/stream"), b,
            slow = h2_ask_with(&c, "POST", "/hold", NULL, NULL, "", 0, true);

    (void)state;
    h2_open(&idle, &r);
    h2_ask(&idle, "GET", "/host");
    h2_run(&idle);
    streams[0].left = -1;
    h2_run(&c);
    net_unlisten(&r.net);
    b = h2_ask(&c, "GET", "/stream"); /* is on its way when the agent begins to end */
    net_shutdown(&r.net);
    h2_run(&idle);
    assert_int_equal(idle.goaways, 1);
    assert_int_equal(idle.goaway_last, 1);
    assert_true(idle.gone);
    h2_run(&c);
    assert_true(streams[0].shut);
    assert_true(answer(a)->closed && answer(a)->error == NGHTTP2_NO_ERROR); /* whole */
    assert_true(answer(b)->closed && answer(b)->error == NGHTTP2_REFUSED_STREAM);
    assert_int_equal(c.goaways, 2);
    assert_int_equal(c.goaway_error, NGHTTP2_NO_ERROR);
    assert_false(c.gone);
    http_reply_text(held, 200, "done");
    h2_run(&c);
    assert_string_equal(answer(slow)->body, "done");
    ev_sleep(LINGER_MS / 1000. + 0.1); /* its request is still not complete */
    h2_run(&c);
    assert_true(c.gone);
    assert_int_equal(cancels, 0);
    h2_shut(&idle);
}

/* Who is idle longest makes room, and is told. */
static void an_idle_connection_makes_room(void **state)
{
    int fds[100];

    (void)state;
    get("GET", "/control");
    for (int i = 0; i < 100; i++)
        fds[i] = rig_connect(&r);
    h2_run(&c);
    assert_int_equal(r.net.stats.evicted, 1);
    assert_int_equal(c.goaways, 1);
    assert_int_equal(c.goaway_error, NGHTTP2_NO_ERROR);
    assert_true(c.gone);
    for (int i = 0; i < 100; i++)
        close(fds[i]);
    rig_turns(&r, 300);
}

static void the_last_connections_are_for_control(void **state)
{
    int fds[80];
    struct h2_client last;

    (void)state;
    for (int i = 0; i < 80; i++)
        fds[i] = rig_connect(&r);
    h2_open(&last, &r);
    h2_ask(&last, "GET", "/hello");
    h2_ask(&last, "GET", "/control");
    h2_run(&last);
    assert_int_equal(h2_answer(&last, 1)->status, 503);
    assert_int_equal(h2_answer(&last, 3)->status, 200);
    h2_shut(&last);
    for (int i = 0; i < 80; i++)
        close(fds[i]);
    rig_turns(&r, 300);
}

/* A header of which only the beginning comes is not waited for as long as an idle connection is. */
static void half_a_header(void **state)
{
    (void)state;
    h2_run(&c);
    assert_ptr_equal(TAILQ_FIRST(&r.net.conns)->timeout_in, &r.net.idle);
    h2_raw(&c, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, GET, sizeof GET - 1, 1);
    assert_ptr_equal(TAILQ_FIRST(&r.net.conns)->timeout_in, &r.net.header);
    h2_raw(&c, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, "", 0, 1);
    h2_run(&c);
    assert_ptr_equal(TAILQ_FIRST(&r.net.conns)->timeout_in, &r.net.idle);
    streams[0].left = -1;
    h2_raw(&c, NGHTTP2_HEADERS, 5, 3, GET_STREAM, sizeof GET_STREAM - 1, 1);
    h2_run(&c);
    assert_int_equal(session()->count, 1);
    assert_null(TAILQ_FIRST(&r.net.conns)->timeout_in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(byte_by_byte),
        T(not_after_http_1),
        T(a_client_that_goes_cancels_all),
        T(shuts_down_in_order),
        T(an_idle_connection_makes_room),
        T(the_last_connections_are_for_control),
        T(half_a_header),
    };

    return RUN(tests);
}
