#include "system/mmds.h"

#include "core/log.h"
#include "peer.h"
#include "rpc/codec/json.h"
#include "test.h"

static struct loop loop;
static struct peer peer;
static struct mmds mmds;
static unsigned found, none;

static struct waiter {
    struct mmds_wait wait;
    unsigned answers;
    const struct mmds_data *data;
} waiters[2];

static void on_found(struct mmds *d, const struct mmds_data *m)
{
    (void)d;
    (void)m;
    found++;
}

static void on_none(struct mmds *d)
{
    (void)d;
    none++;
}

static void on_answered(struct mmds_wait *w, const struct mmds_data *m)
{
    struct waiter *me = CONTAINER_OF(w, struct waiter, wait);

    me->answers++;
    me->data = m;
}

static int setup(void **state)
{
    (void)state;
    log_init(LOG_OFF, LOG_TEXT, false);
    json_init();
    found = none = 0;
    assert_int_equal(loop_init(&loop), 0);
    peer_open(&peer, &loop);
    mmds_init(&mmds, &loop);
    mmds.found = on_found;
    mmds.none = on_none;
    http_client_set_address(&mmds.client, &peer.address, "169.254.169.254");
    memset(waiters, 0, sizeof waiters);
    waiters[0].wait.answered = waiters[1].wait.answered = on_answered;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mmds_destroy(&mmds);
    peer_close(&peer);
    loop_destroy(&loop);
    return 0;
}

/* The two requests of an ask, answered with these data. */
static void serve(const char *data)
{
    assert_string_equal(peer_read(&peer), "PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\n"
                                          "X-metadata-token-ttl-seconds: 60\r\nContent-Length: 0\r\n\r\n");
    peer_answer(&peer, 200, "secret");
    assert_string_equal(peer_read(&peer),
                        "GET / HTTP/1.1\r\nHost: 169.254.169.254\r\nX-metadata-token: secret\r\n"
                        "Accept: application/json\r\n\r\n");
    peer_answer(&peer, 200, data);
}

/* Whether the next look comes, before long. */
static bool looks_again(void)
{
    for (int i = 0; i < 2000; i++) {
        usleep(1000);
        peer_turns(&peer, 1);
        if (mmds.asking)
            return true;
    }
    return false;
}

static void a_poll_ends_with_the_first_name(void **state)
{
    (void)state;
    mmds_poll(&mmds);
    mmds_poll(&mmds);
    serve("{\"instanceID\":\"i\"}");
    assert_int_equal(found, 1);
    assert_int_equal(none, 0);
    assert_false(mmds.polling);
    assert_false(ev_is_active(&mmds.tick));
    assert_int_equal(mmds.client.fd, -1);
    assert_int_equal(peer.taken, 1);
}

static void a_poll_goes_on_until_there_is_one(void **state)
{
    (void)state;
    mmds_poll(&mmds);
    serve("{}");
    assert_true(mmds.polling);
    assert_true(looks_again());
    peer_read(&peer);
    peer_answer(&peer, 500, "");
    assert_int_equal(mmds.tick_ms, 4 * MMDS_TICK_MS);
    assert_true(looks_again());
    serve("{\"instanceID\":\"i\"}");
    assert_int_equal(found, 1);
    assert_false(mmds.polling);
}

static void a_poll_ends_with_its_time(void **state)
{
    (void)state;
    mmds_poll(&mmds);
    mmds.poll_until_ms = 0;
    serve("{}");
    assert_false(mmds.polling);
    assert_int_equal(none, 1);
    mmds_poll(&mmds); /* another one may begin */
    serve("{\"instanceID\":\"i\"}");
    assert_int_equal(found, 1);
}

static void who_asks_meanwhile_gets_the_same_answer(void **state)
{
    (void)state;
    mmds_poll(&mmds);
    mmds_ask(&mmds, &waiters[0].wait);
    peer_read(&peer);
    mmds_ask(&mmds, &waiters[1].wait);
    peer_answer(&peer, 200, "t");
    assert_memory_equal(peer_read(&peer), "GET / ", 6); /* and no second PUT */
    peer_answer(&peer, 200, "{\"instanceID\":\"i\"}");
    assert_int_equal(waiters[0].answers, 1);
    assert_int_equal(waiters[1].answers, 1);
    assert_string_equal(waiters[1].data->instance_id, "i");
    assert_int_equal(peer.taken, 1);
}

static void who_leaves_is_not_told(void **state)
{
    (void)state;
    mmds_ask(&mmds, &waiters[0].wait);
    mmds_ask(&mmds, &waiters[1].wait);
    mmds_cancel(&mmds, &waiters[0].wait);
    mmds_cancel(&mmds, &waiters[0].wait);
    serve("{}");
    assert_int_equal(waiters[0].answers, 0);
    assert_int_equal(waiters[1].answers, 1);
    assert_int_equal(found, 0);
}

static void what_it_said_last_counts_when_it_is_silent(void **state)
{
    (void)state;
    mmds_ask(&mmds, &waiters[0].wait);
    peer_read(&peer);
    peer_hang_up(&peer);
    peer_turns(&peer, 4);
    assert_int_equal(waiters[0].answers, 1);
    assert_null(waiters[0].data); /* it never said anything */
    mmds_ask(&mmds, &waiters[0].wait);
    serve("{\"accessTokenHash\":\"h\"}");
    mmds_ask(&mmds, &waiters[0].wait);
    peer_read(&peer);
    peer_answer(&peer, 401, "");
    assert_int_equal(waiters[0].answers, 3);
    assert_string_equal(waiters[0].data->token_hash, "h");
}

static void a_token_that_is_no_word_is_not_sent_back(void **state)
{
    static const char *const tokens[] = {"", "a b", "a\r\nb", "\xc3\xbc"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        mmds_ask(&mmds, &waiters[0].wait);
        peer_read(&peer);
        peer_answer(&peer, 200, tokens[i]);
        assert_string_equal(peer_read(&peer), "");
        assert_int_equal(waiters[0].answers, i + 1);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_poll_ends_with_the_first_name),
        T(a_poll_goes_on_until_there_is_one),
        T(a_poll_ends_with_its_time),
        T(who_asks_meanwhile_gets_the_same_answer),
        T(who_leaves_is_not_told),
        T(what_it_said_last_counts_when_it_is_silent),
        T(a_token_that_is_no_word_is_not_sent_back),
    };

    return RUN(tests);
}
