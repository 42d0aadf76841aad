#include "codec_fuzz.h"

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

/* What is understood is written in one way, which is understood as the same; and whatever it holds, its JSON is
 * JSON, with all strings as they were. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *in = fuzz_copy(data, size);
    struct arena a = {0};
    struct err e;
    const ProtobufCMessage *m = codec_fuzz_decode(CODEC_PROTO, (struct bytes){in, size}, &a, &e);

    if (m) {
        struct bytes text = codec_fuzz_encode(CODEC_JSON, m, &e),
                     wire = codec_fuzz_encode(CODEC_PROTO, m, NULL);

        if (text.ptr) {
            json_t *j = json_parse(text, DECODE_MAX, &e);

            /* JSON has two brackets where the binary form has one level. */
            CHECK(j || strstr(e.text, "nested deeper"));
            if (j && !has_negative_zero(text))
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
