/* gRPC and gRPC-Web on the wire, here over HTTP/1.1: grpc/doc/PROTOCOL-HTTP2.md and PROTOCOL-WEB.md. */
#include "test.h"

#include "rpc_rig.h"

#include "core/base64.h"
#include "rpc/gzip.h"

/* A message with its envelope. */
static size_t framed(char *out, const char *text)
{
    return wrap(out, 0, text);
}

/* The trailers behind the last chunk. */
static const char *trailers(void)
{
    const char *at = memmem(got, got_len, "\r\n0\r\n", 5);

    return at ? at + 5 : "";
}

static int ask(const char *method, const char *type, const char *headers, const char *text)
{
    char request[1000];

    return post(method, type, headers, request, framed(request, text));
}

static void a_unary_call(void **state)
{
    static const char *const types[][2] = {{"application/grpc+json", "application/grpc+json"},
                                           {"Application/gRPC+JSON; charset=x", "application/grpc+json"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        char type[100];

        assert_int_equal(ask("Unary", types[i][0], "TE: trailers\r\n", "{\"fInt32\":5}"), 200);
        snprintf(type, sizeof type, "content-type: %s\r\n", types[i][1]);
        assert_non_null(strstr(got, type));
        assert_non_null(memmem(got, got_len, "\0\0\0\0\x0c{\"fInt32\":5}", 17));
        assert_non_null(memmem(got, got_len, "0\r\ngrpc-status: 0\r\n\r\n", 21));
    }
    assert_int_equal(post("Unary", "application/grpc", "", "\0\0\0\0\2\x18\x05", 7),
                     200); /* proto by default */
    assert_non_null(strstr(got, "content-type: application/grpc\r\n"));
    assert_int_equal(seen.messages, 3);
    assert_int_equal(seen.destroyed, 3);
}

static void an_error_is_in_the_trailers(void **state)
{
    (void)state;
    assert_int_equal(
        ask("Unary", "application/grpc+json", "", "{\"fString\":\"error\",\"fInt32\":5,\"fBool\":true}"),
        200);
    assert_non_null(strstr(trailers(), "grpc-status: 5\r\n"));
    assert_non_null(strstr(trailers(), "grpc-message: it \"failed\"\r\n"));
    /* Status{code: 5, message: it "failed", details: Any{type.googleapis.com/unit.All, f_int32: 7}} */
    assert_non_null(strstr(trailers(),
                           "grpc-status-details-bin: "
                           "CAUSC2l0ICJmYWlsZWQiGiIKHHR5cGUuZ29vZ2xlYXBpcy5jb20vdW5pdC5BbGwSAhgH\r\n"));
}

static void a_stream_and_its_trailers(void **state)
{
    (void)state;
    seen.produced = 2;
    assert_int_equal(ask("Server", "application/grpc+json", "", "{}"), 200);
    assert_int_equal(seen.destroyed, 1);
    assert_non_null(memmem(got, got_len, "{\"fString\":\"start\"}", 19));
    assert_non_null(memmem(got, got_len, "{\"fInt32\":1}", 12));
    assert_non_null(memmem(got, got_len, "0\r\ngrpc-status: 0\r\n\r\n", 21));
}

static void web_has_them_in_its_body(void **state)
{
    (void)state;
    assert_int_equal(ask("Unary", "application/grpc-web+json", "", "{\"fInt32\":5}"), 200);
    assert_string_equal(messages(), "0:{\"fInt32\":5} 128:grpc-status: 0\r\n");
    assert_string_equal(trailers(), "\r\n");
    ask("Unary", "application/grpc-web+json", "", "{\"fString\":\"error\",\"fInt32\":3}");
    assert_string_equal(messages(), "128:grpc-status: 3\r\ngrpc-message: it \"failed\"\r\n");
}

/* Base64 with padding inside: each piece of the request, and of the response, is coded by itself. */
static void web_as_text(void **state)
{
    char request[100], text[200], plain[200];
    size_t n = framed(request, "{\"fString\":\"a\"}"), len;
    const char *p;

    (void)state;
    base64_encode((uint8_t *)request, 7, text);
    base64_encode((uint8_t *)request + 7, n - 7, text + 12);
    len = 12 + BASE64_LEN(n - 7);
    assert_int_equal(post("Unary", "application/grpc-web-text+json", "", text, len), 200);
    assert_non_null(strstr(got, "content-type: application/grpc-web-text+json\r\n"));
    p = strchr(body(), '\n') + 1;
    n = 0;
    for (; *p != '\r'; p += 4)
        n += (size_t)base64_decode((struct bytes){p, 4}, (uint8_t *)plain + n);
    assert_int_equal(n, 20 + 5 + 16);
    assert_memory_equal(plain + 5, "{\"fString\":\"a\"}", 15);
    assert_memory_equal(plain + 25, "grpc-status: 0\r\n", 16);
    assert_int_equal((uint8_t)plain[20], 0x80);
    assert_int_equal(post("Unary", "application/grpc-web-text", "", "!!!!", 4), 200);
}

static void bad_requests(void **state)
{
    static const struct {
        const char *headers, *text;
        const char *says;
    } cases[] = {
        {"grpc-timeout: x\r\n", "{}",
         "grpc-status: 3\r\ngrpc-message: protocol error: invalid grpc-timeout \"x\"\r\n"},
        {"grpc-timeout: 123456789S\r\n", "{}", "grpc-status: 3\r\n"},
        {"grpc-encoding: br\r\n", "{}", "grpc-status: 12\r\ngrpc-message: unknown compression \"br\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(ask("Unary", "application/grpc+json", cases[i].headers, cases[i].text), 200);
        if (!strstr(got, cases[i].says)) /* in the head: there is nothing but the status */
            fail_msg("case %zu: %s", i, got);
        assert_non_null(strstr(got, "content-type: application/grpc+json\r\n"));
    }
    assert_int_equal(post("Unary", "application/grpc", "", "", 0), 200);
    assert_non_null(
        strstr(trailers(), "grpc-status: 12\r\ngrpc-message: unary request has zero messages\r\n"));
    assert_int_equal(post("Unary", "application/grpc+foo", "", "", 0), 415);
    assert_int_equal(seen.messages, 0);
}

static void a_deadline(void **state)
{
    char request[100];
    int fd;

    (void)state;
    fd = rig_connect(&r);
    post_on(fd, "Unary", "application/grpc+json", "grpc-timeout: 1m\r\n", request,
            framed(request, "{\"fString\":\"never\"}"));
    for (int i = 0; i < 1000 && !seen.cancelled; i++) {
        usleep(1000);
        rig_turns(&r, 1);
    }
    assert_int_equal(seen.cancelled, CLOSE_DEADLINE + 1);
    got_len = rig_recv(&r, fd, got, sizeof got, &ended);
    assert_non_null(strstr(got, "grpc-status: 4\r\ngrpc-message: context deadline exceeded\r\n"));
    close(fd);
    rig_turns(&r, 3);
}

/* Who compresses its requests and can read it gets compressed answers; who only can read it does not. */
static void compress_both_ways(const char *json)
{
    struct chain plain = {0}, packed = {0};
    char request[200];
    const char *found;
    size_t len;
    struct err e;
    uint8_t *text;

    assert_int_equal(chain_copy(&plain, json, strlen(json)), 0);
    assert_int_equal(gzip_compress(&plain, NULL, &packed), 0);
    envelope_encode(ENVELOPE_COMPRESSED, (uint32_t)packed.bytes, (uint8_t *)request);
    chain_peek(&packed, request + ENVELOPE_SIZE, packed.bytes);
    len = ENVELOPE_SIZE + packed.bytes;
    assert_int_equal(post("Unary", "application/grpc+json", "grpc-encoding: gzip\r\n", request, len), 200);
    assert_non_null(memmem(got, got_len, json, strlen(json)));
    assert_null(strstr(got, "grpc-encoding"));
    assert_int_equal(post("Unary", "application/grpc+json",
                          "grpc-encoding: gzip\r\ngrpc-accept-encoding: identity, gzip\r\n", request, len),
                     200);
    assert_non_null(strstr(got, "grpc-encoding: gzip\r\n"));
    found = memmem(got, got_len, "\x1f\x8b", 2);
    assert_non_null(found);
    assert_int_equal(*(found - ENVELOPE_SIZE), ENVELOPE_COMPRESSED);
    text = gzip_decompress((struct bytes){found, (uint8_t)found[-1]}, 100, &len, &e);
    assert_non_null(text);
    assert_int_equal(len, strlen(json));
    assert_memory_equal(text, json, len);
    free(text);
    ask("Unary", "application/grpc+json", "grpc-accept-encoding: gzip\r\n", json);
    assert_null(strstr(got, "grpc-encoding"));
    chain_clear(&plain);
    chain_clear(&packed);
}

static void compression(void **state)
{
    (void)state;
    compress_both_ways("{\"fInt32\":5}");
    compress_both_ways("{\"fString\":\"encoded\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_unary_call),
        T(an_error_is_in_the_trailers),
        T(a_stream_and_its_trailers),
        T(web_has_them_in_its_body),
        T(web_as_text),
        T(bad_requests),
        T(a_deadline),
        T(compression),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
