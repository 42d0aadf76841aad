/* google.protobuf.Struct, Value and ListValue: JSON in protobuf. */
#include <math.h>

#include "rpc/codec/json.h"

/* The members of Value's oneof, as its fields lie in the descriptor. */
enum { NULL_VALUE, NUMBER_VALUE, STRING_VALUE, BOOL_VALUE, STRUCT_VALUE, LIST_VALUE };

int struct_decode(struct decoder *c, json_t *j, ProtobufCMessage *m)
{
    if (!json_is_object(j))
        return json_bad(c, m, "not an object");
    return json_get_field(c, &m->descriptor->fields[0], j, m);
}

void struct_encode(struct encoder *c, const ProtobufCMessage *m)
{
    json_put_field(c, m, &m->descriptor->fields[0]);
}

int struct_decode_list(struct decoder *c, json_t *j, ProtobufCMessage *m)
{
    if (!json_is_array(j))
        return json_bad(c, m, "not an array");
    return json_get_field(c, &m->descriptor->fields[0], j, m);
}

void struct_encode_list(struct encoder *c, const ProtobufCMessage *m)
{
    json_put_field(c, m, &m->descriptor->fields[0]);
}

int struct_decode_value(struct decoder *c, json_t *j, ProtobufCMessage *m)
{
    static const uint8_t kinds[] = {
        [JSON_OBJECT] = STRUCT_VALUE,  [JSON_ARRAY] = LIST_VALUE,  [JSON_STRING] = STRING_VALUE,
        [JSON_INTEGER] = NUMBER_VALUE, [JSON_REAL] = NUMBER_VALUE, [JSON_TRUE] = BOOL_VALUE,
        [JSON_FALSE] = BOOL_VALUE,     [JSON_NULL] = NULL_VALUE,
    };

    return json_get_field(c, &m->descriptor->fields[kinds[json_typeof(j)]], j, m);
}

void struct_encode_value(struct encoder *c, const ProtobufCMessage *m)
{
    const ProtobufCFieldDescriptor *f = m->descriptor->fields;
    unsigned kind = NULL_VALUE;

    while (kind <= LIST_VALUE && MEMBER(uint32_t, m, f[kind].quantifier_offset) != f[kind].id)
        kind++;
    if (kind > LIST_VALUE)
        json_refuse(c, m, "it has no kind");
    else if (kind == NUMBER_VALUE && !isfinite(MEMBER(double, m, f[kind].offset)))
        json_refuse(c, m, "a number that JSON does not have");
    else
        json_put_field(c, m, &f[kind]);
}

bool struct_is_null_value(const ProtobufCEnumDescriptor *d)
{
    return strcmp(d->name, "google.protobuf.NullValue") == 0;
}

bool struct_takes_null(const ProtobufCFieldDescriptor *f)
{
    if (f->type == PROTOBUF_C_TYPE_ENUM)
        return struct_is_null_value(f->descriptor);
    return f->type == PROTOBUF_C_TYPE_MESSAGE &&
           strcmp(((const ProtobufCMessageDescriptor *)f->descriptor)->name, "google.protobuf.Value") == 0;
}
