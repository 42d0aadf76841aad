/* HTTP/1 as it comes over a socket: framing, look-ahead, limits, smuggling, and what a handler is told. */
#include "rig.h"
#include "test.h"

#include "echo.h"

static struct rig r;
static char got[1 << 20];
static bool ended;

/* --- handlers -------------------------------------------------------------------------------- */

static void hello(struct http_exchange *x)
{
    http_reply(x, 200, "text/plain", BYTES_LIT("hello"));
}

/* Streams numbers until `stream_left` is used up; never consumes a body. */
static int stream_left;
static struct http_exchange *streaming;

static enum http_produced stream_produce(struct http_exchange *x, struct chain *out, size_t max)
{
    char text[1000];

    (void)x;
    assert_true(max >= sizeof text);
    if (stream_left == 0)
        return HTTP_END;
    if (stream_left < 0)
        return HTTP_WAIT;
    memset(text, '0' + stream_left % 10, sizeof text);
    stream_left--;
    assert_int_equal(chain_copy(out, text, sizeof text), 0);
    return HTTP_MORE;
}

static void stream_destroy(struct http_exchange *x)
{
    (void)x;
    destroyed++;
    streaming = NULL;
}

static void stream_shutdown(struct http_exchange *x)
{
    stream_left = 0;
    http_kick(x);
}

static void stream(struct http_exchange *x)
{
    static const struct http_events events = {.produce = stream_produce,
                                              .cancel = note_cancel,
                                              .shutdown = stream_shutdown,
                                              .destroy = stream_destroy};

    streaming = x;
    http_own(x, &events, NULL);
    http_stream(x, 200, "text/plain", -1);
}

/* The same with a length that is known. */
static void sized(struct http_exchange *x)
{
    stream(x);
    x->response_length = 1000 * (int64_t)stream_left;
}

/* Owns the body and never takes anything of it. */
static void hold(struct http_exchange *x)
{
    static const struct http_events events = {.cancel = note_cancel, .destroy = stream_destroy};

    streaming = x;
    http_own(x, &events, NULL);
}

static void query(struct http_exchange *x)
{
    bool present;
    char *v = http_query(x, "k", &present);

    http_reply(x, 200, NULL, v ? bytes_of(v) : present ? BYTES_LIT("<bad>") : BYTES_LIT("<absent>"));
    free(v);
}

static int setup(void **state)
{
    static const struct http_route routes[] = {
        {.method = "GET", .path = "/hello", .begin = hello},
        {.method = "POST", .path = "/echo", .begin = echo},
        {.method = "GET", .path = "/stream", .begin = stream},
        {.method = "POST", .path = "/stream", .begin = stream},
        {.method = "GET", .path = "/sized", .begin = sized},
        {.method = "POST", .path = "/hold", .begin = hold},
        {.method = "GET", .path = "/query", .begin = query},
        {.method = "GET", .path = "/control", .begin = hello, .flags = HTTP_CONTROL},
    };

    (void)state;
    rig_start(&r);
    for (size_t i = 0; i < ARRAY_LEN(routes); i++)
        assert_int_equal(http_route_add(&r.http, &routes[i]), 0);
    destroyed = 0;
    cancelled = -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_stop(&r);
    return 0;
}

/* The status of the first response in `got`. */
static int status(void)
{
    return strncmp(got, "HTTP/1.1 ", 9) == 0 ? atoi(got + 9) : -1;
}

static int ask(const char *request)
{
    int fd = rig_connect(&r);

    cancelled = -1;
    rig_talk(&r, fd, request, got, sizeof got, &ended);
    close(fd);
    rig_turns(&r, 3);
    return status();
}

static const char *body(void)
{
    const char *b = strstr(got, "\r\n\r\n");

    return b ? b + 4 : "";
}

/* --- tests ----------------------------------------------------------------------------------- */

