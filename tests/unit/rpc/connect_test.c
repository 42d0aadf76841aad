/* The Connect protocol on the wire: https://connectrpc.com/docs/protocol, and connect-go where it is
 * silent. */
#include "test.h"

#include "rpc_rig.h"

#include <zlib.h>

static void unary_in_both_codecs(void **state)
{
    (void)state;
    assert_int_equal(json("Unary", "Connect-Protocol-Version: 1\r\n", "{\"fInt32\":5}"), 200);
    assert_string_equal(body(), "{\"fInt32\":5}");
    assert_non_null(strstr(got, "content-type: application/json\r\n"));
    assert_int_equal(post("Unary", "application/proto", "", "\x18\x05", 2), 200);
    assert_non_null(strstr(got, "content-type: application/proto\r\n"));
    assert_memory_equal(body(), "\x18\x05", 2);
    assert_int_equal(post("Unary", "application/proto", "", "", 0), 200); /* an empty message is a message */
    assert_int_equal(post("Unary", "Application/JSON; charset=utf-8", "", "{}", 2), 200);
    assert_string_equal(body(), "{}");
    assert_int_equal(seen.messages, 4);
    assert_int_equal(seen.destroyed, 4);
}

static void errors_have_their_status(void **state)
{
    static const int http[] = {0,   499, 500, 400, 504, 404, 409, 403, 429,
                               400, 409, 400, 501, 500, 503, 500, 401};

    (void)state;
    for (int code = 1; code <= 16; code++) {
        char request[64], want[128];

        snprintf(request, sizeof request, "{\"fString\":\"error\",\"fInt32\":%d}", code);
        assert_int_equal(json("Unary", "", request), http[code]);
        snprintf(want, sizeof want, "{\"code\":\"%s\",\"message\":\"it \\\"failed\\\"\"}",
                 status_name((enum status)code));
        assert_string_equal(body(), want);
        assert_non_null(strstr(got, "content-type: application/json\r\n")); /* in the binary codec too */
    }
    json("Unary", "", "{\"fString\":\"error\",\"fInt32\":3,\"fBool\":true}");
    assert_non_null(strstr(body(), ",\"details\":[{\"type\":\"unit.All\",\"value\":\"GAc\"}]}"));
}

static void what_is_not_ours_is_415(void **state)
{
    (void)state;
    assert_int_equal(post("Unary", "text/plain", "", "{}", 2), 415);
    assert_non_null(strstr(got, "accept-post: application/json, application/proto, application/grpc, "));
    assert_int_equal(post("Unary", "application/connect+json", "", "{}", 2), 415);
    assert_int_equal(post("Server", "application/json", "", "{}", 2), 415);
    assert_non_null(
        strstr(got, "accept-post: application/connect+json, application/connect+proto, application/grpc, "));
    assert_int_equal(post("Nope", "application/json", "", "{}", 2), 404);
    assert_int_equal(seen.messages, 0);
    rig_talk(&r, rig_connect(&r), "GET /unit.Test/Unary HTTP/1.1\r\nHost: a\r\n\r\n", got, sizeof got,
             &ended);
    assert_memory_equal(got, "HTTP/1.1 405 ", 13);
    assert_non_null(strstr(got, "allow: POST\r\n"));
}

static void bad_requests(void **state)
{
    static const struct {
        const char *headers, *body;
        int status;
        const char *says;
    } cases[] = {
        {"", "{", 400, "malformed JSON"},
        {"", "", 400, "malformed JSON"},
        {"Connect-Protocol-Version: 2\r\n", "{}", 400, "connect-protocol-version"},
        {"Connect-Timeout-Ms: x\r\n", "{}", 400, "timeout"},
        {"Connect-Timeout-Ms: -1\r\n", "{}", 400, "timeout"},
        {"Connect-Timeout-Ms: 12345678901\r\n", "{}", 400, "timeout"},
        {"Content-Encoding: br\r\n", "{}", 501, "unknown compression \\\"br\\\""},
        {"Content-Encoding: gzip\r\n", "{}", 400, "gzip"},
        {"Content-Encoding: identity\r\n", "{}", 200, "{}"},
        {"Content-Encoding:\r\n", "{}", 200, "{}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(json("Unary", cases[i].headers, cases[i].body), cases[i].status);
        if (!strstr(body(), cases[i].says))
            fail_msg("case %zu: %s", i, body());
    }
}

/* gzip of the text into out. */
static size_t gzip(const char *text, uint8_t *out, size_t size)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text,
                  .avail_in = (uInt)strlen(text),
                  .next_out = out,
                  .avail_out = (uInt)size};

    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return size - z.avail_out;
}

static void gzip_requests(void **state)
{
    uint8_t packed[200];
    size_t n = gzip("{\"fInt32\":9}", packed + ENVELOPE_SIZE, sizeof packed - ENVELOPE_SIZE);

    (void)state;
    assert_int_equal(
        post("Unary", "application/json", "Content-Encoding: gzip\r\n", packed + ENVELOPE_SIZE, n), 200);
    assert_string_equal(body(), "{\"fInt32\":9}");
    envelope_encode(ENVELOPE_COMPRESSED, (uint32_t)n, packed);
    assert_int_equal(
        post("Server", "application/connect+json", "Connect-Content-Encoding: gzip\r\n", packed, n + 5), 200);
    assert_memory_equal(messages(), "0:{\"fString\":\"start\"}", 20);
    assert_int_equal(post("Server", "application/connect+json", "", packed, n + 5), 200);
    assert_non_null(strstr(messages(), "compressed message without encoding"));
}

