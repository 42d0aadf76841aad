#include "stacyvm/stacyvm.h"

#include "stacyvm_rig.h"

static char got[1 << 16];

/* Sends the request as a frame. */
static void send_frame(int fd, const char *json)
{
    size_t n = strlen(json);
    char frame[1024] = {0, 0, (char)(n >> 8), (char)n};

    memcpy(frame + 4, json, n);
    assert_int_equal(rig_send(&rig, fd, frame, n + 4), n + 4);
}

/* The next frame's JSON. */
static const char *receive(int fd)
{
    size_t have = 0, want = 4;
    uint8_t *h = (uint8_t *)got;

    while (have < want) {
        ssize_t n;

        TURN_UNTIL((n = recv(fd, got + have, want - have, 0)) >= 0);
        assert_true(n > 0);
        have += (size_t)n;
        if (have == 4)
            want = 4 + ((size_t)h[0] << 24 | (size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3]);
        assert_true(want < sizeof got);
    }
    got[have] = 0;
    return got + 4;
}

static void assert_ended(int fd)
{
    char c;
    ssize_t n;

    TURN_UNTIL((n = recv(fd, &c, 1, 0)) >= 0 || errno != EAGAIN);
    assert_true(n <= 0);
    close(fd);
}

static const char *talk(int fd, const char *json)
{
    send_frame(fd, json);
    return receive(fd);
}

static void one_request_after_the_other(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    assert_string_equal(talk(fd, "{\"id\":\"a\\\"\",\"method\":\"ping\"}"),
                        "{\"id\":\"a\\\"\",\"result\":{\"pong\":true}}");
    assert_string_equal(talk(fd, "{\"id\":\"b\",\"method\":\"x\\\"y\"}"),
                        "{\"id\":\"b\",\"error\":\"unknown method: x\\\"y\"}");
    send_frame(fd, "{\"id\":\"1\",\"method\":\"exec\",\"params\":{\"command\":\"sleep 0.05; echo "
                   "$A\",\"env\":{\"A\":\"b\"}}}");
    send_frame(fd, "{\"id\":\"2\",\"method\":\"ping\"}");
    send_frame(fd, "{\"id\":\"3\",\"method\":\"ping\"}");
    assert_string_equal(receive(fd),
                        "{\"id\":\"1\",\"result\":{\"exit_code\":0,\"stdout\":\"b\\n\",\"stderr\":\"\"}}");
    assert_string_equal(receive(fd), "{\"id\":\"2\",\"result\":{\"pong\":true}}");
    assert_string_equal(receive(fd), "{\"id\":\"3\",\"result\":{\"pong\":true}}");
    close(fd);
    TURN_UNTIL(service.dialogs.count == 0);
}

static void files_go_both_ways(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    assert_string_equal(
        talk(fd,
             "{\"id\":\"a\",\"method\":\"write_file\",\"params\":{\"path\":\"/tmp/guestd-stacyvm-test/x\","
             "\"content\":\"QUJDRA==\",\"mode\":\"600\"}}"),
        "{\"id\":\"a\",\"result\":{\"ok\":true}}");
    assert_string_equal(
        talk(fd,
             "{\"id\":\"a\",\"method\":\"read_file\",\"params\":{\"path\":\"/tmp/guestd-stacyvm-test/x\"}}"),
        "{\"id\":\"a\",\"result\":{\"content\":\"QUJDRA==\"}}");
    assert_string_equal(
        talk(
            fd,
            "{\"id\":\"a\",\"method\":\"glob_files\",\"params\":{\"pattern\":\"/tmp/guestd-stacyvm-t*/?\"}}"),
        "{\"id\":\"a\",\"result\":{\"matches\":[\"/tmp/guestd-stacyvm-test/x\"]}}");
    assert_string_equal(talk(fd, "{\"id\":\"a\",\"method\":\"delete_file\",\"params\":{\"path\":\"/tmp/"
                                 "guestd-stacyvm-test\",\"recursive\":true}}"),
                        "{\"id\":\"a\",\"result\":{\"ok\":true}}");
    assert_non_null(
        strstr(talk(fd, "{\"method\":\"read_file\",\"params\":{\"path\":\"/tmp/guestd-stacyvm-test/x\"}}"),
               "\"error\":\"read: "));
    close(fd);
}

