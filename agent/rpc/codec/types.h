/* The messages that a google.protobuf.Any in JSON may hold: its members can be read and written by a descriptor only, and
 * that is found here by the message's full name. Named at start-up; never emptied.
 * The fields are followed, and names compared, at the first search: most agents never see an Any, and it is a fifth of their start. */
#ifndef RPC_CODEC_TYPES_H
#define RPC_CODEC_TYPES_H

#include <protobuf-c/protobuf-c.h>

#include "core/base.h"

/* Adds the message and those of its fields, and of theirs; what is there already stays. The descriptors must live as long
 * as the process. Returns 0, or -1: more than TYPES_MAX were added. Of messages, with their fields', no more than that are found. */
MUST_CHECK int types_add(const ProtobufCMessageDescriptor *d);

/* The message with that full name ("package.Message"), or NULL. */
const ProtobufCMessageDescriptor *types_find(struct bytes name);

#endif
