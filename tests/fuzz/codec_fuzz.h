/* Both codecs on unit.All, which has every kind of field. */
#ifndef TESTS_FUZZ_CODEC_FUZZ_H
#define TESTS_FUZZ_CODEC_FUZZ_H

#include "core/limits.h"
#include "fuzz.h"
#include "rpc/codec/json.h"
#include "unit.pb-c.h"

/* The decoded message in *a; NULL when it was refused, with a reason that a client can act on. */
static inline ProtobufCMessage *codec_fuzz_decode(enum codec codec, struct bytes in, struct arena *a,
                                                  struct err *e)
{
    static bool ready;
    ProtobufCMessage *m;

    if (!ready)
        codec_init();
    ready = true;
    m = codec_decode(codec, &unit__all__descriptor, in, a, e);
    CHECK(a->total <= a->max);
    if (!m)
        CHECK((e->status == STATUS_INVALID_ARGUMENT || e->status == STATUS_RESOURCE_EXHAUSTED) && e->text[0]);
    return m;
}

/* The encoded message, on the heap. */
static inline struct bytes codec_fuzz_encode(enum codec codec, const ProtobufCMessage *m)
{
    struct chain out = {0};
    struct err e;
    char *flat;
    size_t n;

    CHECK(codec_encode(codec, m, NULL, NULL, &out, &e) == 0);
    n = out.bytes;
    flat = malloc(n + 1);
    CHECK(flat);
    chain_peek(&out, flat, n);
    chain_clear(&out);
    return (struct bytes){flat, n};
}

/* Decodes what an encoder of ours wrote and encodes it again, as `codec`: that must be `want`. The memory that
 * a message may take depends on the length of its text, and a canonical text may be shorter: then it is
 * refused, and nothing can be said. */
static inline void codec_fuzz_again(enum codec from, struct bytes in, enum codec codec, struct bytes want)
{
    struct arena a = {0};
    struct err e;
    const ProtobufCMessage *m = codec_fuzz_decode(from, in, &a, &e);

    if (m) {
        struct bytes got = codec_fuzz_encode(codec, m);

        CHECK(bytes_equal(got, want));
        free((char *)(uintptr_t)got.ptr);
    } else {
        CHECK(e.status == STATUS_RESOURCE_EXHAUSTED);
    }
    arena_clear(&a);
}

#endif