static void streams(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    assert_string_equal(
        talk(fd, "{\"id\":\"s\",\"method\":\"exec_stream\",\"params\":{\"command\":\"echo a; exit 3\"}}"),
        "{\"id\":\"s\",\"stream\":\"stdout\",\"data\":\"a\\n\"}");
    assert_string_equal(receive(fd), "{\"id\":\"s\",\"done\":true,\"exit_code\":3}");
    assert_string_equal(
        talk(fd, "{\"id\":\"s\",\"method\":\"exec_stream\",\"params\":{\"command\":\"\",\"mode\":\"argv\"}}"),
        "{\"id\":\"s\",\"error\":\"exec: no command\",\"done\":true}");
    close(fd);
}

static void what_is_no_request_ends_the_connection(void **state)
{
    static const struct bytes bad[] = {
        BYTES_LIT("\0\0\0\0"),   BYTES_LIT("\4\0\0\1"),  BYTES_LIT("\377\377\377\377"),
        BYTES_LIT("\0\0\0\2[]"), BYTES_LIT("\0\0\0\1{"), BYTES_LIT("\0\0\0\3{}x"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int fd = rig_connect(&rig);

        rig_send(&rig, fd, bad[i].ptr, bad[i].len);
        assert_ended(fd);
    }
    TURN_UNTIL(service.dialogs.count == 0);
}

/* In every state there is: nothing of it is left. */
static void peers_that_leave(void **state)
{
    static const char *const requests[] = {
        "{\"id\":\"1\",\"method\":\"exec\",\"params\":{\"command\":\"sleep 0.1; echo $A\"}}",
        "{\"id\":\"1\",\"method\":\"exec_stream\",\"params\":{\"command\":\"echo a; sleep 0.1; echo b\"}}",
        "{\"id\":\"1\",\"method\":\"list_files\",\"params\":{\"path\":\"/\"}}",
        "{\"id\":\"1\",\"method\":\"read_file\",\"params\":{\"path\":\"/proc/version\"}}",
        "{\"id\":\"1\",\"method\":\"write_file\",\"params\":{\"path\":\"/dev/null\",\"content\":\"QUJD\"}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        struct conn *c;
        int fd = rig_connect(&rig);

        send_frame(fd, requests[i]);
        TAILQ_FOREACH (c, &rig.net.conns, link)
            conn_abort(c, CLOSE_PEER_GONE);
        close(fd);
        TURN_UNTIL(service.dialogs.count == 0);
    }
    TURN_UNTIL(jobs_counts(workers).queued == 0);
}

static bool denied;

static int authorize(struct conn *c, struct err *e)
{
    (void)c;
    return denied ? err_set(e, STATUS_UNAUTHENTICATED, 0, "no") : 0;
}

/* Nothing of a content either, which is written before its frame is complete. */
static void who_may_not_call_writes_nothing(void **state)
{
    enum { CHARACTERS = 300000 };
    static const char head[] =
        "{\"id\":\"a\",\"method\":\"write_file\",\"params\":{\"path\":\"/tmp/guestd-never\",\"content\":\"";
    static char frame[4 + sizeof head + CHARACTERS + 3];
    size_t n = sizeof head - 1 + CHARACTERS + 3;
    int fd = rig_connect(&rig);

    (void)state;
    service.authorize = authorize;
    denied = true;
    memcpy(frame, (const char[]){0, (char)(n >> 16), (char)(n >> 8), (char)n}, 4);
    memset(mempcpy(frame + 4, head, sizeof head - 1), 'A', CHARACTERS);
    memcpy(frame + 4 + n - 3, "\"}}", 3);
    assert_int_equal(rig_send(&rig, fd, frame, 4 + n), 4 + n);
    assert_string_equal(receive(fd), "{\"id\":\"a\",\"error\":\"no\"}");
    assert_int_equal(access("/tmp/guestd-never", F_OK), -1);
    denied = false;
    assert_string_equal(talk(fd, "{\"id\":\"a\",\"method\":\"ping\"}"),
                        "{\"id\":\"a\",\"result\":{\"pong\":true}}");
    service.authorize = NULL;
    close(fd);
}

static void shutdown_is_passed_on(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    assert_string_equal(talk(fd, "{\"id\":\"a\",\"method\":\"shutdown\"}"),
                        "{\"id\":\"a\",\"result\":{\"ok\":true}}");
    assert_int_equal(shutdowns, 1);
    assert_ended(fd);
    fd = rig_connect(&rig);
    net_shutdown(&rig.net);
    assert_ended(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_request_after_the_other),
        TEST(files_go_both_ways),
        TEST(streams),
        TEST(what_is_no_request_ends_the_connection),
        TEST(peers_that_leave),
        TEST(who_may_not_call_writes_nothing),
        TEST(shutdown_is_passed_on),
    };

    return RUN(tests);
}
