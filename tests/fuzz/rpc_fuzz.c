/* Whole calls of all protocols over a socket: the test service of the unit tests. */
#include "wire.h"

#include "core/base64.h"
#include "rpc/codec/json.h"
#include "rpc/rpc_rig.h"

/* Bits of the input's first byte: the method, how it is called, and by which protocol. */
enum { METHOD = 3, PROTO = 4, GZIP = 8, CHUNKED = 16, PROTOCOL = 96 };
enum { CONNECT = 0, GRPC = 32, GRPC_WEB = 64, GRPC_WEB_TEXT = 96 };

/* The request, on the heap: the rest of the input is its body. */
static char *request(unsigned bits, const uint8_t *data, size_t size, size_t *len)
{
    const char *method = (const char *const[]){"Unary", "Server", "Client", "Nobody"}[bits & METHOD];
    bool stream = (bits & METHOD) == 1 || (bits & METHOD) == 2;
    const char *family = (const char *const[]){stream ? "connect+" : "", "grpc+", "grpc-web+",
                                               "grpc-web-text+"}[(bits & PROTOCOL) / GRPC];
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    CHECK(out);
    fprintf(out, "POST /unit.Test/%s HTTP/1.1\r\nHost: a\r\nContent-Type: application/%s%s\r\n", method,
            family, bits & PROTO ? "proto" : "json");
    if (bits & GZIP) /* and answers may be compressed as well */
        fprintf(out, "%s: gzip\r\nGrpc-Encoding: gzip\r\nGrpc-Accept-Encoding: gzip\r\n",
                stream ? "Connect-Content-Encoding" : "Content-Encoding");
    if (bits & CHUNKED) {
        fprintf(out, "Transfer-Encoding: chunked\r\n\r\n");
        for (size_t at = 0, n; at < size; at += n) {
            n = fuzz_cut(&cuts, size - at);
            fprintf(out, "%zx\r\n", n);
            fwrite(data + at, 1, n, out);
            fprintf(out, "\r\n");
        }
        fprintf(out, "0\r\n\r\n");
    } else {
        fprintf(out, "Content-Length: %zu\r\n\r\n", size);
        fwrite(data, 1, size, out);
    }
    fclose(out);
    return text;
}

/* The text, which must be a JSON object. */
static json_t *parse(const char *text, size_t len)
{
    struct err e;
    json_t *j = json_parse((struct bytes){text, len}, MIB, &e);

    CHECK(j);
    return j;
}

/* {"code": a name, "message": text, ...} */
static void check_error(const json_t *e)
{
    const char *code = json_string_value(json_object_get(e, "code"));

    CHECK(code && strcmp(code, status_name(status_from_name(bytes_of(code)))) == 0);
    CHECK(!json_object_get(e, "message") || json_is_string(json_object_get(e, "message")));
}

/* Messages, and at their end one that says how it went. */
static void check_stream(struct bytes body)
{
    struct envelope v = {0};

    while (!(v.flags & ENVELOPE_END_STREAM)) {
        size_t n = envelope_decode((const uint8_t *)body.ptr, body.len, &v);

        CHECK(n == ENVELOPE_SIZE && v.len <= body.len - n && (v.flags & ~ENVELOPE_END_STREAM) == 0);
        if (v.flags & ENVELOPE_END_STREAM) {
            json_t *end = parse(body.ptr + n, v.len);

            if (json_object_get(end, "error"))
                check_error(json_object_get(end, "error"));
            json_decref(end);
        }
        body = (struct bytes){body.ptr + n + v.len, body.len - n - v.len};
    }
    CHECK(body.len == 0);
}

/* Messages, and behind the last one the status: in the body (gRPC-Web) or in trailers, which are not looked at here. */
static void check_grpc(struct bytes body, bool web)
{
    bool status = false;

    while (body.len > 0) {
        struct envelope v;
        size_t n = envelope_decode((const uint8_t *)body.ptr, body.len, &v);

        CHECK(n == ENVELOPE_SIZE && v.len <= body.len - n && !status);
        CHECK(v.flags == 0x80 ? web : v.flags <= ENVELOPE_COMPRESSED);
        if (v.flags == 0x80) {
            CHECK(memcmp(body.ptr + n, "grpc-status: ", 13) == 0 && body.ptr[n + v.len - 1] == '\n');
            status = true;
        }
        body = (struct bytes){body.ptr + n + v.len, body.len - n - v.len};
    }
    CHECK(status == web);
}

/* The same as base64, in pieces with their own padding. */
static void check_grpc_text(const char *text, size_t len)
{
    CLEANUP_FREE uint8_t *plain = malloc(len + 3);
    size_t n = 0;

    CHECK(plain && len % 4 == 0);
    for (size_t at = 0; at < len; at += 4) {
        ptrdiff_t more = base64_decode((struct bytes){text + at, 4}, plain + n);

        CHECK(more > 0);
        n += (size_t)more;
    }
    check_grpc((struct bytes){(const char *)plain, n}, true);
}

/* Makes the call. Returns its status, 0 when it was not answered, and the body of the answer. */
static int call(const char *text, size_t len, struct fuzz_cuts *cuts, char **body, size_t *body_len)
{
    struct bytes answer = {got, 0};
    FILE *out = open_memstream(body, body_len);
    int status = 0;

    CHECK(out);
    memset(&seen, 0, sizeof seen);
    seen.produced = 2;
    answer.len = wire_talk(&r, text, len, cuts, got, sizeof got);
    CHECK(rpc.calls == 0 && seen.destroyed <= 1 && !(seen.cancelled && answer.len > 0));
    if (answer.len > 0)
        status = wire_response(&answer, false, out).status;
    CHECK(answer.len == 0);
    fclose(out);
    return status;
}

static void stop(void)
{
    CHECK(teardown(NULL) == 0);
}

/* A call has an answer of its protocol's form, the same in pieces as at once. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    CLEANUP_FREE char *text = NULL, *whole = NULL, *pieces = NULL;
    unsigned method = size ? data[0] & METHOD : 0;
    size_t len, whole_len, pieces_len;
    int status;

    if (!r.http.net) {
        CHECK(setup(NULL) == 0);
        atexit(stop);
    }
    if (size == 0 || size > LOOKAHEAD_MAX)
        return 0;
    text = request(data[0], data + 1, size - 1, &len);
    status = call(text, len, NULL, &whole, &whole_len);
    CHECK(status == call(text, len, &cuts, &pieces, &pieces_len));
    /* Base64 that is bad later on may be noticed before or after what stands before it. */
    if ((data[0] & PROTOCOL) != GRPC_WEB_TEXT)
        CHECK(whole_len == pieces_len && memcmp(whole, pieces, whole_len) == 0);
    if (method == 3)
        CHECK(status == 404);
    else if (status == 200 && (data[0] & PROTOCOL) == GRPC_WEB_TEXT && whole_len > 0)
        check_grpc_text(whole, whole_len);
    else if (data[0] & PROTOCOL) {
        CHECK(status == 200 || status == 0);
        if (whole_len > 0)
            check_grpc((struct bytes){whole, whole_len}, (data[0] & PROTOCOL) == GRPC_WEB);
    } else if (method > 0)
        check_stream((struct bytes){whole, whole_len});
    else if (status != 200 && status != 0) {
        json_t *error = parse(whole, whole_len);

        check_error(error);
        json_decref(error);
    }
    return 0;
}
