/* Both codecs on unit.All, which has every kind of field and every message with a JSON form of its own. */
#ifndef TESTS_FUZZ_CODEC_FUZZ_H
#define TESTS_FUZZ_CODEC_FUZZ_H

#include "core/limits.h"
#include "fuzz.h"
#include "rpc/codec/json.h"
#include "rpc/codec/types.h"
#include "unit.pb-c.h"

/* The decoded message in *a; NULL when it was refused, with a reason that a client can act on. */
static inline ProtobufCMessage *codec_fuzz_decode(enum codec codec, struct bytes in, struct arena *a,
                                                  struct err *e)
{
    static bool ready;
    ProtobufCMessage *m;

    if (!ready) {
        codec_init();
        CHECK(types_add(&unit__all__descriptor) == 0);
    }
    ready = true;
    m = codec_decode(codec, &unit__all__descriptor, in, a, e);
    CHECK(a->total <= a->max);
    if (!m)
        CHECK((e->status == STATUS_INVALID_ARGUMENT || e->status == STATUS_RESOURCE_EXHAUSTED) && e->text[0]);
    return m;
}

/* The encoded message, on the heap; ptr is NULL when it has no JSON, with a reason. */
static inline struct bytes codec_fuzz_encode(enum codec codec, const ProtobufCMessage *m, struct err *e)
{
    struct chain out = {0};
    char *flat;
    size_t n;

    if (codec_encode(codec, m, NULL, NULL, &out, e) < 0) {
        CHECK(codec == CODEC_JSON && e->status == STATUS_INTERNAL && strncmp(e->text, "marshal ", 8) == 0);
        chain_clear(&out);
        return (struct bytes){NULL, 0};
    }
    n = out.bytes;
    flat = malloc(n + 1);
    CHECK(flat);
    chain_peek(&out, flat, n);
    chain_clear(&out);
    return (struct bytes){flat, n};
}

/* The sign of a zero gets lost: protobuf-c does not send it, and in JSON -0 is an integer. */
static inline bool has_negative_zero(struct bytes text)
{
    for (size_t i = 0; i + 3 < text.len; i++)
        if (strchr(":[,", text.ptr[i]) && memcmp(text.ptr + i + 1, "-0", 2) == 0 &&
            strchr(",]}", text.ptr[i + 3]))
            return true;
    return false;
}

/* A NullValue that is not 0 is null in JSON, and null is 0: of a field of that type without presence (`null` of the test's
 * message) it is left out the next time. */
static inline bool has_foreign_null(struct bytes text)
{
    static const char field[] = "\"null\":null";

    return memmem(text.ptr, text.len, field, sizeof field - 1) != NULL;
}

/* Whether both hold the same bytes, however they are cut. */
static inline bool fuzz_same_chain(const struct chain *a, const struct chain *b)
{
    CLEANUP_FREE char *x = malloc(a->bytes + 1), *y = malloc(b->bytes + 1);

    CHECK(x && y);
    chain_peek(a, x, a->bytes);
    chain_peek(b, y, b->bytes);
    return a->bytes == b->bytes && memcmp(x, y, a->bytes) == 0;
}

/* Decodes what an encoder of ours wrote and encodes it again, as `codec`: that must be `want`. The memory that
 * a message, or what an Any holds, may take depends on the length of its form, and another form may be shorter: then it
 * is refused, and nothing can be said. */
static inline void codec_fuzz_again(enum codec from, struct bytes in, enum codec codec, struct bytes want)
{
    struct arena a = {0};
    struct err e;
    const ProtobufCMessage *m = codec_fuzz_decode(from, in, &a, &e);

    if (m) {
        struct bytes got = codec_fuzz_encode(codec, m, &e);

        CHECK(got.ptr ? bytes_equal(got, want) : strstr(e.text, "bytes of memory") != NULL);
        free((char *)(uintptr_t)got.ptr);
    } else {
        CHECK(e.status == STATUS_RESOURCE_EXHAUSTED);
    }
    arena_clear(&a);
}

#endif
