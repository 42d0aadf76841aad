/* The envelope of streamed messages: one byte of flags, four of length (big-endian), the message. Connect and
 * gRPC share it: https://connectrpc.com/docs/protocol#streaming-request, grpc/doc/PROTOCOL-HTTP2.md. */
#ifndef RPC_ENVELOPE_H
#define RPC_ENVELOPE_H

#include "core/base.h"

#define ENVELOPE_SIZE 5u

enum { ENVELOPE_COMPRESSED = 0x01, ENVELOPE_END_STREAM = 0x02 };

struct envelope {
    uint8_t flags;
    uint32_t len; /* of the message */
};

/* Reads a header. Returns ENVELOPE_SIZE, or 0 when there are fewer bytes than that. */
static inline size_t envelope_decode(const uint8_t *p, size_t n, struct envelope *v)
{
    if (n < ENVELOPE_SIZE)
        return 0;
    v->flags = p[0];
    v->len = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
    return ENVELOPE_SIZE;
}

static inline void envelope_encode(uint8_t flags, uint32_t len, uint8_t out[ENVELOPE_SIZE])
{
    out[0] = flags;
    out[1] = (uint8_t)(len >> 24);
    out[2] = (uint8_t)(len >> 16);
    out[3] = (uint8_t)(len >> 8);
    out[4] = (uint8_t)len;
}

#endif
