/* Maps on the wire may name a key more than once: "the last key seen is used"
 * (https://protobuf.dev/programming-guides/encoding/#maps). protobuf-c has maps as lists of entries and keeps them all;
 * written as JSON again, they would be an object that no parser takes. */
#ifndef RPC_CODEC_MAPS_H
#define RPC_CODEC_MAPS_H

#include <protobuf-c/protobuf-c.h>

#include "core/arena.h"

/* Leaves one entry of each key in every map of a decoded message (at most NESTING_MAX deep). Returns 0, or -1: the arena is
 * full. */
MUST_CHECK int maps_settle(ProtobufCMessage *m, struct arena *a);

#endif
