/* Includes the source to reach how a stream's messages are taken out of a request. */
#include "rpc/message.c"

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

    while ((got = message_next(call, &message, &e)) > 0) {
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
static struct seen feed(const struct rpc_protocol *protocol, const uint8_t *data, size_t size,
                        struct fuzz_cuts *cuts)
{
    static struct rpc rpc = {.message_max = MESSAGE_MAX};
    static const struct rpc_method method = {.name = "Any"};
    struct rpc_call call = {.rpc = &rpc, .method = &method, .protocol = protocol, .gzip_in = true};
    struct seen s = {0};
    bool more = true;

    s.out = open_memstream(&s.text, &s.len);
    CHECK(s.out);
    for (size_t at = 0, n; more && at < size; at += n) {
        struct chain in = {0};
        struct seg *seg;
        struct err e;

        n = cuts ? fuzz_cut(cuts, size - at) : size;
        seg = seg_heap(n);
        CHECK(seg);
        memcpy(seg->data, data + at, n);
        CHECK(chain_give(&in, seg, seg->data, n) == 0);
        CHECK(message_receive(&call, &in, at + n == size, &e) == 0 && in.bytes == 0);
        chain_clear(&in);
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
        if (v.flags && v.len > 0) {
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

/* Base64 of the input, in pieces with their own padding. */
static char *text_of(const uint8_t *data, size_t size, size_t *len)
{
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    char *text = NULL, piece[BASE64_LEN(1024)];
    FILE *out = open_memstream(&text, len);

    CHECK(out);
    for (size_t at = 0, n; at < size; at += n) {
        n = fuzz_cut(&cuts, size - at);
        n = MIN(n, 1024u);
        base64_encode(data + at, n, piece);
        fwrite(piece, 1, BASE64_LEN(n), out);
    }
    fclose(out);
    return text;
}

/* Whatever comes as text is base64, or refused; never more than it can hold. */
static void check_text(const uint8_t *data, size_t size)
{
    static struct rpc rpc = {.message_max = MESSAGE_MAX};
    struct rpc_call call = {.rpc = &rpc, .protocol = &grpc_web_text};
    struct chain in = {0};
    struct err e;

    CHECK(chain_copy(&in, data, size) == 0);
    if (message_receive(&call, &in, true, &e) < 0)
        CHECK(e.status == STATUS_INVALID_ARGUMENT);
    CHECK(call.in.bytes <= size && in.bytes == 0);
    chain_clear(&call.in);
    chain_clear(&in);
}

static void check_same(struct seen a, struct seen b)
{
    CHECK(a.len == b.len && memcmp(a.text, b.text, a.len) == 0);
    free(b.text);
}

/* The messages are those that the input holds; in pieces they are the same as at once, and so is their end; and as base64
 * the same again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE uint8_t *copy = fuzz_copy(data, size);
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    struct seen whole = feed(&connect_stream, copy, size, NULL), want = expect(copy, size);
    size_t len;
    CLEANUP_FREE char *text = text_of(copy, size, &len);

    check_header(copy, size);
    CHECK(whole.len >= want.len && memcmp(whole.text, want.text, want.len) == 0);
    CHECK(memchr("el", whole.text[want.len], 2)); /* an error, or what is left, but no more messages */
    free(want.text);
    check_same(whole, feed(&connect_stream, copy, size, &cuts));
    check_same(whole, feed(&grpc_web_text, (const uint8_t *)text, len, NULL));
    check_same(whole, feed(&grpc_web_text, (const uint8_t *)text, len, &cuts));
    check_text(copy, size);
    free(whole.text);
    return 0;
}
