#include "http/answer.h"

#include <stdio.h>

#include "core/limits.h"

#include "test.h"

static struct http_answer a;
static struct err e;

/* Feeds the text in pieces of that size; returns what is left when the answer is complete, or NULL when it is not. */
static const char *feed(const char *text, size_t piece)
{
    size_t left = strlen(text);

    assert_int_equal(http_answer_begin(&a, 16), 0);
    while (left > 0) {
        ssize_t n = http_answer_feed(&a, text, MIN(piece, left), &e);

        if (n < 0)
            return NULL;
        text += n;
        left -= (size_t)n;
        if (a.complete)
            return text;
    }
    return NULL;
}

static int teardown(void **state)
{
    (void)state;
    http_answer_clear(&a);
    return 0;
}

static void assert_body(const char *body)
{
    assert_int_equal(a.len, strlen(body));
    assert_memory_equal(a.body, body, a.len);
}

static void an_answer_comes_in_pieces(void **state)
{
    static const char *const texts[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello|",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n|",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello|",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (size_t piece = 1; piece < 100; piece += 7) {
            const char *rest = feed(texts[i], piece);

            assert_non_null(rest);
            assert_string_equal(rest, "|");
            assert_int_equal(a.status, 200);
            assert_true(a.reusable);
            assert_body("hello");
        }
    }
}

static void an_answer_may_end_with_its_connection(void **state)
{
    (void)state;
    assert_null(feed("HTTP/1.0 404 No\r\n\r\ngone", 100));
    assert_false(a.complete);
    assert_int_equal(http_answer_end(&a, &e), 0);
    assert_int_equal(a.status, 404);
    assert_false(a.reusable);
    assert_body("gone");
}

static void an_answer_that_is_cut_is_none(void **state)
{
    static const char *const texts[] = {"", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
                                        "HTTP/1.1 100 Continue\r\n\r\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_null(feed(texts[i], 100));
        assert_int_equal(http_answer_end(&a, &e), -1);
        assert_int_equal(e.status, STATUS_UNAVAILABLE);
    }
}

static void what_is_no_answer_is_refused(void **state)
{
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\n\r\n", "junk\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nbytes"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        e.status = STATUS_OK;
        assert_null(feed(texts[i], 1000));
        assert_int_equal(e.status, STATUS_UNAVAILABLE);
    }
}

static void an_answer_is_bounded(void **state)
{
    char text[HEADER_MAX + 100];
    size_t n;

    (void)state;
    e.status = STATUS_OK;
    assert_non_null(feed("HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n0123456789abcdef|", 1000));
    assert_null(feed("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n0123456789abcdefg", 1000));
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
    e.status = STATUS_OK;
    n = (size_t)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nA: ");
    memset(text + n, 'x', sizeof text - n - 1);
    text[sizeof text - 1] = 0;
    assert_null(feed(text, 1000));
    assert_int_equal(e.status, STATUS_RESOURCE_EXHAUSTED);
}

#define T(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_answer_comes_in_pieces),     T(an_answer_may_end_with_its_connection),
        T(an_answer_that_is_cut_is_none), T(what_is_no_answer_is_refused),
        T(an_answer_is_bounded),
    };

    return RUN(tests);
}
