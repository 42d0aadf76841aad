#include "codec_fuzz.h"
#include "core/utf8.h"

/* What is understood has a canonical text, which is understood as the same; so does the way through the binary
 * form. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *in = fuzz_copy(data, size);
    struct arena a = {0};
    struct err e;
    const ProtobufCMessage *m = codec_fuzz_decode(CODEC_JSON, (struct bytes){in, size}, &a, &e);

    if (m) {
        struct bytes text = codec_fuzz_encode(CODEC_JSON, m, &e),
                     wire = codec_fuzz_encode(CODEC_PROTO, m, NULL);

        CHECK(text.ptr ? utf8_valid(text) : strstr(e.text, "bytes of memory") != NULL);
        if (text.ptr && !has_negative_zero(text)) {
            codec_fuzz_again(CODEC_JSON, text, CODEC_JSON, text);
            codec_fuzz_again(CODEC_JSON, text, CODEC_PROTO, wire);
            codec_fuzz_again(CODEC_PROTO, wire, CODEC_JSON, text);
        }
        free((char *)(uintptr_t)text.ptr);
        free((char *)(uintptr_t)wire.ptr);
    }
    arena_clear(&a);
    return 0;
}
