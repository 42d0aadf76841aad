#include "stacyvm/request.h"

#include <jansson.h>

#include "fuzz.h"

/* What a request said, in one text. */
struct told {
    char *text;
    size_t len;
    bool bad, ended;
};

static void tell(struct told *t, const char *s, size_t n)
{
    t->text = realloc(t->text, t->len + n + 1);
    CHECK(t->text);
    memcpy(t->text + t->len, s, n);
    t->len += n;
}

static void tell_string(struct told *t, const char *s)
{
    tell(t, s, strlen(s) + 1);
}

static void tell_fields(struct told *t, const struct request *r)
{
    tell(t, r->id.ptr, r->id.len);
    tell(t, "|", 1);
    tell(t, r->method.ptr, r->method.len);
    for (int i = 0; i < FIELD_TEXTS; i++)
        tell_string(t, r->texts[i]);
    for (size_t i = 0; i < r->arg_count; i++)
        tell_string(t, r->args[i]);
    for (size_t i = 0; i < r->env_count; i++) {
        tell_string(t, r->env[i].name);
        tell_string(t, r->env[i].value);
    }
    tell(t, r->recursive ? "r" : "-", 1);
    tell(t, (const char *)&r->wrong, sizeof r->wrong);
    CHECK(r->arena.total <= STACYVM_REQUEST_MAX && r->text_cap <= 2 * (size_t)STACYVM_REQUEST_MAX);
}

/* One piece. Returns false when the request is none. */
static bool take(struct request *r, struct bytes in, struct told *t)
{
    for (;;) {
        struct bytes text = {NULL, 0};

        switch (request_next(r, &in, &text)) {
        case REQUEST_MORE:
            CHECK(in.len == 0);
            return true;
        case REQUEST_CONTENT:
            CHECK(!t->ended && text.len > 0);
            tell(t, text.ptr, text.len);
            break;
        case REQUEST_CONTENT_END:
            tell(t, "</>", 3);
            break;
        case REQUEST_END:
            CHECK(!t->ended);
            t->ended = true;
            break;
        case REQUEST_BAD:
            return false;
        }
    }
}

/* Reads it whole, or cut. */
static struct told read_request(const uint8_t *data, size_t size, bool whole)
{
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    struct told t = {0};
    struct request r;

    request_init(&r);
    for (size_t at = 0, n; at < size && !t.bad; at += n) {
        char *piece;

        n = whole ? size : fuzz_cut(&cuts, size - at);
        piece = fuzz_copy(data + at, n);
        t.bad = !take(&r, (struct bytes){piece, n}, &t);
        free(piece);
    }
    CHECK(t.bad || t.ended == r.json.done);
    if (!t.bad)
        tell_fields(&t, &r);
    request_clear(&r);
    return t;
}

/* How deep the value is. */
static size_t depth_of(json_t *value)
{
    size_t deepest = 0, i;
    const char *key;
    json_t *inner;

    json_array_foreach(value, i, inner)
    {
        size_t depth = depth_of(inner);

        deepest = MAX(deepest, depth);
    }
    json_object_foreach(value, key, inner)
    {
        size_t depth = depth_of(inner);

        deepest = MAX(deepest, depth);
    }
    return json_is_array(value) || json_is_object(value) ? deepest + 1 : 0;
}

/* What another reader takes for JSON, ours does, too. (That one refuses more: halves of surrogate pairs, what is not UTF-8, numbers
 * that are too large; but it lets a NUL pass behind a number.) */
static void compare(const uint8_t *data, size_t size)
{
    json_t *value =
        size && memchr(data, 0, size) ? NULL : json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
    struct bytes in = {(const char *)data, size}, text;
    enum json_token token;
    struct json j = {0};

    if (value && depth_of(value) <= NESTING_MAX) {
        while ((token = json_next(&j, &in, &text)) != JSON_MORE)
            CHECK(token != JSON_BAD);
        CHECK(j.done);
    }
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct told whole = read_request(data, size, true), cut = read_request(data, size, false);

    CHECK(whole.bad == cut.bad && whole.ended == cut.ended);
    if (!whole.bad)
        CHECK(whole.len == cut.len && memcmp(whole.text, cut.text, whole.len) == 0);
    free(whole.text);
    free(cut.text);
    compare(data, size);
    return 0;
}