static void keeps_alive(void **state)
{
    int fd = rig_connect(&r);

    (void)state;
    for (int i = 0; i < 3; i++) {
        rig_talk(&r, fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, &ended);
        assert_int_equal(status(), 200);
        assert_string_equal(body(), "hello");
        assert_non_null(strstr(got, "Content-Length: 5\r\n"));
        assert_non_null(strstr(got, "Date: "));
        assert_false(ended);
    }
    rig_talk(&r, fd, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", got, sizeof got, &ended);
    assert_non_null(strstr(got, "Connection: close\r\n"));
    assert_true(ended);
    close(fd);
}

static void http_1_0_closes(void **state)
{
    (void)state;
    assert_int_equal(ask("GET /hello HTTP/1.0\r\n\r\n"), 200);
    assert_true(ended);
    stream_left = 3;
    assert_int_equal(ask("GET /stream HTTP/1.0\r\n\r\n"), 200);
    assert_true(ended);
    assert_null(strstr(got, "chunked"));
    assert_int_equal(strlen(body()), 3000);
}

static void head_has_no_body(void **state)
{
    (void)state;
    assert_int_equal(ask("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_non_null(strstr(got, "Content-Length: 5\r\n"));
    assert_string_equal(body(), "");
    stream_left = 5;
    assert_int_equal(ask("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_string_equal(body(), "");
    assert_false(ended);
    assert_int_equal(ask("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), 405);
    assert_non_null(strstr(got, "allow: GET, HEAD\r\n"));
    assert_int_equal(ask("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"), 404);
}

/* Requests that arrive together are answered one after the other, in order, whatever the cuts. */
static void pipelines(void **state)
{
    static const char all[] = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
                              "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
                              "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "2\r\nde\r\n3;ext=1\r\nfgh\r\n0\r\nTrailer: x\r\n\r\n"
                              "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

    (void)state;
    for (size_t cut = 1; cut < sizeof all - 1; cut += 3) {
        int fd = rig_connect(&r);
        size_t n = 0;
        const char *p = got;

        for (size_t at = 0; at < sizeof all - 1; at += cut)
            rig_send(&r, fd, all + at, MIN(cut, sizeof all - 1 - at));
        n = rig_recv(&r, fd, got, sizeof got, &ended);
        assert_true(n > 0);
        for (const char *want[] = {"abc", "hello", "defgh", "hello"}, **w = want; w < want + 4; w++) {
            p = strstr(p, "\r\n\r\n");
            assert_non_null(p);
            assert_memory_equal(p + 4, *w, strlen(*w));
            p += 4;
        }
        assert_false(ended);
        close(fd);
        rig_turns(&r, 3);
    }
}

static void large_bodies_arrive_whole(void **state)
{
    enum { N = 700000 };
    static char request[N + 200], want[N];
    int fd = rig_connect(&r);
    int n = snprintf(request, 200, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", N);

    (void)state;
    for (int i = 0; i < N; i++)
        want[i] = request[n + i] = (char)('a' + i % 23);
    assert_int_equal(rig_send(&r, fd, request, (size_t)n + N), n + N);
    rig_recv(&r, fd, got, sizeof got, &ended);
    assert_int_equal(status(), 200);
    assert_memory_equal(body(), want, N);

    n = snprintf(request, 200, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n",
                 300000);
    memcpy(request + n, want, 300000);
    memcpy(request + n + 300000, "\r\n0\r\n\r\n", 8);
    assert_int_equal(rig_send(&r, fd, request, (size_t)n + 300007), n + 300007);
    rig_recv(&r, fd, got, sizeof got, &ended);
    assert_int_equal(status(), 200);
    assert_memory_equal(body(), want, 300000);
    close(fd);
}

static void streams_of_a_known_length_are_not(void **state)
{
    int fd = rig_connect(&r);

    (void)state;
    stream_left = 2;
    rig_talk(&r, fd, "GET /sized HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, &ended);
    assert_non_null(strstr(got, "Content-Length: 2000\r\n"));
    assert_null(strstr(got, "chunked"));
    assert_int_equal(strlen(body()), 2000);
    assert_int_equal(destroyed, 1);
    stream_left = 2;
    rig_talk(&r, fd, "HEAD /sized HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, &ended);
    assert_non_null(strstr(got, "Content-Length: 2000\r\n"));
    assert_string_equal(body(), "");
    assert_int_equal(stream_left, 2);
    assert_false(ended);
    close(fd);
}

static void streams_are_chunked(void **state)
{
    int fd = rig_connect(&r);

    (void)state;
    stream_left = 2;
    rig_talk(&r, fd, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, &ended);
    assert_non_null(strstr(got, "Transfer-Encoding: chunked\r\n"));
    assert_memory_equal(body(), "3e8\r\n2222", 9);
    assert_memory_equal(got + strlen(got) - 7, "\r\n0\r\n\r\n", 7);
    assert_int_equal(destroyed, 1);
    rig_talk(&r, fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, &ended);
    assert_int_equal(status(), 200);
    close(fd);
}

/* A handler that waits is asked again when it says so, and hears that its client is gone. */
static void waits_and_kicks(void **state)
{
    int fd = rig_connect(&r);

    (void)state;
    stream_left = -1;
    rig_talk(&r, fd, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, &ended);
    assert_int_equal(status(), 200); /* the head comes at once */
    assert_string_equal(body(), "");
    stream_left = 1;
    http_kick(streaming);
    rig_recv(&r, fd, got, sizeof got, &ended);
    assert_memory_equal(got, "3e8\r\n", 5);
    assert_non_null(strstr(got, "\r\n0\r\n\r\n"));

    stream_left = -1;
    rig_talk(&r, fd, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, &ended);
    close(fd);
    rig_turns(&r, 3);
    assert_int_equal(cancelled, CLOSE_PEER_GONE);
    assert_int_equal(destroyed, 2);
    assert_int_equal(r.net.count, 0);
}

/* While a response runs at most LOOKAHEAD_MAX bytes of what comes next are read; then they are all served. */
static void look_ahead_is_bounded(void **state)
{
    static char many[400000];
    const char one[] =
        "GET /hello HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n";
    size_t n = 0, sent, answers = 0;
    int fd = rig_connect(&r), small = 4096;

    (void)state;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    stream_left = -1;
    rig_talk(&r, fd, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, &ended);
    for (; n + sizeof one < sizeof many; n += sizeof one - 1)
        memcpy(many + n, one, sizeof one - 1);
    sent = rig_send(&r, fd, many, n);
    assert_true(sent < 100000); /* the socket's own buffers, and LOOKAHEAD_MAX */
    stream_left = 0;
    http_kick(streaming);
    sent += rig_send(&r, fd, many + sent, n - sent);
    for (;;) {
        size_t k = rig_recv(&r, fd, got, sizeof got, &ended);

        for (const char *p = got; (p = strstr(p, "\r\n\r\nhello")); p += 5)
            answers++;
        if (k == 0)
            break;
        sent += rig_send(&r, fd, many + sent, n - sent);
    }
    assert_int_equal(sent, n);
    assert_in_range(answers, n / (sizeof one - 1) - 3,
                    n / (sizeof one - 1)); /* a match may be cut by a read */
    close(fd);
}

/* A body that nobody takes stops the reading at BODY_WINDOW (and a read's worth more). */
static void body_window_is_bounded(void **state)
{
    static char data[2 << 20];
    int fd = rig_connect(&r), small = 4096;
    size_t sent;

    (void)state;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    rig_talk(&r, fd, "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 2097152\r\n\r\n", got, sizeof got,
             &ended);
    sent = rig_send(&r, fd, data, sizeof data);
    assert_in_range(sent, BODY_WINDOW, 4 * BODY_WINDOW);
    assert_in_range(streaming->in.bytes, BODY_WINDOW, 2 * BODY_WINDOW);
    chain_clear(&streaming->in);
    http_body_consumed(streaming);
    assert_in_range(rig_send(&r, fd, data, 1 << 20), BODY_WINDOW / 2, 4 * BODY_WINDOW);
    assert_in_range(streaming->in.bytes, BODY_WINDOW, 2 * BODY_WINDOW);
    close(fd);
    rig_turns(&r, 4);
}

/* An answer before the body's end: the rest is read away, though nobody took what had stopped the reading. */
static void an_early_answer_lets_the_body_pass(void **state)
{
    static char data[3 * BODY_WINDOW];
    int fd = rig_connect(&r);

    (void)state;
    rig_talk(&r, fd, "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 196608\r\n\r\n", got, sizeof got,
             &ended);
    rig_send(&r, fd, data, 2 * BODY_WINDOW);
    assert_in_range(streaming->in.bytes, BODY_WINDOW, 2 * BODY_WINDOW);
    http_error(streaming, 507, "no");
    rig_turns(&r, 4);
    assert_int_equal(rig_send(&r, fd, data, BODY_WINDOW), BODY_WINDOW);
    rig_recv(&r, fd, got, sizeof got, &ended);
    assert_non_null(strstr(got, "507"));
    rig_talk(&r, fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, &ended);
    assert_non_null(strstr(got, "200 OK"));
    close(fd);
    rig_turns(&r, 4);
}

/* A large body that is there is read in one turn of the loop; one that does not end leaves others theirs. */
static void a_turn_reads_on_but_not_for_ever(void **state)
{
    static char data[4 << 20];
    int fd = rig_connect(&r), large = sizeof data;
    ssize_t sent;
    size_t before;

    (void)state;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof large), 0);
    rig_talk(&r, fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n", got, sizeof got,
             &ended);
    sent = send(fd, data, 2 * BODY_WINDOW + 1, MSG_NOSIGNAL);
    assert_int_equal(sent, 2 * BODY_WINDOW + 1);
    rig_turns(&r, 1);
    assert_int_equal(echoing->body.bytes, sent);
    sent = send(fd, data, 2 * TURN_BYTES, MSG_NOSIGNAL);
    assert_int_equal(sent, 2 * TURN_BYTES);
    before = echoing->body.bytes;
    rig_turns(&r, 1);
    assert_int_equal(echoing->body.bytes - before, TURN_BYTES);
    close(fd);
    rig_turns(&r, 10);
    assert_int_equal(destroyed, 1);
}

/* With the pool for request bodies exhausted one connection goes on at a time; nobody fails, nobody
 * deadlocks. */
static void body_memory_runs_out(void **state)
{
    enum { N = 200000, CONNS = 5 };
    static char data[N];
    struct seg *held[1024];
    int count = 0, fd[CONNS];
    size_t sent[CONNS] = {0};
    char head[100];
    int n = snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", N);

    (void)state;
    while ((held[count] = seg_get(&r.in_pool)))
        count++;
    for (int i = 0; i < CONNS; i++) {
        fd[i] = rig_connect(&r);
        rig_send(&r, fd[i], head, (size_t)n);
    }
    for (int i = 0; i < CONNS; i++)
        sent[i] = rig_send(&r, fd[i], data, N);
    while (count > 0)
        seg_unref(held[--count]);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < CONNS; i++)
            sent[i] += rig_send(&r, fd[i], data + sent[i], N - sent[i]);
    for (int i = 0; i < CONNS; i++) {
        assert_int_equal(sent[i], N);
        rig_recv(&r, fd[i], got, sizeof got, &ended);
        assert_int_equal(status(), 200);
        close(fd[i]);
    }
    rig_turns(&r, 5);
}

static void continues_when_wanted(void **state)
{
    int fd = rig_connect(&r);

    (void)state;
    rig_talk(&r, fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
             got, sizeof got, &ended);
    assert_string_equal(got, "HTTP/1.1 100 Continue\r\n\r\n");
    rig_talk(&r, fd, "ok", got, sizeof got, &ended);
    assert_int_equal(status(), 200);
    assert_string_equal(body(), "ok");
    close(fd);
    /* A refusal comes instead of the invitation, and closes: the body may or may not follow. */
    assert_int_equal(
        ask("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"), 404);
    assert_true(ended);
    assert_int_equal(ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: tea\r\n\r\n"), 417);
}

static void an_unwanted_body_is_dropped(void **state)
{
    int fd = rig_connect(&r);

    (void)state;
    rig_talk(&r, fd, "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", got, sizeof got,
             &ended);
    assert_int_equal(status(), 404);
    assert_false(ended);
    rig_talk(&r, fd, "12345GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, &ended);
    assert_int_equal(status(), 200);
    close(fd);
    /* A large rest is not waited for. */
    assert_int_equal(ask("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n"), 404);
    assert_true(ended);
}

static void bad_requests_are_refused(void **state)
{
    static const struct {
        int status;
        const char *text;
    } bad[] = {
        {505, "GET /hello\r\n\r\n"},
        {400, "GET /hello HTTP/1.1\r\n\r\n"},                       /* no Host */
        {400, "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"}, /* two */
        {400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: "
              "chunked\r\n\r\n0\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: "
              "3\r\n\r\n0\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"},
        {400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3 3\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n"},
        {400, "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {501, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
        {400, "GET /hello HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n"},
        {400, "GET /hello HTTP/1.1\r\nHost: a\r\nName : x\r\n\r\n"},
        {400, "GET /hello HTTP/1.1\r\nHost: a\r\nX: a\x01z\r\n\r\n"},
        {400, "GET /he llo HTTP/1.1\r\nHost: a\r\n\r\n"},
        {405, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET /hello HTTP/9.9\r\nHost: a\r\n\r\n"},
        /* What is not HTTP/1 is not answered in it. */
        {-1, "GARBAGE\r\n\r\n"},
        {-1, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"}, /* a broken preface of HTTP/2 */
        {-1, "PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n"},
        {-1, "\x16\x03\x01\x02\x01\x01"
             "aaaaaaaaaaaaaa"}, /* a TLS ClientHello */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int s = ask(bad[i].text);

        if (s != bad[i].status || !ended)
            fail_msg("request %zu: %d, ended %d\n%s\n%s", i, s, ended, bad[i].text, got);
    }
    assert_int_equal(r.net.count, 0);
}

static void limits_of_the_head(void **state)
{
    static char big[70000];
    int n;

    (void)state;
    n = sprintf(big, "GET /");
    memset(big + n, 'a', URL_MAX - 1);
    strcpy(big + n + URL_MAX - 1, " HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(ask(big), 404);
    memset(big + n, 'a', URL_MAX);
    strcpy(big + n + URL_MAX, " HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(ask(big), 414);
    assert_true(ended);

    n = sprintf(big, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ");
    memset(big + n, 'a', HEADER_MAX);
    strcpy(big + n + HEADER_MAX, "\r\n\r\n");
    assert_int_equal(ask(big), 431);
    assert_true(ended);

    n = sprintf(big, "GET /hello HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < HEADER_COUNT_MAX; i++)
        n += sprintf(big + n, "X: a\r\n");
    strcpy(big + n, "\r\n");
    assert_int_equal(ask(big), 431);
    memset(big, 'G', 1); /* no end of a request line in sight */
    memset(big + 1, 'a', sizeof big - 2);
    assert_int_equal(ask(big), -1);
    assert_true(ended);
}

static void connections_are_bounded(void **state)
{
    enum { MAX = 100, CONTROL = CONNECTIONS_CONTROL };
    int fd[MAX + 5];

    (void)state;
    for (int i = 0; i < MAX; i++) {
        fd[i] = rig_connect(&r);
        /* They stay busy, so that none can be evicted. */
        stream_left = -1;
        rig_talk(&r, fd[i], "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", got, 2000, &ended);
        assert_int_equal(status(), i < MAX - CONTROL ? 200 : 503);
        if (i >= MAX - CONTROL) {
            assert_true(ended);
            close(fd[i]);
            rig_turns(&r, 3);
            fd[i] = rig_connect(&r); /* the place is free again: this time for a control path */
            rig_talk(&r, fd[i], "GET /control HTTP/1.1\r\nHost: a\r\n\r\n", got, 2000, &ended);
            assert_int_equal(status(), 200);
        }
    }
    assert_int_equal(r.net.count, MAX);
    fd[MAX] = rig_connect(&r); /* the longest idle one makes room */
    rig_talk(&r, fd[MAX], "GET /control HTTP/1.1\r\nHost: a\r\n\r\n", got, 2000, &ended);
    assert_int_equal(status(), 200);
    assert_int_equal(recv(fd[MAX - CONTROL], got, 1, 0), 0);
    assert_int_equal(r.net.stats.evicted, 1);
    for (int i = 0; i <= MAX; i++)
        close(fd[i]);
    rig_turns(&r, 300);
    assert_int_equal(r.net.count, 0);
}

static void shuts_down_in_order(void **state)
{
    int idle = rig_connect(&r), busy = rig_connect(&r);

    (void)state;
    rig_talk(&r, idle, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, &ended);
    stream_left = -1;
    rig_talk(&r, busy, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, &ended);
    net_unlisten(&r.net);
    net_shutdown(&r.net);
    rig_recv(&r, busy, got, sizeof got, &ended);
    assert_string_equal(got, "0\r\n\r\n"); /* a whole response */
    assert_true(ended);
    assert_int_equal(cancelled, -1);
    rig_recv(&r, idle, got, sizeof got, &ended);
    assert_true(ended);
    close(idle);
    close(busy);
    rig_turns(&r, 4);
    assert_int_equal(r.net.count, 0);
}

static void an_old_generation_is_reset(void **state)
{
    int fd = rig_connect(&r);

    (void)state;
    stream_left = -1;
    rig_talk(&r, fd, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, &ended);
    net_new_generation(&r.net);
    rig_turns(&r, 3);
    assert_int_equal(cancelled, CLOSE_OLD);
    assert_int_equal(r.net.count, 0);
    close(fd);
    fd = rig_connect(&r);
    rig_talk(&r, fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got, &ended);
    assert_int_equal(status(), 200);
    close(fd);
}

static void queries(void **state)
{
    static const char *const cases[][2] = {
        {"/query", "<absent>"},
        {"/query?", "<absent>"},
        {"/query?a=b&k=v&k=w", "v"},
        {"/query?k", ""},
        {"/query?k=a%2Fb+c%20d", "a/b c d"},
        {"/query?k=%zz", "<bad>"},
        {"/query?k=%0", "<bad>"},
        {"/query?k=%00", "<bad>"},
        {"/query?kk=1", "<absent>"},
        {"/query?k=a=b", "a=b"},
        {"http://host/query?k=abs", "abs"},
        {"/query?%6b=x", "<absent>"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char request[200];

        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", cases[i][0]);
        assert_int_equal(ask(request), 200);
        assert_string_equal(body(), cases[i][1]);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(keeps_alive),
        T(http_1_0_closes),
        T(head_has_no_body),
        T(pipelines),
        T(large_bodies_arrive_whole),
        T(streams_are_chunked),
        T(streams_of_a_known_length_are_not),
        T(waits_and_kicks),
        T(look_ahead_is_bounded),
        T(body_window_is_bounded),
        T(an_early_answer_lets_the_body_pass),
        T(a_turn_reads_on_but_not_for_ever),
        T(body_memory_runs_out),
        T(continues_when_wanted),
        T(an_unwanted_body_is_dropped),
        T(bad_requests_are_refused),
        T(limits_of_the_head),
        T(connections_are_bounded),
        T(shuts_down_in_order),
        T(an_old_generation_is_reset),
        T(queries),
    };

    return RUN(tests);
}
