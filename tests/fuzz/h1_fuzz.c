/* HTTP/1 over a socket, with a handler that takes every request and answers when it is complete. */
#include "wire.h"

#define REQUESTS_MAX 4096

static struct rig r;

/* What the handler saw in one conversation. */
static struct {
    FILE *out; /* heads and bodies */
    char *text;
    size_t len;
    bool head_only[REQUESTS_MAX]; /* of the requests that were complete */
    size_t complete, begun, destroyed;
    bool refused; /* what came after them */
} seen;

struct echo {
    struct chain body;
    bool ended;
};

static void on_body(struct http_exchange *x)
{
    struct echo *e = x->owner;

    CHECK(!e->ended && x->in.bytes > 0);
    CHECK(chain_move(&e->body, &x->in, x->in.bytes) == 0);
    http_body_consumed(x);
}

/* A streamed response says its target twice. */
static enum http_produced on_produce(struct http_exchange *x, struct chain *out, size_t max)
{
    size_t n = strlen(x->target);

    CHECK(max >= 2 * n);
    CHECK(chain_copy(out, x->target, n) == 0 && chain_copy(out, x->target, n) == 0);
    return HTTP_END;
}

static void on_body_end(struct http_exchange *x)
{
    struct echo *e = x->owner;

    CHECK(!e->ended && (x->content_length < 0 || x->content_length == (int64_t)e->body.bytes));
    e->ended = true;
    CHECK(seen.complete < REQUESTS_MAX);
    seen.head_only[seen.complete++] = strcmp(x->method, "HEAD") == 0;
    fprintf(seen.out, "body ");
    CHAIN_FOREACH (it, &e->body)
        fwrite(it->data, 1, it->len, seen.out);
    fputc('\n', seen.out);
    if (bytes_are(x->path, "/stream"))
        http_stream(x, 200, "text/plain", -1);
    else
        http_reply_chain(x, 200, "text/plain", &e->body);
}

static void on_cancel(struct http_exchange *x, enum close_reason why)
{
    CHECK(!((struct echo *)x->owner)->ended);
    fprintf(seen.out, "cancel %d\n", (int)why);
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
    /* Two servers must not see two different ends of this request. */
    CHECK(http_fields_count(&x->request, "content-length") +
              http_fields_count(&x->request, "transfer-encoding") <=
          1);
    CHECK(http_fields_count(&x->request, "host") <= 1);
    seen.begun++;
    fprintf(seen.out, "%s %s", x->method, x->target);
    for (uint32_t i = 0; i < x->request.count; i++) {
        struct bytes name = http_field_name(&x->request, i), value = http_field_value(&x->request, i);

        CHECK(!memchr(value.ptr, '\r', value.len) && !memchr(value.ptr, '\n', value.len));
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

/* One response to each complete request; then perhaps the refusal of what follows, and nothing more. Returns the
 * length without the refusal: where there are two reasons for one, it depends on the cuts which is found first. */
static size_t check_answers(struct bytes got)
{
    const char *start = got.ptr, *refusal = NULL;
    CLEANUP_FREE char *text = NULL;
    size_t len, answers = 0;
    FILE *body = open_memstream(&text, &len);
    struct wire_response last = {0};

    CHECK(body);
    while (got.len > 0) {
        const char *at = got.ptr;

        CHECK(!last.last);
        last = wire_response(&got, answers < seen.complete && seen.head_only[answers], body);
        if (last.status == 100)
            continue;
        CHECK((last.status == 200) == (answers < seen.complete));
        if (answers == seen.complete)
            refusal = at;
        answers++;
    }
    CHECK(answers == seen.complete || (answers == seen.complete + 1 && last.last));
    CHECK(seen.begun == seen.destroyed);
    fclose(body);
    seen.refused = refusal != NULL;
    return (size_t)((refusal ? refusal : got.ptr) - start);
}

/* Takes out what depends on the time: the date, and whether a client was invited to send its body. */
static size_t without_time(char *text, size_t len)
{
    static const char invitation[] = "HTTP/1.1 100 Continue\r\n";
    char *at = text;

    while ((at = memmem(at, len - (size_t)(at - text), "\r\nDate: ", 8))) {
        size_t rest = len - (size_t)(at - text) - 8;

        memset(at + 8, '-', MIN(rest, 29u));
        at += 8;
    }
    at = text;
    while ((at = memmem(at, len - (size_t)(at - text), invitation, sizeof invitation - 1))) {
        size_t n = sizeof invitation - 1 + 2;

        memmove(at, at + n, len - (size_t)(at - text) - n);
        len -= n;
    }
    return len;
}

static size_t talk(const uint8_t *data, size_t size, struct fuzz_cuts *cuts, char *got, size_t room)
{
    size_t n;

    memset(&seen, 0, sizeof seen);
    seen.out = open_memstream(&seen.text, &seen.len);
    CHECK(seen.out);
    n = wire_talk(&r, data, size, cuts, got, room);
    fclose(seen.out);
    return without_time(got, check_answers((struct bytes){got, n}));
}

static void stop(void)
{
    rig_stop(&r);
}

/* In pieces it comes to the same as at once: the same requests, the same answers. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char whole[1 << 20], pieces[1 << 20];
    CLEANUP_FREE char *lower = fuzz_copy(data, size);
    CLEANUP_FREE char *text = NULL;
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    size_t whole_len, pieces_len, len;
    bool refused;

    if (!r.http.authorize) {
        rig_start(&r);
        atexit(stop);
        r.http.authorize = authorize;
    }
    for (size_t i = 0; i < size; i++)
        lower[i] |= 0x20;
    /* More would only be slow; and a preflight is answered before its body, so its answer depends on the cuts. */
    if (size > LOOKAHEAD_MAX || memmem(lower, size, "access-control-request-method", 29))
        return 0;
    if (memmem(data, size, "PRI", 3)) /* perhaps the beginning of HTTP/2: h2_fuzz's */
        return 0;
    whole_len = talk(data, size, NULL, whole, sizeof whole);
    text = seen.text;
    len = seen.len;
    refused = seen.refused;
    pieces_len = talk(data, size, &cuts, pieces, sizeof pieces);
    CHECK(len == seen.len && memcmp(text, seen.text, len) == 0 && refused == seen.refused);
    free(seen.text);
    CHECK(whole_len == pieces_len && memcmp(whole, pieces, whole_len) == 0);
    return 0;
}
