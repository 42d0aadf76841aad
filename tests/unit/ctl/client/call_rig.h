/* Calls of Connect over HTTP/1.1, against answers written out: whole, byte by byte, cut and hostile. */
#ifndef TESTS_UNIT_CTL_CLIENT_CALL_RIG_H
#define TESTS_UNIT_CTL_CLIENT_CALL_RIG_H

#include <stdio.h>

#include "ctl/client/call.h"

static struct wire w;
static struct call c;
static struct answer_error e;
static char all[256]; /* the messages of a call, each with a ; */

static int setup(void **state)
{
    (void)state;
    codec_init();
    return wire_open(&w, -1, WIRE_HTTP1, "agent", &e.err);
}

static int teardown(void **state)
{
    (void)state;
    call_close(&c);
    wire_close(&w);
    return 0;
}

/* Begins a call and gives it the answer in pieces of `piece` bytes; then the connection ends. Returns what ended it. */
static int run(const struct call_spec *s, const char *answer, size_t len, size_t piece)
{
    const struct bytes only = {"", 0};
    struct bytes message;
    int ret = 0, got;

    teardown(NULL);
    assert_int_equal(setup(NULL), 0);
    assert_int_equal(call_begin(&c, &w, s, &only, &e.err), 0);
    *all = 0;
    for (size_t at = 0;; at += piece) {
        while ((got = call_next(&c, &message, &e)) == 1) {
            strncat(all, message.ptr, message.len);
            strcat(all, ";");
        }
        if (got != 0 || ret < 0)
            return got;
        ret = at < len ? wire_receive(&w, (const uint8_t *)answer + at, MIN(piece, len - at), &c.error.err)
                       : wire_receive_end(&w, &c.error.err);
        c.cut = ret < 0;
    }
}

static char text[4096];

/* An HTTP answer with the head's lines and the body. */
static size_t http(const char *status, const char *lines, const char *body, size_t len)
{
    int n = snprintf(text, sizeof text, "HTTP/1.1 %s X\r\n%sContent-Length: %zu\r\n\r\n", status, lines, len);

    memcpy(text + n, body, len);
    return (size_t)n + len;
}

#define STREAM   "Content-Type: application/connect+proto\r\n"
#define PROTO    "Content-Type: application/proto\r\n"
#define JSON     "Content-Type: application/json\r\n"
#define BYTES(s) s, sizeof(s) - 1

static const struct call_spec unary = {.unary = true, .method = "x.Y/Z"}, stream = {.method = "x.Y/Z"};

/* How an answer is taken, at once and in pieces. */
struct example {
    const struct call_spec *spec;
    const char *status, *lines, *body;
    size_t len;
    int got;
    enum status code;
    const char *says; /* the messages, then the error's text */
};

UNUSED static void check(const struct example *x)
{
    size_t len = http(x->status, x->lines, x->body, x->len);
    static const size_t pieces[] = {sizeof text, 1, 2, 7};

    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        assert_int_equal(run(x->spec, text, len, pieces[i]), x->got);
        if (x->got < 0) {
            assert_int_equal(e.err.status, x->code);
            strcat(all, e.err.text);
        }
        assert_string_equal(all, x->says);
    }
}

#endif
