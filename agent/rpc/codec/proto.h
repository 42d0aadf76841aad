/* The binary form: protobuf-c does the work; what it does not check is checked before. See codec.h. */
#ifndef RPC_CODEC_PROTO_H
#define RPC_CODEC_PROTO_H

#include "rpc/codec/codec.h"

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_GROUP = 3, WIRE_END = 4, WIRE_32 = 5 };

/* Reads a varint from *s. Returns false when there is none. */
bool proto_varint(struct bytes *s, uint64_t *v);

ProtobufCMessage *proto_decode(const ProtobufCMessageDescriptor *d, struct bytes in, struct arena *a,
                               struct err *e);
int proto_encode(const ProtobufCMessage *m, const struct chain *bulk, struct seg_pool *pool,
                 struct chain *out, struct err *e);

#endif
