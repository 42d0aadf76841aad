#include "rpc/codec/codec.h"

#include "core/limits.h"
#include "rpc/codec/json.h"
#include "rpc/codec/maps.h"
#include "rpc/codec/proto.h"

#define LIFT_FROM KIB /* shorter strings cost the parser less than it costs to look for them */

uint8_t codec_bulk_mark[1];

ProtobufCMessage *codec_decode(enum codec codec, const ProtobufCMessageDescriptor *d, struct bytes in,
                               struct arena *a, struct err *e)
{
    ProtobufCMessage *m;

    /* A hostile message of n bytes decodes to many times n; an honest one stays far below. */
    a->max = MIN((size_t)DECODE_MAX, 64 * KIB + 32 * in.len);
    m = codec == CODEC_JSON ? json_decode(d, in, LIFT_FROM, a, e) : proto_decode(d, in, a, e);
    if (m && maps_settle(m, a) < 0) {
        err_nomem(e, "decode a message");
        return NULL;
    }
    return m;
}

int codec_encode(enum codec codec, const ProtobufCMessage *m, const struct chain *bulk, struct seg_pool *pool,
                 struct chain *out, struct err *e)
{
    return codec == CODEC_JSON ? json_encode(m, bulk, pool, out, e) : proto_encode(m, bulk, pool, out, e);
}

size_t codec_json_name(const char *name, char *out)
{
    const char *start = out;
    bool up = false;

    for (; *name; name++) {
        if (*name == '_') {
            up = true;
            continue;
        }
        *out++ = (char)(up && *name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name);
        up = false;
    }
    *out = 0;
    return (size_t)(out - start);
}

void codec_init(void)
{
    json_init();
}
