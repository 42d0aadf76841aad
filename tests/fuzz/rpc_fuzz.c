/* Whole calls of the Connect protocol over a socket: the test service of the unit tests. */
#include "wire.h"

#include "rpc/codec/json.h"
#include "rpc/rpc_rig.h"

enum { METHOD = 3, PROTO = 4, GZIP = 8, CHUNKED = 16 }; /* bits of the input's first byte */

/* The request, on the heap: the rest of the input is its body. */
static char *request(unsigned bits, const uint8_t *data, size_t size, size_t *len)
{
    const char *method = (const char *const[]){"Unary", "Server", "Client", "Nobody"}[bits & METHOD];
    bool stream = (bits & METHOD) == 1 || (bits & METHOD) == 2;
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    CHECK(out);
    fprintf(out, "POST /unit.Test/%s HTTP/1.1\r\nHost: a\r\nContent-Type: application/%s%s\r\n", method,
            stream ? "connect+" : "", bits & PROTO ? "proto" : "json");
    if (bits & GZIP)
        fprintf(out, "%s: gzip\r\n", stream ? "Connect-Content-Encoding" : "Content-Encoding");
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
    CHECK(whole_len == pieces_len && memcmp(whole, pieces, whole_len) == 0);
    if (method == 3)
        CHECK(status == 404);
    else if (method > 0)
        check_stream((struct bytes){whole, whole_len});
    else if (status != 200 && status != 0) {
        json_t *error = parse(whole, whole_len);

        check_error(error);
        json_decref(error);
    }
    return 0;
}
