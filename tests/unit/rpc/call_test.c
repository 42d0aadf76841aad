/* The life of a call: holding, deadlines, keepalives, cancellation, shutdown. */
#include "test.h"

#include "rpc_rig.h"

#include "core/clock.h"

static void turns_for(unsigned ms)
{
    uint64_t end = clock_mono_ms() + ms;

    while (clock_mono_ms() < end) {
        rig_turns(&r, 1);
        usleep(1000);
    }
}

/* A held message comes again; the client's further ones are not read beyond the window. */
static void holding_stops_the_client(void **state)
{
    static char big[300000];
    int fd = rig_connect(&r), small = 4096;
    size_t sent, n = 0;
    char head[200];

    (void)state;
    while (n + 40 < sizeof big)
        n += wrap(big + n, 0, "{\"fString\":\"\",\"unknown\":\"abcdef\"}");
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    seen.hold = 1;
    rig_send(&r, fd, head,
             (size_t)snprintf(
                 head, sizeof head,
                 "POST /unit.Test/Client HTTP/1.1\r\nHost: a\r\nContent-Type: application/connect+json\r\n"
                 "Content-Length: %zu\r\n\r\n",
                 n));
    sent = rig_send(&r, fd, big, n);
    assert_in_range(sent, BODY_WINDOW / 2, 4 * BODY_WINDOW);
    assert_int_equal(seen.messages, 0);
    rpc_resume(seen.call);
    rpc_resume(seen.call);
    sent += rig_send(&r, fd, big + sent, n - sent);
    assert_int_equal(sent, n);
    got_len = rig_recv(&r, fd, got, sizeof got, &ended);
    assert_string_equal(messages(), "0:{} 2:{}");
    assert_int_equal(seen.messages, n / (ENVELOPE_SIZE + 33));
    close(fd);
}

static void every_message_may_be_held(void **state)
{
    char request[200];
    size_t n = wrap(request, 0, "{\"fString\":\"a\"}");
    int fd = rig_connect(&r);

    (void)state;
    n += wrap(request + n, 0, "{\"fString\":\"b\"}");
    seen.hold = 1;
    post_on(fd, "Client", "application/connect+json", "", request, n);
    assert_string_equal(seen.text, "");
    seen.hold = 0;
    rpc_resume(seen.call);
    got_len = rig_recv(&r, fd, got, sizeof got, &ended);
    assert_string_equal(messages(), "0:{\"fString\":\"ab\"} 2:{}");
    close(fd);
}

static void a_deadline_ends_the_call(void **state)
{
    char request[32];
    size_t n = wrap(request, 0, "{}");
    int fd = rig_connect(&r);

    (void)state;
    seen.produced = -1;
    post_on(fd, "Server", "application/connect+json", "Connect-Timeout-Ms: 50\r\n", request, n);
    assert_string_equal(messages(), "0:{\"fString\":\"start\"}");
    assert_int_equal(rpc_timeout_ms(seen.call), 50);
    turns_for(80);
    got_len = rig_recv(&r, fd, got, sizeof got, &ended);
    assert_string_equal(
        messages(),
        "2:{\"error\":{\"code\":\"deadline_exceeded\",\"message\":\"context deadline exceeded\"}}");
    assert_int_equal(seen.cancelled, CLOSE_DEADLINE + 1);
    assert_int_equal(seen.destroyed, 1);

    assert_int_equal(
        post_on(fd, "Unary", "application/json", "Connect-Timeout-Ms: 30\r\n", "{\"fString\":\"never\"}", 19),
        -1);
    turns_for(50);
    rig_recv(&r, fd, got, sizeof got, &ended);
    assert_memory_equal(got, "HTTP/1.1 504 ", 13);
    assert_int_equal(post_on(fd, "Unary", "application/json", "", "{}", 2),
                     200); /* the connection lives on */
    close(fd);
}

static void a_client_that_goes_cancels(void **state)
{
    char request[32];
    size_t n = wrap(request, 0, "{}");
    int fd = rig_connect(&r);

    (void)state;
    seen.produced = -1;
    post_on(fd, "Server", "application/connect+json", "Connect-Timeout-Ms: 30\r\n", request, n);
    close(fd);
    rig_turns(&r, 3);
    assert_int_equal(seen.cancelled, CLOSE_PEER_GONE + 1);
    assert_int_equal(seen.destroyed, 1);
    turns_for(50); /* and the deadline of a call that is gone does nothing */
}

