#include "http/client.h"

#include "peer.h"
#include "test.h"

static struct loop loop;
static struct peer peer;
static struct http_client client;
static unsigned answers, failures;
static struct err failure;

static void on_answered(struct http_client *c)
{
    (void)c;
    answers++;
}

static void on_failed(struct http_client *c, const struct err *e)
{
    (void)c;
    failures++;
    failure = *e;
}

static int setup(void **state)
{
    (void)state;
    answers = failures = 0;
    assert_int_equal(loop_init(&loop), 0);
    peer_open(&peer, &loop);
    http_client_init(&client, &loop);
    client.answered = on_answered;
    client.failed = on_failed;
    client.timeout_ms = 60000;
    client.answer_max = 64;
    http_client_set_address(&client, &peer.address, "peer");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_client_close(&client);
    assert_int_equal(client.fd, -1);
    peer_close(&peer);
    loop_destroy(&loop);
    return 0;
}

static void get(const char *target)
{
    http_client_ask(&client, "GET", target, NULL, 0, NULL, (struct bytes){NULL, 0});
}

static void a_request_has_its_parts(void **state)
{
    static const struct http_client_field fields[] = {{"A", "1"}, {"B", "2"}};

    (void)state;
    get("/x");
    assert_string_equal(peer_read(&peer), "GET /x HTTP/1.1\r\nHost: peer\r\n\r\n");
    peer_answer(&peer, 200, "one");
    http_client_ask(&client, "PUT", "/", fields, 2, NULL, (struct bytes){NULL, 0});
    assert_string_equal(peer_read(&peer),
                        "PUT / HTTP/1.1\r\nHost: peer\r\nA: 1\r\nB: 2\r\nContent-Length: 0\r\n\r\n");
    peer_answer(&peer, 204, "");
    http_client_ask(&client, "POST", "/", NULL, 0, HTTP_MEDIA_JSON, BYTES_LIT("{}"));
    assert_string_equal(peer_read(&peer),
                        "POST / HTTP/1.1\r\nHost: peer\r\nContent-Type: application/json\r\n"
                        "Content-Length: 2\r\n\r\n{}");
    assert_int_equal(client.state, HTTP_CLIENT_RECEIVING);
}

static void one_connection_carries_many_answers(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 3; i++) {
        get("/");
        peer_read(&peer);
        peer_answer(&peer, 200, "body");
        assert_int_equal(answers, i);
        assert_int_equal(client.answer.status, 200);
        assert_memory_equal(client.answer.body, "body", 4);
        assert_int_equal(client.state, HTTP_CLIENT_IDLE);
        assert_false(ev_is_active(&client.timeout));
    }
    assert_int_equal(peer.taken, 1);
}

static void a_connection_that_was_closed_meanwhile_is_replaced(void **state)
{
    (void)state;
    get("/1");
    peer_read(&peer);
    peer_answer(&peer, 200, "");
    peer_hang_up(&peer);
    get("/2"); /* in the same turn: it has not been seen to be closed */
    assert_string_equal(peer_read(&peer), "GET /2 HTTP/1.1\r\nHost: peer\r\n\r\n");
    peer_answer(&peer, 200, "");
    assert_int_equal(answers, 2);
    peer_hang_up(&peer);
    peer_turns(&peer, 3);
    assert_int_equal(client.fd, -1); /* in its own time it is seen */
    assert_int_equal(failures, 0);
}

static void a_new_connection_that_ends_is_a_failure(void **state)
{
    (void)state;
    get("/");
    peer_read(&peer);
    peer_hang_up(&peer);
    peer_turns(&peer, 4);
    assert_int_equal(failures, 1);
    assert_int_equal(peer.taken, 1);
    assert_int_equal(client.state, HTTP_CLIENT_IDLE);
}

static void an_answer_that_began_is_not_asked_for_again(void **state)
{
    (void)state;
    get("/1");
    peer_read(&peer);
    peer_answer(&peer, 200, "");
    get("/2");
    peer_read(&peer);
    peer_say(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    peer_hang_up(&peer);
    peer_read(&peer);
    assert_int_equal(failures, 1);
    assert_int_equal(peer.taken, 1);
}

static void what_comes_behind_an_answer_ends_the_connection(void **state)
{
    (void)state;
    get("/");
    peer_read(&peer);
    peer_say(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n");
    assert_int_equal(answers, 1);
    assert_int_equal(client.fd, -1);
    get("/");
    peer_read(&peer);
    peer_answer(&peer, 200, "");
    peer_say(&peer, "more"); /* and while nothing is asked */
    assert_int_equal(client.fd, -1);
    assert_int_equal(failures, 0);
}

static void an_answer_may_be_too_long_or_none(void **state)
{
    char body[66];

    (void)state;
    memset(body, 'x', sizeof body);
    body[65] = 0;
    get("/");
    peer_read(&peer);
    peer_answer(&peer, 200, body);
    assert_int_equal(failures, 1);
    assert_int_equal(failure.status, STATUS_RESOURCE_EXHAUSTED);
    get("/");
    peer_read(&peer);
    peer_say(&peer, "what?\r\n\r\n");
    assert_int_equal(failures, 2);
    assert_non_null(strstr(failure.text, "peer: the answer is not HTTP"));
}

static void a_failure_to_connect_is_told_in_a_turn_of_its_own(void **state)
{
    (void)state;
    peer_close(&peer);
    get("/");
    assert_int_equal(failures, 0);
    peer_turns(&peer, 2);
    assert_int_equal(failures, 1);
    assert_int_equal(failure.errnum, ENOENT);
    assert_int_equal(client.fd, -1);
    peer_open(&peer, &loop);
}

static void time_is_bounded(void **state)
{
    (void)state;
    client.timeout_ms = 20;
    get("/");
    peer_read(&peer);
    for (int i = 0; i < 1000 && failures == 0; i++) {
        usleep(1000);
        peer_turns(&peer, 1);
    }
    assert_int_equal(failures, 1);
    assert_int_equal(failure.status, STATUS_DEADLINE_EXCEEDED);
    assert_string_equal(failure.text, "no answer from peer within 20 ms");
}

static void a_closed_client_says_nothing(void **state)
{
    (void)state;
    get("/");
    http_client_close(&client);
    peer_read(&peer);
    get("/");
    peer_read(&peer);
    http_client_close(&client);
    peer_turns(&peer, 4);
    assert_int_equal(answers + failures, 0);
    get("/");
    peer_read(&peer);
    peer_answer(&peer, 200, "");
    assert_int_equal(answers, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_request_has_its_parts),
        T(one_connection_carries_many_answers),
        T(a_connection_that_was_closed_meanwhile_is_replaced),
        T(a_new_connection_that_ends_is_a_failure),
        T(an_answer_that_began_is_not_asked_for_again),
        T(what_comes_behind_an_answer_ends_the_connection),
        T(an_answer_may_be_too_long_or_none),
        T(a_failure_to_connect_is_told_in_a_turn_of_its_own),
        T(time_is_bounded),
        T(a_closed_client_says_nothing),
    };

    return RUN(tests);
}
