#include "codec_fuzz.h"
#include "rpc/codec/proto_lift.h"

/* Whether the bytes hold U+FFFD, which the JSON encoder writes for what is not UTF-8. */
static bool has_replacement(struct bytes s)
{
    return s.len && memmem(s.ptr, s.len, "\xef\xbf\xbd", 3);
}

/* How deep the objects of a JSON text lie in each other: as deep as the messages of the binary form. */
static unsigned depth_of(struct bytes text)
{
    unsigned depth = 0, deepest = 0;
    bool string = false;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            string = !string;
        else if (string)
            i += text.ptr[i] == '\\';
        else if (text.ptr[i] == '{')
            depth++;
        else if (text.ptr[i] == '}')
            depth--;
        deepest = MAX(deepest, depth);
    }
    return deepest;
}

/* With a value lifted out of it, the input says the same: `m`, or nothing. Pieces and values are short, so that there are many
 * ways to cut and to lift. */
static void check_lift(const uint8_t *data, size_t size, const ProtobufCMessage *m, enum status status)
{
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    struct chain in = {0}, bulk = {0}, got = {0}, want = {0};
    struct arena a = {0};
    struct proto_lift l;
    struct err e;

    CHECK(chain_copy(&in, "skipped", 7) == 0);
    for (size_t at = 0, n; at < size; at += n) {
        struct seg *s;

        n = fuzz_cut(&cuts, size - at);
        s = seg_heap(n);
        CHECK(s);
        memcpy(s->data, data + at, n);
        CHECK(chain_give(&in, s, s->data, n) == 0);
    }
    if (proto_lift_find(&l, &unit__all__descriptor, &in, 7, size, 1 + size % 8)) {
        size_t n = size - l.len;
        uint8_t *rest = malloc(n ? n : 1);
        ProtobufCMessage *lifted;

        CHECK(rest && l.len >= 1 + size % 8);
        proto_lift_rest(&l, &in, 7, size, rest);
        CHECK(chain_share(&bulk, &in, 7 + l.at, l.len) == 0);
        lifted = codec_fuzz_decode(CODEC_PROTO, (struct bytes){(char *)rest, n}, &a, &e);
        if (lifted && m) {
            proto_lift_place(&l, lifted);
            CHECK(codec_encode(CODEC_PROTO, lifted, &bulk, NULL, &got, &e) == 0);
            CHECK(codec_encode(CODEC_PROTO, m, NULL, NULL, &want, &e) == 0);
            CHECK(fuzz_same_chain(&got, &want));
        } else { /* of one the memory may not be enough: its bound depends on the length */
            CHECK(!lifted || status == STATUS_RESOURCE_EXHAUSTED);
            CHECK(!m || e.status == STATUS_RESOURCE_EXHAUSTED);
        }
        free(rest);
    }
    arena_clear(&a);
    chain_clear(&in);
    chain_clear(&bulk);
    chain_clear(&got);
    chain_clear(&want);
}

/* What is understood is written in one way, which is understood as the same; and whatever it holds, its JSON is
 * JSON, with all strings as they were. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *in = fuzz_copy(data, size);
    struct arena a = {0};
    struct err e;
    const ProtobufCMessage *m = codec_fuzz_decode(CODEC_PROTO, (struct bytes){in, size}, &a, &e);

    check_lift(data, size, m, m ? STATUS_OK : e.status);
    if (m) {
        struct bytes text = codec_fuzz_encode(CODEC_JSON, m, &e),
                     wire = codec_fuzz_encode(CODEC_PROTO, m, NULL);

        if (text.ptr) {
            json_t *j = json_parse(text, DECODE_MAX, &e);

            /* JSON has two brackets where the binary form has one level. */
            CHECK(j || strstr(e.text, "nested deeper"));
            if (j && !has_negative_zero(text) && !has_foreign_null(text))
                codec_fuzz_again(CODEC_JSON, text, CODEC_JSON, text);
            json_decref(j);
            CHECK(depth_of(text) <= NESTING_MAX + 1);
            CHECK(!has_replacement(text) || has_replacement((struct bytes){in, size}));
        }
        codec_fuzz_again(CODEC_PROTO, wire, CODEC_PROTO, wire);
        free((char *)(uintptr_t)text.ptr);
        free((char *)(uintptr_t)wire.ptr);
    }
    arena_clear(&a);
    return 0;
}
