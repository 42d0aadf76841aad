/* codec_pipe: transcodes unit.All for tests/oracle/run, one record from stdin after the other: 'J' (JSON to protobuf)
 * or 'P' (protobuf to JSON), the length in 4 bytes of the machine's order, the message. For each it writes '+' and the
 * other form, or '-' and why not. */
#include <stdio.h>

#include "core/limits.h"
#include "rpc/codec/codec.h"
#include "rpc/codec/types.h"
#include "unit.pb-c.h"

static void answer(char how, const char *data, uint32_t len)
{
    putchar(how);
    fwrite(&len, sizeof len, 1, stdout);
    fwrite(data, 1, len, stdout);
    fflush(stdout);
}

static void transcode(enum codec from, struct bytes in)
{
    struct arena a = {0};
    struct chain out = {0};
    struct err e;
    const ProtobufCMessage *m = codec_decode(from, &unit__all__descriptor, in, &a, &e);

    if (m && codec_encode(from == CODEC_JSON ? CODEC_PROTO : CODEC_JSON, m, NULL, NULL, &out, &e) == 0) {
        CLEANUP_FREE char *flat = malloc(out.bytes + 1);

        if (!flat)
            abort();
        chain_peek(&out, flat, out.bytes);
        answer('+', flat, (uint32_t)out.bytes);
    } else {
        answer('-', e.text, (uint32_t)strlen(e.text));
    }
    chain_clear(&out);
    arena_clear(&a);
}

int main(void)
{
    int from;

    codec_init();
    if (types_add(&unit__all__descriptor) < 0)
        return 1;
    while ((from = getchar()) != EOF) {
        CLEANUP_FREE char *in = NULL;
        uint32_t len;

        if (fread(&len, sizeof len, 1, stdin) != 1 || len > MESSAGE_MAX || !(in = malloc(len + 1)) ||
            fread(in, 1, len, stdin) != len)
            return 1;
        transcode(from == 'J' ? CODEC_JSON : CODEC_PROTO, (struct bytes){in, len});
    }
    return 0;
}