static void keepalives_fill_the_silence(void **state)
{
    Unit__All alive = UNIT__ALL__INIT, said = UNIT__ALL__INIT;
    char request[32];
    size_t n = wrap(request, 0, "{}");
    int fd = rig_connect(&r);
    const char *first;

    (void)state;
    alive.f_string = (char *)(uintptr_t) "alive";
    seen.produced = -1;
    post_on(fd, "Server", "application/connect+json", "", request, n);
    rpc_keepalive(seen.call, 1, &alive.base);
    turns_for(700);
    said.f_int32 = 1;
    rpc_send(seen.call, &said.base); /* something is said: the silence begins anew */
    turns_for(700);
    got_len = rig_recv(&r, fd, got, sizeof got, &ended);
    assert_string_equal(messages(), "0:{\"fInt32\":1}");
    turns_for(500);
    got_len = rig_recv(&r, fd, got, sizeof got, &ended);
    first = messages();
    assert_string_equal(first, "0:{\"fString\":\"alive\"}");
    close(fd);
}

static void shutdown_says_so(void **state)
{
    char request[32];
    size_t n = wrap(request, 0, "{}");
    int fd = rig_connect(&r), unary = rig_connect(&r);

    (void)state;
    seen.produced = -1;
    post_on(fd, "Server", "application/connect+json", "", request, n);
    net_unlisten(&r.net);
    net_shutdown(&r.net);
    got_len = rig_recv(&r, fd, got, sizeof got, &ended);
    assert_string_equal(messages(),
                        "2:{\"error\":{\"code\":\"canceled\",\"message\":\"agent is shutting down\"}}");
    assert_true(ended);
    assert_int_equal(seen.cancelled, CLOSE_SHUTDOWN + 1);
    close(fd);
    close(unary);
    rig_turns(&r, 4);
    assert_int_equal(r.net.count, 0);
}

/* Events that a client does not read are bounded: then the call ends, and says why. */
static void unread_events_are_bounded(void **state)
{
    Unit__All m = UNIT__ALL__INIT;
    char request[32], text[1001];
    size_t n = wrap(request, 0, "{}");
    int fd = rig_connect(&r), sent = 0;

    (void)state;
    memset(text, 'x', 1000);
    text[1000] = 0;
    m.f_string = text;
    seen.produced = -1;
    post_on(fd, "Server", "application/connect+json", "", request, n);
    while (seen.call && !seen.destroyed && sent < 1000) {
        rpc_send(seen.call, &m.base); /* no turn of the loop in between */
        sent++;
        if (seen.call && sent > 70)
            break;
    }
    got_len = rig_recv(&r, fd, got, sizeof got, &ended);
    assert_non_null(strstr(messages(), "the client does not read its events"));
    close(fd);
}

/* It would be tried again without end, as one that had no memory is. */
static void a_frame_that_has_no_json_ends_the_call(void **state)
{
    char request[32];
    size_t n = wrap(request, 0, "{}");

    (void)state;
    seen.produced = 1;
    seen.unfit = true;
    assert_int_equal(post("Server", "application/connect+json", "", request, n), 200);
    assert_string_equal(messages(),
                        "0:{\"fString\":\"start\"} 2:{\"error\":{\"code\":\"internal\",\"message\":"
                        "\"marshal google.protobuf.Any: unknown type 'no.Such'\"}}");
    assert_int_equal(seen.destroyed, 1);
}

static void what_a_service_takes_is_known_by_name(void **state)
{
    (void)state;
    assert_int_equal(json("Unary", "", "{\"known\":{\"any\":{\"@type\":\"x/unit.Known\",\"mask\":\"aB\"}}}"),
                     200);
    assert_string_equal(body(), "{\"known\":{\"any\":{\"@type\":\"x/unit.Known\",\"mask\":\"aB\"}}}");
    assert_int_equal(json("Unary", "", "{\"known\":{\"any\":{\"@type\":\"x/no.Such\"}}}"), 400);
    assert_string_equal(body(), "{\"code\":\"invalid_argument\",\"message\":\"unmarshal google.protobuf.Any: "
                                "unknown type 'x/no.Such'\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(holding_stops_the_client),
        T(every_message_may_be_held),
        T(a_deadline_ends_the_call),
        T(a_client_that_goes_cancels),
        T(keepalives_fill_the_silence),
        T(shutdown_says_so),
        T(unread_events_are_bounded),
        T(a_frame_that_has_no_json_ends_the_call),
        T(what_a_service_takes_is_known_by_name),
    };

    return RUN(tests);
}
