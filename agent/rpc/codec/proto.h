/* The binary form: protobuf-c does the work; what it does not check is checked before. See codec.h. */
#ifndef RPC_CODEC_PROTO_H
#define RPC_CODEC_PROTO_H

#include "rpc/codec/codec.h"

ProtobufCMessage *proto_decode(const ProtobufCMessageDescriptor *d, struct bytes in, struct arena *a,
                               struct err *e);
int proto_encode(const ProtobufCMessage *m, const struct chain *bulk, struct seg_pool *pool,
                 struct chain *out, struct err *e);

#endif
