/* The way in of a long value: the one bytes field that a message is about is not decoded but lifted out of it before
 * protobuf-c, which would copy it, sees the rest. Its bytes stay in the segments that they were received in. The counterpart
 * of what codec_encode does with its bulk. */
#ifndef RPC_CODEC_PROTO_LIFT_H
#define RPC_CODEC_PROTO_LIFT_H

#include "rpc/codec/codec.h"

#define PROTO_LIFT_LEVELS 4  /* fields on the way from the message down to the value, that included */
#define PROTO_LIFT_FIELDS 64 /* looked at; what lies behind more of them is not found */

struct proto_lift {
    unsigned levels; /* 0: nothing is lifted */
    const ProtobufCFieldDescriptor *path[PROTO_LIFT_LEVELS];
    uint32_t lengths[PROTO_LIFT_LEVELS]; /* where in the message the length of each of these stands */
    size_t at, len;                      /* the value's bytes in the message */
};

/* Looks for a value of at least `shortest` bytes to lift in the message that is the n bytes of `in` behind `skip` (n <= MESSAGE_MAX). It must be reached
 * through fields that are there once, so that nothing is merged with it. Returns whether there is one; a message that is
 * malformed may have one or none, and what is left of it is as malformed. */
bool proto_lift_find(struct proto_lift *l, const ProtobufCMessageDescriptor *d, const struct chain *in,
                     size_t skip, size_t n, size_t shortest);

/* Writes the message without the value to `out`: n - l->len bytes, in which the field is there and empty. */
void proto_lift_rest(const struct proto_lift *l, const struct chain *in, size_t skip, size_t n, uint8_t *out);

/* Puts CODEC_BULK and its length where the value belongs in what the rest was decoded to; unless another member of a oneof
 * came behind it. */
void proto_lift_place(const struct proto_lift *l, ProtobufCMessage *m);

#endif
