#include "rpc/health.h"

#include "test.h"

#include "rpc_rig.h"

static int setup_health(void **state)
{
    return setup(state) == 0 ? health_register(&rpc) : -1;
}

/* Asks for a service's status. Returns the HTTP status; the answer is in `got`. */
static int check(const char *message)
{
    static char request[1000];
    int fd = rig_connect(&r);
    int n =
        snprintf(request, sizeof request,
                 "POST /grpc.health.v1.Health/Check HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                 "Content-Length: %zu\r\n\r\n%s",
                 strlen(message), message);

    rig_send(&r, fd, request, (size_t)n);
    got_len = rig_recv(&r, fd, got, sizeof got, &ended);
    close(fd);
    rig_turns(&r, 3);
    return atoi(got + 9);
}

static void what_is_there_serves(void **state)
{
    (void)state;
    assert_int_equal(check("{}"), 200);
    assert_string_equal(body(), "{\"status\":\"SERVING\"}");
    assert_int_equal(check("{\"service\":\"unit.Test\"}"), 200);
    assert_string_equal(body(), "{\"status\":\"SERVING\"}");
    assert_int_equal(check("{\"service\":\"grpc.health.v1.Health\"}"), 200);
    assert_int_equal(check("{\"service\":\"unit.Tes\"}"), 404);
    assert_string_equal(body(), "{\"code\":\"not_found\",\"message\":\"service 'unit.Tes' is not known\"}");
}

/* The status comes at once, and again when it changes: when the agent ends. */
static void watched_to_the_end(void **state)
{
    static char request[1000];
    int fd = rig_connect(&r);
    int n = snprintf(request, sizeof request,
                     "POST /grpc.health.v1.Health/Watch HTTP/1.1\r\nHost: a\r\n"
                     "Content-Type: application/connect+json\r\nContent-Length: 7\r\n\r\n");

    (void)state;
    n += (int)wrap(request + n, 0, "{}");
    rig_send(&r, fd, request, (size_t)n);
    got_len = rig_recv(&r, fd, got, sizeof got, &ended);
    assert_string_equal(messages(), "0:{\"status\":\"SERVING\"}");
    net_shutdown(&r.net);
    got_len += rig_recv(&r, fd, got + got_len, sizeof got - got_len, &ended);
    assert_string_equal(messages(),
                        "0:{\"status\":\"SERVING\"} 0:{\"status\":\"NOT_SERVING\"} "
                        "2:{\"error\":{\"code\":\"canceled\",\"message\":\"agent is shutting down\"}}");
    close(fd);
    rig_turns(&r, 3);
}

static void an_unknown_service_is_watched_too(void **state)
{
    static char request[1000];
    int fd = rig_connect(&r);
    int n = snprintf(request, sizeof request,
                     "POST /grpc.health.v1.Health/Watch HTTP/1.1\r\nHost: a\r\n"
                     "Content-Type: application/connect+json\r\nContent-Length: 20\r\n\r\n");

    (void)state;
    n += (int)wrap(request + n, 0, "{\"service\":\"x\"}");
    rig_send(&r, fd, request, (size_t)n);
    got_len = rig_recv(&r, fd, got, sizeof got, &ended);
    assert_string_equal(messages(), "0:{\"status\":\"SERVICE_UNKNOWN\"}");
    close(fd);
    rig_turns(&r, 3);
}

#define H(f) cmocka_unit_test_setup_teardown(f, setup_health, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        H(what_is_there_serves),
        H(watched_to_the_end),
        H(an_unknown_service_is_watched_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
