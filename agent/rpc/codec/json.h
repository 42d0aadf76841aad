/* ProtoJSON: jansson parses, the descriptors say what it means; emitting goes straight into the output. See
 * codec.h. */
#ifndef RPC_CODEC_JSON_H
#define RPC_CODEC_JSON_H

#include <jansson.h>

#include "core/writer.h"
#include "rpc/codec/codec.h"
#include "rpc/codec/json_lift.h"

void json_init(void);

/* Strings of lift_from bytes or more need not go through the parser (json_lift.h). */
ProtobufCMessage *json_decode(const ProtobufCMessageDescriptor *d, struct bytes in, size_t lift_from,
                              struct arena *a, struct err *e);
int json_encode(const ProtobufCMessage *m, const struct chain *bulk, struct seg_pool *pool, struct chain *out,
                struct err *e);

/* Parses JSON text within the budget of `max` bytes of memory: an object, at most NESTING_MAX levels deep,
 * without duplicate names. Returns it (json_decref), or NULL with *e. */
json_t *json_parse(struct bytes in, size_t max, struct err *e);

/* A JSON value as compact text on the ordinary heap; NULL when out of memory. */
char *json_text(const json_t *j);

/* --- shared by the files of this folder ------------------------------------------------------- */

/* A decode under way. */
struct decoder {
    struct arena *a;
    struct err *e;
    const char *where; /* the message's name, for errors */
    unsigned depth;    /* messages around what is decoded; at most NESTING_MAX, as in the binary form */
    struct json_lift lift;
};

/* Decodes `j` as a message of its own, in *out, or into the field of `m`. Return 0, or -1 with c->e. */
int json_get_message(struct decoder *c, const ProtobufCMessageDescriptor *d, json_t *j,
                     ProtobufCMessage **out);
int json_get_field(struct decoder *c, const ProtobufCFieldDescriptor *f, json_t *j, ProtobufCMessage *m);

/* Settles the message's maps and writes its binary form into the arena. Returns 0, or -1 with c->e. */
int json_get_packed(struct decoder *c, ProtobufCMessage *m, ProtobufCBinaryData *out);

/* "unmarshal <message>: <why>". Returns -1. */
int json_bad(const struct decoder *c, const ProtobufCMessage *m, const char *why);

/* The arena gave nothing: its bound or the machine's. Returns -1. */
int json_no_memory(const struct decoder *c);

/* An encode under way. */
struct encoder {
    struct writer w;
    const struct chain *bulk;
    struct err *e;
    bool refused;   /* there is no JSON for it: e says why, and w has failed */
    unsigned depth; /* messages around what is encoded; at most NESTING_MAX */
    unsigned anys;  /* of them google.protobuf.Any */
    struct arena a; /* what those hold */
};

/* Write a message; its members with the commas between them (`first`: nothing stands before them); a field's value. */
void json_put_message(struct encoder *c, const ProtobufCMessage *m);
void json_put_members(struct encoder *c, const ProtobufCMessage *m, bool first);
void json_put_field(struct encoder *c, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);

/* Ends the encode with "marshal <message>: <why>". */
void json_refuse(struct encoder *c, const ProtobufCMessage *m, const char *why);

/* Messages with a JSON form of their own. They are read and written by their descriptors' fields: the agent carries the
 * generated code of those only that a proto of its own imports. */
struct well_known {
    const char *name; /* behind "google.protobuf." */
    int (*decode)(struct decoder *c, json_t *j, ProtobufCMessage *m);
    void (*encode)(struct encoder *c, const ProtobufCMessage *m);
};

/* The one for that message, or NULL. */
const struct well_known *well_known_find(const ProtobufCMessageDescriptor *d);

/* Any: any.c. */
int any_decode(struct decoder *c, json_t *j, ProtobufCMessage *m);
void any_encode(struct encoder *c, const ProtobufCMessage *m);

/* Struct, Value and ListValue: struct.c. */
int struct_decode(struct decoder *c, json_t *j, ProtobufCMessage *m);
void struct_encode(struct encoder *c, const ProtobufCMessage *m);
int struct_decode_value(struct decoder *c, json_t *j, ProtobufCMessage *m);
void struct_encode_value(struct encoder *c, const ProtobufCMessage *m);
int struct_decode_list(struct decoder *c, json_t *j, ProtobufCMessage *m);
void struct_encode_list(struct encoder *c, const ProtobufCMessage *m);

/* Whether JSON's null is a value of the field's type, not the absence of one. */
bool struct_takes_null(const ProtobufCFieldDescriptor *f);

/* google.protobuf.NullValue, the enum that is written as null. */
bool struct_is_null_value(const ProtobufCEnumDescriptor *d);

/* A map is a repeated field of generated entry messages: true when `f` is one. */
bool json_is_map(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f);

/* Bytes that one value of the type takes in a message or in the array of a repeated field. */
size_t json_value_size(ProtobufCType t);

#define MEMBER(type, m, offset) (*(type *)(void *)((char *)(uintptr_t)(m) + (offset)))

#endif
