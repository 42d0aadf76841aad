#include "http/fields.h"

#include "core/limits.h"
#include "fuzz.h"

/* Feeds a name or a value, whole or in pieces. Returns the first error. */
static int feed(struct http_fields *f, int (*put)(struct http_fields *, const char *, size_t), struct bytes s,
                struct fuzz_cuts *cuts)
{
    int ret = 0;

    if (s.len == 0 || !cuts)
        return put(f, s.ptr, s.len);
    for (size_t at = 0, n; ret == 0 && at < s.len; at += n) {
        n = fuzz_cut(cuts, s.len - at);
        ret = put(f, s.ptr + at, n);
    }
    return ret;
}

/* Each line of the input is a field: the name up to the first ':'. The parser never says an empty name. */
static int fill(struct http_fields *f, struct bytes in, struct fuzz_cuts *cuts)
{
    int ret = 0;

    while (ret == 0 && in.len > 0) {
        const char *end = memchr(in.ptr, '\n', in.len);
        struct bytes name = {in.ptr, end ? (size_t)(end - in.ptr) : in.len}, value = {in.ptr, 0};
        const char *colon = memchr(in.ptr, ':', name.len);

        in.ptr += name.len + (end != NULL);
        in.len -= name.len + (end != NULL);
        if (colon) {
            value = (struct bytes){colon + 1, name.len - (size_t)(colon - name.ptr) - 1};
            name.len = (size_t)(colon - name.ptr);
        }
        if (name.len == 0)
            continue;
        ret = feed(f, http_fields_name, name, cuts);
        if (ret == 0)
            ret = feed(f, http_fields_value, value, cuts);
    }
    return ret;
}

static void check(const struct http_fields *f)
{
    CHECK(f->len <= HEADER_MAX && f->len <= f->cap && f->count <= HEADER_COUNT_MAX);
    for (uint32_t i = 0; i < f->count; i++) {
        struct bytes name = http_field_name(f, i), value = http_field_value(f, i);
        CLEANUP_FREE char *text = strndup(name.ptr ? name.ptr : "", name.len);

        CHECK(text && strlen(text) == name.len); /* a token holds no NUL */
        CHECK(strcspn(text, " \t:()<>@,;\\\"/[]?={}ABCDEFGHIJKLMNOPQRSTUVWXYZ") == name.len);
        CHECK(value.len == 0 ||
              (!memchr(" \t", value.ptr[0], 2) && !memchr(" \t", value.ptr[value.len - 1], 2)));
        CHECK(http_fields_count(f, text) >= 1 && http_fields_get(f, text).ptr);
    }
}

/* In pieces it comes to the same as at once. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *copy = fuzz_copy(data, size);
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    struct http_fields whole = {0}, pieces = {0};
    int ret = fill(&whole, (struct bytes){copy, size}, NULL);

    CHECK((fill(&pieces, (struct bytes){copy, size}, &cuts) == 0) == (ret == 0));
    check(&whole);
    check(&pieces);
    if (ret == 0) {
        CHECK(whole.count == pieces.count && whole.len == pieces.len);
        for (uint32_t i = 0; i < whole.count; i++) {
            CHECK(bytes_equal(http_field_name(&whole, i), http_field_name(&pieces, i)));
            CHECK(bytes_equal(http_field_value(&whole, i), http_field_value(&pieces, i)));
        }
    }
    http_fields_clear(&whole);
    http_fields_clear(&pieces);
    return 0;
}
