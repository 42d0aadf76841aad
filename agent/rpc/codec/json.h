/* ProtoJSON: jansson parses, the descriptors say what it means; emitting goes straight into the output. See
 * codec.h. */
#ifndef RPC_CODEC_JSON_H
#define RPC_CODEC_JSON_H

#include <jansson.h>

#include "core/writer.h"
#include "rpc/codec/codec.h"

void json_init(void);

ProtobufCMessage *json_decode(const ProtobufCMessageDescriptor *d, struct bytes in, struct arena *a,
                              struct err *e);
int json_encode(const ProtobufCMessage *m, const struct chain *bulk, struct seg_pool *pool, struct chain *out,
                struct err *e);

/* Parses JSON text within the budget of `max` bytes of memory: an object, at most NESTING_MAX levels deep,
 * without duplicate names. Returns it (json_decref), or NULL with *e. */
json_t *json_parse(struct bytes in, size_t max, struct err *e);

/* A JSON value as compact text on the ordinary heap; NULL when out of memory. */
char *json_text(const json_t *j);

/* --- shared by the files of this folder ------------------------------------------------------- */

/* Messages with a JSON form of their own, by full name. */
struct well_known {
    const char *name;
    int (*decode)(json_t *j, ProtobufCMessage *m, struct arena *a, struct err *e);
    void (*encode)(struct writer *w, const ProtobufCMessage *m);
};

/* The one for that message, or NULL. */
const struct well_known *well_known_find(const ProtobufCMessageDescriptor *d);

/* A map is a repeated field of generated entry messages: true when `f` is one. */
bool json_is_map(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f);

/* Bytes that one value of the type takes in a message or in the array of a repeated field. */
size_t json_value_size(ProtobufCType t);

#define MEMBER(type, m, offset) (*(type *)(void *)((char *)(uintptr_t)(m) + (offset)))

#endif
