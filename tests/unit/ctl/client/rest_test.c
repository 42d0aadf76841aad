/* Requests for files, and what their answers say. */
#include "test.h"

#include <stdio.h>

#include "wire_rig.h"

#include "ctl/client/rest.h"
#include "rpc/codec/codec.h"

static struct buffer path;

static int begin_path(void **state)
{
    codec_init();
    return setup(state) < 0 || buffer_add(&path, "/files", 6) < 0 ? -1 : 0;
}

static int end_path(void **state)
{
    buffer_clear(&path);
    return teardown(state);
}

/* What the server has got so far. */
static const char *got(void)
{
    static char text[1024];
    ssize_t n = recv(peer, text, sizeof text - 1, MSG_DONTWAIT);

    text[MAX(n, 0)] = 0;
    return text;
}

static void any_byte_goes_into_a_query(void **state)
{
    (void)state;
    assert_int_equal(rest_query(&path, "path", bytes_of("/a b/\xff&=%+\n.x~_-")), 0);
    assert_int_equal(rest_query(&path, "username", bytes_of("bob")), 0);
    assert_int_equal(rest_download(&w, &path, &fields, 0, bytes_of(NULL), &e), 0);
    assert_string_equal(got(), "GET /files?path=/a%20b/%FF%26%3D%25%2B%0A.x~_-&username=bob HTTP/1.1\r\n"
                               "host: guestd\r\naccept-encoding: identity\r\ncontent-length: 0\r\n\r\n");
}

static void a_download_goes_on_where_it_was(void **state)
{
    (void)state;
    assert_int_equal(rest_download(&w, &path, &fields, 5, bytes_of("\"tag\""), &e), 0);
    assert_non_null(strstr(got(), "\r\nrange: bytes=5-\r\nif-range: \"tag\"\r\n"));
    say("HTTP/1.1 206 X\r\nContent-Length: 1\r\nContent-Range: bytes 5-5/6\r\n\r\nx");
    assert_int_equal(wire_step(&w, &e), 1);
    assert_int_equal(rest_range_start(&w), 5);
}

static void ranges_that_say_nothing_are_known(void **state)
{
    static const char *const ranges[] = {"",           "bytes -5/6",   "bytes */6",
                                         "bytes 5",    "octets 5-5/6", "bytes 99999999999999999999-5/6",
                                         "bytes x-5/6"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        char text[200];

        http_fields_clear(&fields);
        assert_int_equal(rest_download(&w, &path, &fields, 5, bytes_of("x"), &e), 0);
        snprintf(text, sizeof text, "HTTP/1.1 206 X\r\nContent-Length: 0\r\nContent-Range: %s\r\n\r\n",
                 ranges[i]);
        say(text);
        assert_int_equal(wire_step(&w, &e), 1);
        if (rest_range_start(&w) != -1)
            fail_msg("%s", ranges[i]);
    }
}

static void an_upload_tells_its_size_or_is_chunked(void **state)
{
    (void)state;
    assert_int_equal(rest_upload_begin(&w, &path, &fields, 5, &e), 0);
    assert_int_equal(wire_send(&w, "ab", 2, &e), 0);
    assert_int_equal(wire_send(&w, "cde", 3, &e), 0);
    assert_int_equal(wire_end(&w, &e), 0);
    assert_string_equal(got(),
                        "POST /files HTTP/1.1\r\nhost: guestd\r\ncontent-type: application/octet-stream\r\n"
                        "content-length: 5\r\n\r\nabcde");
    say("HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(wire_step(&w, &e), 1);
    http_fields_clear(&fields);
    assert_int_equal(rest_upload_begin(&w, &path, &fields, UINT64_MAX, &e), 0);
    assert_int_equal(wire_send(&w, "ab", 2, &e), 0);
    assert_int_equal(wire_end(&w, &e), 0);
    assert_non_null(strstr(got(), "transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"));
}

/* The length in the answer to a HEAD is not that of a body that follows. */
static void a_head_has_no_body(void **state)
{
    (void)state;
    assert_int_equal(rest_head(&w, &path, &fields, &e), 0);
    assert_int_equal(strncmp(got(), "HEAD /files ", 12), 0);
    say("HTTP/1.1 200 X\r\nContent-Length: 100\r\nETag: \"x\"\r\n\r\n");
    assert_int_equal(wire_step(&w, &e), 1);
    assert_true(wire_ready(&w));
    assert_true(bytes_are(http_fields_get(&w.head, "etag"), "\"x\""));
}

static void errors_are_the_agents_own_or_of_http(void **state)
{
    static const struct {
        const char *answer, *text;
        enum status status;
    } cases[] = {
        {"404 X\r\nContent-Length: 29\r\n\r\n{\"code\":404,\"message\":\"gone\"}", "gone", STATUS_NOT_FOUND},
        {"507 X\r\nContent-Length: 18\r\n\r\n{\"message\":\"full\"}", "full", STATUS_RESOURCE_EXHAUSTED},
        {"401 X\r\nContent-Length: 17\r\n\r\n{\"message\":\"who\"}", "who", STATUS_UNAUTHENTICATED},
        {"416 X\r\nContent-Length: 2\r\n\r\n{}", "agent: unexpected answer: HTTP 416",
         STATUS_INVALID_ARGUMENT},
        {"502 X\r\nContent-Length: 3\r\n\r\nbad", "agent: unexpected answer: HTTP 502", STATUS_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct answer_error error;
        char text[200];

        http_fields_clear(&fields);
        assert_int_equal(rest_download(&w, &path, &fields, 0, bytes_of(NULL), &e), 0);
        snprintf(text, sizeof text, "HTTP/1.1 %s", cases[i].answer);
        say(text);
        assert_true(wire_step(&w, &e) >= 0);
        assert_int_equal(rest_error(&w, &error), -1);
        assert_string_equal(error.err.text, cases[i].text);
        assert_int_equal(error.err.status, cases[i].status);
        assert_true(error.from_agent);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin_path, end_path)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(any_byte_goes_into_a_query),
        T(a_download_goes_on_where_it_was),
        T(ranges_that_say_nothing_are_known),
        T(an_upload_tells_its_size_or_is_chunked),
        T(a_head_has_no_body),
        T(errors_are_the_agents_own_or_of_http),
    };

    return RUN(tests);
}
