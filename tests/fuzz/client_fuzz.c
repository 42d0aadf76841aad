/* guestctl's client against any answer: the first byte says what was asked and how, the others are what the server says. */
#include "fuzz.h"

#include "core/limits.h"
#include "ctl/client/call.h"

#define MESSAGE 1000 /* bytes of a message at most */

enum { HTTP2 = 1, GRPC = 2, UNARY = 4, JSON = 8, ONE = 16 };

/* What a call came to; the text of an error may depend on the cuts, the rest does not. */
static struct {
    FILE *out;
    char *text;
    size_t len;
} seen;

static void note(const char *what, struct bytes b)
{
    fprintf(seen.out, "%s %zu ", what, b.len);
    if (b.len > 0)
        fwrite(b.ptr, 1, b.len, seen.out);
    fputc('\n', seen.out);
}

static void note_end(unsigned how, struct call *c, int got, const struct answer_error *e)
{
    struct answer_error again = {.from_agent = false};
    struct bytes none;

    /* Both sides may end a stream of HTTP/2: it depends on the cuts whose reason is the first. */
    fprintf(seen.out, "end %d %d %d\n", got,
            got < 0 && (e->from_agent || !(how & HTTP2)) ? (int)e->err.status : 0, got < 0 && e->from_agent);
    CHECK(got == 2 || (e->err.status != STATUS_OK && e->err.status <= STATUS_UNAUTHENTICATED));
    CHECK(call_next(c, &none, &again) == got && (got == 2 || again.err.status == e->err.status));
    for (size_t i = 0; i < c->detail_count; i++) {
        note("detail", bytes_of(c->details[i].type));
        note("value", (struct bytes){(const char *)c->details[i].value, c->details[i].len});
    }
    for (uint32_t i = 0; i < c->trailers.count; i++) {
        note("trailer", http_field_name(&c->trailers, i));
        note("value", http_field_value(&c->trailers, i));
    }
    CHECK(c->trailers.len <= HEADER_MAX && c->wire->head.len <= HEADER_MAX);
}

/* Takes what there is of messages. Returns whether the call goes on. */
static bool take(unsigned how, struct call *c)
{
    struct answer_error e = {.from_agent = false};
    struct bytes message;
    int got;

    while ((got = call_next(c, &message, &e)) == 1) {
        CHECK(message.len <= MESSAGE);
        note("message", message);
    }
    if (got != 0)
        note_end(how, c, got, &e);
    return got == 0;
}

/* Gives the bytes to a call, at once or cut, and then the end of the connection. */
static void answer(unsigned how, const uint8_t *data, size_t size, struct fuzz_cuts *cuts)
{
    const struct call_spec s = {
        .protocol = how & GRPC ? CALL_GRPC : CALL_CONNECT,
        .codec = how & JSON ? CODEC_JSON : CODEC_PROTO,
        .unary = how & UNARY,
        .message_max = MESSAGE,
        .method = "x.Y/Z",
    };
    struct bytes only = {"abc", 3};
    struct call c = {0};
    struct wire w;
    struct err e;
    int ret = 0;

    CHECK(wire_open(&w, -1, how & HTTP2 ? WIRE_HTTP2 : WIRE_HTTP1, "server", &e) == 0);
    CHECK(call_begin(&c, &w, &s, how & ONE ? &only : NULL, &e) == 0);
    for (size_t at = 0, n = 0; take(how, &c); at += n) {
        CHECK(!c.cut && ret == 0 && at <= size);
        n = cuts ? fuzz_cut(cuts, size - at) : size - at;
        ret = n > 0 ? wire_receive(&w, data + at, n, &c.error.err) : wire_receive_end(&w, &c.error.err);
        c.cut = ret < 0;
        ret = 0;
    }
    call_close(&c);
    wire_close(&w);
}

/* Returns what was seen, for the caller to free. */
static char *watch(unsigned how, const uint8_t *data, size_t size, struct fuzz_cuts *cuts)
{
    seen.out = open_memstream(&seen.text, &seen.len);
    CHECK(seen.out);
    answer(how, data, size, cuts);
    fclose(seen.out);
    return seen.text;
}

/* In pieces it comes to the same as at once. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    CLEANUP_FREE uint8_t *bytes = NULL;
    CLEANUP_FREE char *whole = NULL, *pieces = NULL;
    size_t len;

    if (size == 0)
        return 0;
    codec_init();
    bytes = fuzz_copy(data + 1, size - 1);
    whole = watch(data[0], bytes, size - 1, NULL);
    len = seen.len;
    pieces = watch(data[0], bytes, size - 1, &cuts);
    if (len != seen.len || memcmp(whole, pieces, len) != 0)
        fprintf(stderr, "--- at once\n%s--- in pieces\n%s", whole, pieces);
    CHECK(len == seen.len && memcmp(whole, pieces, len) == 0);
    return 0;
}
