/* Includes the source to reach how a stream's messages are taken out of a request. */
#include "rpc/connect.c"

#include "fuzz.h"

/* What became of the messages: each as it is, then how it ended. */
struct seen {
    char *text;
    size_t len;
    FILE *out;
};

/* Takes messages until one is incomplete (true) or the call must end (false). */
static bool take(struct rpc_call *call, struct seen *s)
{
    struct bytes message;
    struct err e;
    int got;

    while ((got = stream_next(call, &message, &e)) > 0) {
        CHECK(call->taken >= ENVELOPE_SIZE && call->taken <= call->in.bytes && message.len <= MESSAGE_MAX);
        fprintf(s->out, "%zu:", message.len);
        fwrite(message.ptr, 1, message.len, s->out);
        free(TAKE(call->message));
        chain_drop(&call->in, call->taken);
    }
    CHECK(!call->message || got < 0);
    free(TAKE(call->message));
    if (got < 0)
        fprintf(s->out, "error %s %s", status_name(e.status), e.text);
    return got == 0;
}

/* Feeds the input, whole or in pieces that are segments of their own. */
static struct seen feed(const uint8_t *data, size_t size, struct fuzz_cuts *cuts)
{
    struct rpc_call call = {.gzip_in = true};
    struct seen s = {0};
    bool more = true;

    s.out = open_memstream(&s.text, &s.len);
    CHECK(s.out);
    for (size_t at = 0, n; more && at < size; at += n) {
        struct seg *seg;

        n = cuts ? fuzz_cut(cuts, size - at) : size;
        seg = seg_heap(n);
        CHECK(seg);
        memcpy(seg->data, data + at, n);
        CHECK(chain_give(&call.in, seg, seg->data, n) == 0);
        more = take(&call, &s);
    }
    if (more)
        fprintf(s.out, "left %zu", call.in.bytes);
    chain_clear(&call.in);
    fclose(s.out);
    return s;
}

/* What should become of them. */
static struct seen expect(const uint8_t *data, size_t size)
{
    struct seen s = {0};
    struct envelope v;

    s.out = open_memstream(&s.text, &s.len);
    CHECK(s.out);
    while (envelope_decode(data, size, &v) > 0) {
        struct bytes message = {(const char *)data + ENVELOPE_SIZE, v.len};
        CLEANUP_FREE uint8_t *plain = NULL;
        struct err e;

        if (v.flags > ENVELOPE_COMPRESSED || v.len > MESSAGE_MAX)
            break;
        if (v.len > size - ENVELOPE_SIZE)
            break;
        if (v.flags) {
            plain = gzip_decompress(message, MESSAGE_MAX, &message.len, &e);
            message.ptr = (const char *)plain;
            if (!plain)
                break;
        }
        fprintf(s.out, "%zu:", message.len);
        fwrite(message.ptr, 1, message.len, s.out);
        data += ENVELOPE_SIZE + v.len;
        size -= ENVELOPE_SIZE + v.len;
    }
    fclose(s.out);
    return s;
}

/* A header is read as it was written. */
static void check_header(const uint8_t *data, size_t size)
{
    uint8_t again[ENVELOPE_SIZE];
    struct envelope v;
    size_t n = envelope_decode(data, size, &v);

    CHECK(n == (size < ENVELOPE_SIZE ? 0 : ENVELOPE_SIZE));
    if (n == 0)
        return;
    envelope_encode(v.flags, v.len, again);
    CHECK(memcmp(again, data, ENVELOPE_SIZE) == 0);
}

/* The messages are those that the input holds; in pieces they are the same as at once, and so is their end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE uint8_t *copy = fuzz_copy(data, size);
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    struct seen whole = feed(copy, size, NULL), pieces = feed(copy, size, &cuts), want = expect(copy, size);

    check_header(copy, size);
    CHECK(whole.len >= want.len && memcmp(whole.text, want.text, want.len) == 0);
    CHECK(memchr("el", whole.text[want.len], 2)); /* an error, or what is left, but no more messages */
    CHECK(whole.len == pieces.len && memcmp(whole.text, pieces.text, whole.len) == 0);
    free(whole.text);
    free(pieces.text);
    free(want.text);
    return 0;
}
