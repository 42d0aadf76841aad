/* Handlers for the tests of HTTP/2, and one client. */
#ifndef TESTS_UNIT_HTTP_H2_RIG_H
#define TESTS_UNIT_HTTP_H2_RIG_H

#include "h2_client.h"
#include "http/h2_internal.h"
#include "test.h"

#include "echo.h"

static struct rig r;
static struct h2_client c;

/* A header block without the table: GET of / and of /stream, from the host a. */
#define GET        "\x82\x86\x84\1\1a"
#define GET_STREAM "\x82\x86\4\7/stream\1\1a"

static void hello(struct http_exchange *x)
{
    http_add(x, "Connection", "close"); /* of no meaning here */
    http_reply(x, 200, "text/plain", BYTES_LIT("hello"));
}

static void host(struct http_exchange *x)
{
    http_reply(x, 200, NULL, http_request_field(x, "host"));
}

static void empty(struct http_exchange *x)
{
    http_reply(x, 204, NULL, (struct bytes){NULL, 0});
}

/* Streams what `streams` says of it: pieces of 1,000 bytes, then a trailer. */
static struct {
    struct http_exchange *x;
    int left; /* negative: waits */
    bool shut;
} streams[300];
static int streaming;

static enum http_produced stream_produce(struct http_exchange *x, struct chain *out, size_t max)
{
    int *left = &streams[(intptr_t)x->owner].left;
    char text[1000];

    assert_true(max >= sizeof text);
    if (*left == 0)
        http_add_trailer(x, "x-sum", BYTES_LIT("42"));
    if (*left <= 0)
        return *left ? HTTP_WAIT : HTTP_END;
    memset(text, '0' + *left % 10, sizeof text);
    --*left;
    assert_int_equal(chain_copy(out, text, sizeof text), 0);
    return HTTP_MORE;
}

static void stream_destroy(struct http_exchange *x)
{
    destroyed++;
    streams[(intptr_t)x->owner].x = NULL;
}

static void stream_shutdown(struct http_exchange *x)
{
    streams[(intptr_t)x->owner].left = 0;
    streams[(intptr_t)x->owner].shut = true;
    http_kick(x);
}

static const struct http_events stream_events = {
    .produce = stream_produce, .cancel = note_cancel, .shutdown = stream_shutdown, .destroy = stream_destroy};

static void stream(struct http_exchange *x)
{
    streams[streaming].x = x;
    http_own(x, &stream_events, (void *)(intptr_t)streaming++);
    http_stream(x, 200, "text/plain", -1);
}

/* Owns the body and never takes anything of it. */
static struct http_exchange *held;

static void held_destroy(struct http_exchange *x)
{
    (void)x;
    held = NULL;
    destroyed++;
}

static void hold(struct http_exchange *x)
{
    static const struct http_events events = {.cancel = note_cancel, .destroy = held_destroy};

    held = x;
    http_own(x, &events, NULL);
}

static int setup(void **state)
{
    static const struct http_route routes[] = {
        {.method = "GET", .path = "/hello", .begin = hello},
        {.method = "GET", .path = "/host", .begin = host},
        {.method = "GET", .path = "/empty", .begin = empty},
        {.method = "POST", .path = "/echo", .begin = echo},
        {.method = "GET", .path = "/stream", .begin = stream},
        {.method = "POST", .path = "/hold", .begin = hold},
        {.method = "GET", .path = "/control", .begin = hello, .flags = HTTP_CONTROL},
    };

    (void)state;
    rig_start(&r);
    for (size_t i = 0; i < ARRAY_LEN(routes); i++)
        assert_int_equal(http_route_add(&r.http, &routes[i]), 0);
    destroyed = streaming = cancels = 0;
    cancelled = -1;
    memset(streams, 0, sizeof streams);
    h2_open(&c, &r);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    h2_shut(&c);
    rig_stop(&r);
    return 0;
}

static inline struct h2_answer *answer(int32_t id)
{
    return h2_answer(&c, id);
}

/* A request and its whole answer. */
static inline struct h2_answer *get(const char *method, const char *path)
{
    int32_t id = h2_ask(&c, method, path);

    h2_run(&c);
    assert_true(answer(id)->closed);
    return answer(id);
}

static inline struct h2 *session(void)
{
    return TAILQ_FIRST(&r.net.conns)->state;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
