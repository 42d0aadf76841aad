/* Connect's GET on the wire: https://connectrpc.com/docs/protocol#unary-get-request, and connect-go where it is silent. */
#include "test.h"

#include "rpc_rig.h"

#include <zlib.h>

#include "core/base64.h"

/* Sends the request with that query; the answer is in `got`. Returns the status. */
static int ask(const char *verb, const char *method, const char *query, const char *headers)
{
    static char request[1 << 14];
    int fd = rig_connect(&r);
    int n = snprintf(request, sizeof request, "%s /unit.Test/%s%s HTTP/1.1\r\nHost: a\r\n%s\r\n", verb,
                     method, query, headers);

    rig_send(&r, fd, request, (size_t)n);
    got_len = rig_recv(&r, fd, got, sizeof got, &ended);
    close(fd);
    rig_turns(&r, 3);
    return strncmp(got, "HTTP/1.1 ", 9) == 0 ? atoi(got + 9) : -1;
}

static int look(const char *query)
{
    return ask("GET", "Look", query, "");
}

static void both_codecs(void **state)
{
    (void)state;
    assert_int_equal(look("?connect=v1&encoding=json&message=%7B%22fInt32%22%3A5%7D"), 200);
    assert_string_equal(body(), "{\"fInt32\":5}");
    assert_non_null(strstr(got, "content-type: application/json\r\n"));
    assert_non_null(strstr(got, "vary: Accept-Encoding\r\n"));
    assert_int_equal(look("?message=%18%00&encoding=proto"), 200); /* a NUL is a byte like others */
    assert_non_null(strstr(got, "content-type: application/proto\r\n"));
    assert_int_equal(look("?message=r%03a+%2b&encoding=proto"), 200);
    assert_string_equal(body(), "r\x03"
                                "a +");
    assert_int_equal(look("?encoding=proto&message="), 200); /* an empty message is a message */
    assert_int_equal(seen.messages, 4);
    assert_int_equal(seen.destroyed, 4);
}

static void base64_of_either_alphabet(void **state)
{
    (void)state;
    assert_int_equal(look("?encoding=proto&base64=1&message=GAU"), 200);
    assert_memory_equal(body(), "\x18\x05", 3);
    assert_int_equal(look("?encoding=proto&base64=1&message=GAU="), 200);
    assert_memory_equal(body(), "\x18\x05", 3);
    assert_int_equal(look("?encoding=proto&base64=1&message=GAU%3D"), 200);
    assert_memory_equal(body(), "\x18\x05", 3);
    assert_int_equal(look("?encoding=json&base64=0&message={}"), 200); /* only 1 says so */
}

static void gzip_messages(void **state)
{
    static const char text[] = "{\"fInt32\":9}";
    uint8_t packed[100];
    char query[300] = "?encoding=json&base64=1&compression=gzip&message=";
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text,
                  .avail_in = sizeof text - 1,
                  .next_out = packed,
                  .avail_out = sizeof packed};
    size_t n;

    (void)state;
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    deflate(&z, Z_FINISH);
    deflateEnd(&z);
    n = sizeof packed - z.avail_out;
    base64_encode(packed, n, query + strlen(query));
    for (char *p = query; (p = strchr(p, '+'));)
        *p = '-';
    assert_int_equal(look(query), 200);
    assert_string_equal(body(), text);
    assert_int_equal(ask("GET", "Look", query, "Accept-Encoding: gzip\r\n"), 200);
    assert_non_null(strstr(got, "content-encoding: gzip\r\n"));
    assert_int_equal(ask("GET", "Look", "?encoding=json&message={}", "Accept-Encoding: gzip\r\n"), 200);
    assert_null(strstr(got, "content-encoding"));
    /* A GET has no content that its own header could be about. */
    assert_int_equal(ask("GET", "Look", "?encoding=json&message={}", "Content-Encoding: br\r\n"), 200);
}

static void bad_queries(void **state)
{
    static const struct {
        const char *query;
        int status;
        const char *says;
    } cases[] = {
        {"", 400, "missing encoding parameter"},
        {"?encoding=json", 400, "missing message parameter"},
        {"?message={}", 400, "missing encoding parameter"},
        {"?connect=v2&encoding=json&message={}", 400, "connect must be"},
        {"?connect=%&encoding=json&message={}", 400, "connect must be"},
        {"?encoding=xml&message={}", 415, ""},
        {"?encoding=%&message={}", 415, ""},
        {"?encoding=json&message=%", 400, "not percent-encoded"},
        {"?encoding=json&message=%7", 400, "not percent-encoded"},
        {"?encoding=json&message={", 400, "malformed JSON"},
        {"?encoding=json&message=", 400, "malformed JSON"},
        {"?encoding=json&base64=1&message=a", 400, "not base64"},
        {"?encoding=json&base64=1&message=%00%00", 400, "not base64"},
        {"?encoding=json&compression=br&message={}", 501, "unknown compression \\\"br\\\""},
        {"?encoding=json&compression=%&message={}", 400, "compression"},
        {"?encoding=json&compression=gzip&message={}", 400, "gzip"},
        {"?encoding=json&compression=identity&message={}", 200, "{}"},
        {"?encoding=json&compression=&message={}", 200, "{}"},
        {"?encoding=json&message={}&encoding=xml&message=x", 200, "{}"}, /* the first counts */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int status = look(cases[i].query);

        if (status != cases[i].status || !strstr(body(), cases[i].says))
            fail_msg("case %zu: %d %s", i, status, body());
    }
    assert_int_equal(ask("GET", "Look", "?encoding=json&message={}", "Connect-Timeout-Ms: x\r\n"), 400);
    assert_non_null(strstr(body(), "timeout"));
}

static void for_methods_that_allow_it(void **state)
{
    static const char query[] = "?encoding=json&message={}";

    (void)state;
    assert_int_equal(ask("GET", "Unary", query, ""), 405);
    assert_non_null(strstr(got, "allow: POST\r\n"));
    assert_int_equal(ask("GET", "Server", query, ""), 405);
    assert_int_equal(ask("DELETE", "Look", query, ""), 405);
    assert_non_null(strstr(got, "allow: POST, GET, HEAD\r\n"));
    assert_int_equal(ask("HEAD", "Look", query, ""), 200);
    assert_int_equal(json("Look", "", "{\"fInt32\":5}"), 200);
    assert_string_equal(body(), "{\"fInt32\":5}");
}

static void errors_are_those_of_a_post(void **state)
{
    (void)state;
    assert_int_equal(look("?encoding=json&message={\"fString\":\"error\",\"fInt32\":5}"), 404);
    assert_string_equal(body(), "{\"code\":\"not_found\",\"message\":\"it \\\"failed\\\"\"}");
    assert_non_null(strstr(got, "content-type: application/json\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(both_codecs), T(base64_of_either_alphabet), T(gzip_messages),
        T(bad_queries), T(for_methods_that_allow_it), T(errors_are_those_of_a_post),
    };

    return RUN(tests);
}
