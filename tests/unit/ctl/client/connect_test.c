/* What Connect says of errors, ends and metadata. */
#include "test.h"

#include "call_rig.h"

static void errors_are_told(void **state)
{
    static const struct example examples[] = {
        {&unary, "404", JSON, BYTES("{\"code\":\"not_found\",\"message\":\"no such\"}"), -1, STATUS_NOT_FOUND,
         "no such"},
        {&unary, "429", JSON, BYTES("{\"code\":\"foobar\",\"message\":\"oops\"}"), -1, STATUS_UNAVAILABLE,
         "oops"},
        {&unary, "401", JSON, BYTES("null"), -1, STATUS_UNAUTHENTICATED, ""},
        {&unary, "401", JSON, BYTES("{\"code\":\"ok\"}"), -1, STATUS_UNAUTHENTICATED, ""},
        {&unary, "403", PROTO, BYTES("{\"code\":\"not_found\"}"), -1, STATUS_PERMISSION_DENIED, ""},
        {&unary, "500", JSON, BYTES("{\"code\":\"unknown\",\"message\":\"m\"}"), -1, STATUS_UNKNOWN, "m"},
        {&stream, "503", "", BYTES("<html>"), -1, STATUS_UNAVAILABLE, ""},
        {&stream, "200", STREAM,
         BYTES("\0\0\0\0\1a\2\0\0\0\x2e{\"error\":{\"code\":\"aborted\",\"message\":\"late\"}}   "), -1,
         STATUS_ABORTED, "a;late"},
        {&stream, "200", STREAM, BYTES("\2\0\0\0\x10{\"error\":{}}    "), -1, STATUS_UNKNOWN, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        check(&examples[i]);
        assert_true(e.from_agent);
    }
}

/* What is not of the protocol is `internal`: most of all a response that ends inside a message. */
static void broken_answers_are_internal(void **state)
{
    static const struct example examples[] = {
        {&stream, "200", STREAM, BYTES("\0\0\0\0\3abc"), -1, STATUS_INTERNAL,
         "abc;agent: the stream ended without an end"},
        {&stream, "200", STREAM, BYTES("\0\0\0\0\0\0\0\0\0\12AAA"), -1, STATUS_INTERNAL,
         ";agent: the answer ends inside a message"},
        {&stream, "200", STREAM, BYTES("\0\0\0\0\0\0\0\0"), -1, STATUS_INTERNAL,
         ";agent: the answer ends inside a message"},
        {&stream, "200", STREAM, BYTES("\4\0\0\0\0"), -1, STATUS_INTERNAL,
         "agent: the answer has a message with unknown flags"},
        {&stream, "200", STREAM, BYTES("\1\0\0\0\0"), -1, STATUS_INTERNAL,
         "agent: the answer has a compressed message, and does not say how"},
        {&stream, "200", STREAM, BYTES("\2\0\0\0\2[]"), -1, STATUS_INTERNAL,
         "agent: the end of the stream is no JSON object"},
        {&stream, "200", STREAM, BYTES("\2\0\0\0\x1a{\"metadata\":{\"a b\":[\"c\"]}}"), -1, STATUS_INTERNAL,
         "agent: the trailing metadata is none, or too large"},
        {&stream, "200", STREAM "Connect-Content-Encoding: gzip\r\n", BYTES("\1\0\0\0\3abc"), -1,
         STATUS_INTERNAL, "agent: decompress: not gzip data"},
        {&stream, "200", "Content-Type: application/connect+json\r\n", BYTES(""), -1, STATUS_INTERNAL,
         "content type 'application/connect+json'"},
        {&unary, "200", JSON, BYTES("{}"), -1, STATUS_INTERNAL, "content type 'application/json'"},
        {&unary, "200", "Content-Type: text/html\r\n", BYTES("{}"), -1, STATUS_UNKNOWN,
         "content type 'text/html'"},
        {&unary, "200", "", BYTES(""), -1, STATUS_UNKNOWN, "content type ''"},
        {&unary, "200", PROTO "Content-Encoding: br\r\n", BYTES(""), -1, STATUS_INTERNAL,
         "agent: the answer is compressed in a way that was not asked for"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++)
        check(&examples[i]);
}

static void metadata_and_details_are_kept(void **state)
{
    static const char end[] =
        "\2\0\0\0\x8e{\"error\":{\"code\":\"aborted\",\"details\":[{\"type\":\"a.B\",\"value\":\"eHk\"},{"
        "\"type\":7},"
        "{\"type\":\"a.C\",\"value\":\"!\"}]},\"metadata\":{\"x-a\":[\"1\",\"2\"],\"x-b\":[\"3\"]}}";
    char body[sizeof end];
    size_t len;

    (void)state;
    memcpy(body, end, sizeof end);
    body[4] = (char)(sizeof end - 1 - 5);
    len = http("200", STREAM "X-Head: h\r\n", body, sizeof end - 1);
    assert_int_equal(run(&stream, text, len, 3), -1);
    assert_int_equal(e.err.status, STATUS_ABORTED);
    assert_int_equal(c.detail_count, 1);
    assert_string_equal(c.details[0].type, "a.B");
    assert_memory_equal(c.details[0].value, "xy", 2);
    assert_int_equal(c.details[0].len, 2);
    assert_int_equal(c.trailers.count, 3);
    assert_true(bytes_are(http_fields_get(&c.trailers, "x-b"), "3"));
    assert_true(bytes_are(http_fields_get(&w.head, "x-head"), "h"));

    len = http("200", PROTO "Trailer-X-A: 1\r\nTrailer-: 2\r\nX-B: 3\r\n", "", 0);
    assert_int_equal(run(&unary, text, len, 3), 2);
    assert_int_equal(c.trailers.count, 1);
    assert_true(bytes_are(http_fields_get(&c.trailers, "x-a"), "1"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(errors_are_told),
        T(broken_answers_are_internal),
        T(metadata_and_details_are_kept),
    };

    return RUN(tests);
}
