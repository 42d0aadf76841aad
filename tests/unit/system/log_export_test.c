#include "system/log_export.h"

#include "core/limits.h"
#include "peer.h"
#include "test.h"

static struct loop loop;
static struct peer peer;
static struct log_export export;
static const struct mmds_data host = {.instance_id = "i", .logs_url = "http://10.0.0.1/logs"};

static int setup(void **state)
{
    (void)state;
    log_init(LOG_INFO, LOG_TEXT, true); /* its own lines go to memory */
    assert_int_equal(loop_init(&loop), 0);
    peer_open(&peer, &loop);
    log_export_init(&export, &loop);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    log_export_destroy(&export);
    peer_close(&peer);
    loop_destroy(&loop);
    return 0;
}

/* ON, to the peer. */
static void begin(void)
{
    log_export_to(&export, &host);
    http_client_set_address(&export.client, &peer.address, "10.0.0.1");
}

/* The event of the line that was sent, or "" when none was. */
static const char *sent(void)
{
    static char name[64];
    const char *at = strstr(peer_read(&peer), "\"message\":\"");

    *name = 0;
    if (at)
        sscanf(at + 11, "%63[^\"]", name);
    return name;
}

static bool sends_again(void)
{
    for (int i = 0; i < 5000; i++) {
        usleep(1000);
        peer_turns(&peer, 1);
        if (export.going || export.telling)
            return true;
    }
    return false;
}

static void lines_wait_for_the_host(void **state)
{
    (void)state;
    log_info("before");
    log_export_wait(&export);
    log_info("one");
    log_info("two");
    assert_string_equal(sent(), "");
    begin();
    assert_string_equal(sent(), "one");
    assert_non_null(strstr(peer.got, "POST /logs HTTP/1.1\r\nHost: 10.0.0.1\r\n"));
    assert_non_null(strstr(peer.got, "\"instanceID\":\"i\",\"envID\":\"\"}"));
    assert_string_equal(sent(), ""); /* one at a time */
    peer_answer(&peer, 200, "");
    assert_string_equal(sent(), "two");
    peer_answer(&peer, 200, "");
    assert_string_equal(sent(), "");
    assert_int_equal(peer.taken, 1);
    assert_int_equal(export.bytes, 0);
    assert_false(ev_is_active(&export.again));
}

static void a_line_that_was_not_taken_is_sent_again(void **state)
{
    static const int statuses[] = {503, 429, 408};

    (void)state;
    begin();
    log_info("one");
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        assert_string_equal(sent(), "one");
        peer_answer(&peer, statuses[i], "");
        assert_int_equal(export.failures, i + 1);
        if (i == 0)
            assert_true(sends_again());
        else
            ev_feed_event(loop.ev, &export.again, EV_TIMER);
    }
    assert_string_equal(sent(), "one");
    peer_answer(&peer, 200, "");
    assert_string_equal(sent(), "logs.away"); /* what it had to say of itself comes behind */
    peer_answer(&peer, 400, "");              /* refused is taken: it would be refused again */
    assert_string_equal(sent(), "logs.back");
    assert_int_equal(export.failures, 0);
}

static void attempts_end_until_there_is_a_new_line(void **state)
{
    (void)state;
    begin();
    log_info("one");
    for (unsigned i = 1; i < LOGS_ATTEMPTS_MAX; i++) {
        assert_string_equal(sent(), "one");
        peer_answer(&peer, 500, "");
        assert_true(ev_is_active(&export.again));
        ev_timer_stop(loop.ev, &export.again);
        ev_feed_event(loop.ev, &export.again, EV_TIMER);
    }
    assert_string_equal(sent(), "one");
    peer_answer(&peer, 500, "");
    assert_false(ev_is_active(&export.again));
    assert_string_equal(sent(), "");
    log_info("two");
    assert_string_equal(sent(), "one");
}

static void the_oldest_go_when_there_are_too_many(void **state)
{
    char text[1000];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    log_export_wait(&export);
    log_info("oldest", LOG_STR("x", text));
    for (size_t n = 0; n < LOGS_QUEUE_MAX; n += sizeof text)
        log_info("line", LOG_STR("x", text));
    assert_true(export.bytes <= LOGS_QUEUE_MAX);
    assert_true(export.dropped > 0);
    begin();
    assert_string_equal(sent(), "log.dropped");
    assert_non_null(strstr(peer.got, "\"log.records\":"));
    peer_answer(&peer, 200, "");
    assert_string_equal(sent(), "line");
    assert_int_equal(export.dropped, 0);
}

static void without_a_collector_nothing_is_kept(void **state)
{
    const struct mmds_data none = {.instance_id = "i"}, bad = {.instance_id = "i", .logs_url = "https://x/"};

    (void)state;
    log_export_wait(&export);
    log_info("one");
    assert_true(export.bytes > 0);
    log_export_to(&export, &none);
    assert_int_equal(export.state, LOG_EXPORT_OFF);
    assert_int_equal(export.bytes, 0);
    log_info("two");
    assert_int_equal(export.bytes, 0);
    log_export_to(&export, &bad);
    assert_int_equal(export.state, LOG_EXPORT_OFF);
    begin();
    assert_int_equal(export.state, LOG_EXPORT_ON);
}

static void a_new_host_gets_what_is_under_way(void **state)
{
    const struct mmds_data other = {.instance_id = "j", .logs_url = "http://10.0.0.1/logs"};

    (void)state;
    begin();
    log_info("one");
    log_info("two");
    assert_string_equal(sent(), "one");
    log_export_to(&export, &other);
    http_client_set_address(&export.client, &peer.address, "10.0.0.1");
    assert_string_equal(sent(), "one");
    assert_non_null(strstr(peer.got, "\"instanceID\":\"j\""));
    log_export_to(&export, &other); /* nothing new: it goes on */
    peer_answer(&peer, 200, "");
    assert_string_equal(sent(), "two");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(lines_wait_for_the_host),
        T(a_line_that_was_not_taken_is_sent_again),
        T(attempts_end_until_there_is_a_new_line),
        T(the_oldest_go_when_there_are_too_many),
        T(without_a_collector_nothing_is_kept),
        T(a_new_host_gets_what_is_under_way),
    };

    return RUN(tests);
}
