/* HTTP/2 behind the preface, with a handler that takes every request, echoes its body, and streams for one path. */
#include "wire.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

static struct rig r;

/* The heads that the handler saw in one conversation, and whether all that began has ended. */
static struct {
    FILE *out;
    char *text;
    size_t len, begun, destroyed;
} seen;

struct echo {
    struct chain body;
    bool ended;
    int left; /* pieces of a streamed response */
};

static void on_body(struct http_exchange *x)
{
    struct echo *e = x->owner;

    CHECK(!e->ended && x->in.bytes > 0);
    CHECK(chain_move(&e->body, &x->in, x->in.bytes) == 0);
    http_body_consumed(x);
}

static enum http_produced on_produce(struct http_exchange *x, struct chain *out, size_t max)
{
    struct echo *e = x->owner;
    static uint8_t piece[3000];

    CHECK(e->left >= 0 && max >= sizeof piece);
    if (e->left == 0)
        http_add_trailer(x, "x-sum", BYTES_LIT("1"));
    if (e->left-- == 0)
        return HTTP_END;
    CHECK(chain_copy(out, piece, sizeof piece) == 0);
    return HTTP_MORE;
}

static void on_body_end(struct http_exchange *x)
{
    struct echo *e = x->owner;

    CHECK(!e->ended && (x->content_length < 0 || x->content_length == (int64_t)e->body.bytes));
    e->ended = true;
    if (bytes_are(x->path, "/stream"))
        http_stream(x, 200, "text/plain", -1);
    else
        http_reply_chain(x, 200, "text/plain", &e->body);
}

static void on_cancel(struct http_exchange *x, enum close_reason why)
{
    (void)why;
    CHECK(!x->ended);
}

static void on_destroy(struct http_exchange *x)
{
    struct echo *e = x->owner;

    seen.destroyed++;
    chain_clear(&e->body);
    free(e);
}

static void begin(struct http_exchange *x)
{
    static const struct http_events events = {.body = on_body,
                                              .body_end = on_body_end,
                                              .produce = on_produce,
                                              .cancel = on_cancel,
                                              .destroy = on_destroy};
    struct echo *e = calloc(1, sizeof *e);

    CHECK(e);
    e->left = 40;
    seen.begun++;
    CHECK(x->path.len > 0 && (x->path.ptr[0] == '/' || x->path.ptr[0] == '*'));
    CHECK(http_fields_count(&x->request, "host") == 1);
    fprintf(seen.out, "%s %s", x->method, x->target);
    for (uint32_t i = 0; i < x->request.count; i++) {
        struct bytes name = http_field_name(&x->request, i), value = http_field_value(&x->request, i);

        CHECK(name.len > 0 && !memchr(name.ptr, ':', name.len));
        CHECK(!memchr(value.ptr, '\r', value.len) && !memchr(value.ptr, '\n', value.len) &&
              !memchr(value.ptr, 0, value.len));
        fprintf(seen.out, "|%.*s=%.*s", (int)name.len, name.ptr, (int)value.len, value.ptr);
    }
    fputc('\n', seen.out);
    http_own(x, &events, e);
}

/* Every path leads to the handler. */
static enum http_verdict authorize(struct http_exchange *x)
{
    x->route = (struct http_route){.begin = begin};
    return HTTP_ALLOW;
}

/* Whole frames, SETTINGS first, and after a GOAWAY with an error no more streams' frames. */
static void check_frames(const uint8_t *p, size_t n)
{
    bool first = true, over = false;

    while (n > 0) {
        size_t len;

        CHECK(n >= 9);
        len = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
        CHECK(n >= 9 + len && p[3] <= 9 && (!first || p[3] == 4));
        CHECK(!over || p[3] > 3);
        over |= p[3] == 7 && (p[13] | p[14] | p[15] | p[16]);
        first = false;
        p += 9 + len;
        n -= 9 + len;
    }
}

static void talk(const uint8_t *data, size_t size, struct fuzz_cuts *cuts)
{
    static char got[1 << 22];
    size_t n;

    memset(&seen, 0, sizeof seen);
    seen.out = open_memstream(&seen.text, &seen.len);
    CHECK(seen.out);
    n = wire_talk(&r, data, size, cuts, got, sizeof got);
    fclose(seen.out);
    CHECK(seen.begun == seen.destroyed);
    if (n < sizeof got - 1)
        check_frames((const uint8_t *)got, n);
}

static void stop(void)
{
    rig_stop(&r);
}

/* In pieces the handler sees the same heads in the same order. How many may differ: the end of a connection comes
 * between other bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    CLEANUP_FREE uint8_t *all = malloc(sizeof PREFACE - 1 + size);
    CLEANUP_FREE char *text = NULL;
    size_t len;

    if (!r.http.authorize) {
        rig_start(&r);
        atexit(stop);
        r.http.authorize = authorize;
    }
    if (size > 2048) /* more than the streams that may be open at once */
        return 0;
    CHECK(all);
    memcpy(all, PREFACE, sizeof PREFACE - 1);
    if (size > 0)
        memcpy(all + sizeof PREFACE - 1, data, size);
    talk(all, sizeof PREFACE - 1 + size, NULL);
    text = seen.text;
    len = seen.len;
    talk(all, sizeof PREFACE - 1 + size, &cuts);
    CHECK(memcmp(text, seen.text, MIN(len, seen.len)) == 0);
    free(seen.text);
    return 0;
}