static void a_server_stream(void **state)
{
    char request[100];
    size_t n = wrap(request, 0, "{}");

    (void)state;
    seen.produced = 2;
    assert_int_equal(
        post("Server", "application/connect+json", "Connect-Accept-Encoding: gzip\r\n", request, n), 200);
    assert_non_null(strstr(got, "content-type: application/connect+json\r\n"));
    assert_string_equal(messages(), "0:{\"fString\":\"start\"} 0:{\"fInt32\":2} 0:{\"fInt32\":1} 2:{}");
    assert_memory_equal(got + got_len - 5, "0\r\n\r\n", 5);
    assert_int_equal(seen.destroyed, 1);

    envelope_encode(0, 0, (uint8_t *)request);
    assert_int_equal(post("Server", "application/connect+proto", "", request, 5), 200);
    assert_non_null(strstr(got, "content-type: application/connect+proto\r\n"));
    assert_memory_equal(messages(), "0:r\x05start 2:{}", 13); /* the end is JSON in either codec */

    n = wrap(request, 0, "{\"fString\":\"error\"}");
    assert_int_equal(post("Server", "application/connect+json", "", request, n), 200);
    assert_string_equal(messages(), "2:{\"error\":{\"code\":\"not_found\",\"message\":\"none\"}}");
}

static void stream_requests_are_checked(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *says;
    } cases[] = {
        {"", 0, "unimplemented"},                          /* zero messages */
        {"\0\0\0\0\2{}\0\0\0\0\2{}", 14, "unimplemented"}, /* two */
        {"\0\0\0\0\2{", 6, "invalid_argument"},            /* cut inside */
        {"\0\0\0", 3, "invalid_argument"},                 /* inside the header */
        {"\2\0\0\0\2{}", 7, "invalid envelope flags 2"},
        {"\x80\0\0\0\2{}", 7, "invalid envelope flags 128"},
        {"\0\xff\xff\xff\xff{}", 7, "resource_exhausted"},
        {"\0\0\0\0\1{", 6, "invalid_argument"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(post("Server", "application/connect+json", "", cases[i].bytes, cases[i].len), 200);
        if (strncmp(messages(), "2:{\"error\":{", 12) != 0 || !strstr(messages(), cases[i].says))
            fail_msg("case %zu: %s", i, messages());
    }
    assert_int_equal(seen.messages, 0);
}

/* Messages of a client stream come in order, however they are cut. */
static void a_client_stream(void **state)
{
    static const char head[] = "POST /unit.Test/Client HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                               "Content-Type: application/connect+json\r\n\r\n";
    char request[400], chunk[64];
    size_t n = 0;

    (void)state;
    for (const char *text[] = {"{\"fString\":\"a\"}", "{\"fString\":\"b\"}", "{}", "{\"fString\":\"c\"}"},
                    **t = text;
         t < text + 4; t++)
        n += wrap(request + n, 0, *t);
    for (size_t cut = 1; cut < n; cut += 5) {
        int fd = rig_connect(&r);

        seen.text[0] = 0;
        rig_send(&r, fd, head, sizeof head - 1);
        for (size_t at = 0; at < n; at += cut) {
            size_t part = MIN(cut, n - at);

            rig_send(&r, fd, chunk, (size_t)snprintf(chunk, sizeof chunk, "%zx\r\n", part));
            rig_send(&r, fd, request + at, part);
            rig_send(&r, fd, "\r\n", 2);
        }
        rig_send(&r, fd, "0\r\n\r\n", 5);
        got_len = rig_recv(&r, fd, got, sizeof got, &ended);
        assert_string_equal(messages(), "0:{\"fString\":\"abc\"} 2:{}");
        close(fd);
        rig_turns(&r, 3);
    }
}

static void denial_has_the_callers_form(void **state)
{
    struct err e;
    char request[64];
    size_t n = wrap(request, 0, "{}");

    (void)state;
    err_set(&e, STATUS_UNAUTHENTICATED, 0, "invalid username: 'x'");
    rpc.calls = CALLS_MAX; /* as good a reason as any to be refused before there is a call */
    assert_int_equal(json("Unary", "", "{}"), 429);
    assert_non_null(strstr(body(), "{\"code\":\"resource_exhausted\""));
    assert_int_equal(post("Server", "application/connect+proto", "", request, n), 200);
    assert_non_null(strstr(got, "content-type: application/connect+proto\r\n"));
    assert_memory_equal(body() + 5, "{\"error\":{\"code\":\"resource_exhausted\"", 37);
    assert_int_equal(body()[0], ENVELOPE_END_STREAM);
    rpc.calls = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(unary_in_both_codecs),
        T(errors_have_their_status),
        T(what_is_not_ours_is_415),
        T(bad_requests),
        T(gzip_requests),
        T(a_server_stream),
        T(stream_requests_are_checked),
        T(a_client_stream),
        T(denial_has_the_callers_form),
    };

    return RUN(tests);
}
