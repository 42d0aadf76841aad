#include "codec_fuzz.h"
#include "rpc/codec/json_lift.h"

/* The bytes as they came, and with each '~' replaced by a long run of plain characters, so that there is something to lift. */
static char *lengthen(const uint8_t *data, size_t size, size_t *len)
{
    static const char run[] = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0";
    size_t longs = 0, n = 0;
    char *out;

    for (size_t i = 0; i < size; i++)
        longs += data[i] == '~';
    out = malloc(size + longs * sizeof run + 1);
    CHECK(out);
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '~') {
            memcpy(out + n, run, sizeof run - 1);
            n += sizeof run - 1;
        } else {
            out[n++] = (char)data[i];
        }
    }
    *len = n;
    return out;
}

/* What stands for a lifted value gives it back, in order; and no string of the rest is as long. */
static void check_lift(struct bytes in, size_t shortest)
{
    struct json_lift l;
    const char *from = in.ptr;

    json_lift(&l, in, shortest);
    CHECK(l.text.len <= in.len && (l.count > 0 || l.text.ptr == in.ptr));
    for (size_t i = 0; i < l.count; i++) {
        CHECK(l.values[i].ptr > from && l.values[i].ptr + l.values[i].len < in.ptr + in.len);
        CHECK(l.values[i].len >= shortest && l.values[i].ptr[-1] == '"' &&
              l.values[i].ptr[l.values[i].len] == '"');
        from = l.values[i].ptr + l.values[i].len;
    }
    json_lift_clear(&l);
}

/* With its long strings lifted or not: the same message, or the same error; but with them the parser needs more memory. */
static void check_same(struct bytes in, size_t shortest)
{
    struct arena a = {.max = 64 * KIB + 32 * in.len}, b = a;
    const ProtobufCMessage *lifted, *plain;
    struct err e = {0}, f = {0};

    lifted = json_decode(&unit__all__descriptor, in, shortest, &a, &e);
    plain = json_decode(&unit__all__descriptor, in, SIZE_MAX, &b, &f);
    if (lifted && plain) {
        struct bytes x = codec_fuzz_encode(CODEC_PROTO, lifted, NULL),
                     y = codec_fuzz_encode(CODEC_PROTO, plain, NULL);

        CHECK(bytes_equal(x, y));
        free((char *)(uintptr_t)x.ptr);
        free((char *)(uintptr_t)y.ptr);
    } else if (f.status != STATUS_RESOURCE_EXHAUSTED) {
        CHECK(!lifted && !plain);
        CHECK(e.status == f.status && strcmp(e.text, f.text) == 0);
    }
    arena_clear(&a);
    arena_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    size_t len;
    CLEANUP_FREE char *in = lengthen(data, size, &len);
    CLEANUP_FREE char *exact = fuzz_copy(in, len);

    if (!ready) {
        codec_init();
        CHECK(types_add(&unit__all__descriptor) == 0);
    }
    ready = true;
    check_lift((struct bytes){exact, len}, JSON_LIFT_MIN);
    check_same((struct bytes){exact, len}, JSON_LIFT_MIN);
    return 0;
}
