#include <math.h>
#include <stdio.h>

#include "core/base64.h"
#include "core/limits.h"
#include "rpc/codec/json.h"

/* Presence decides what is written: proto3's implicit fields when they are not zero, the others when they are
 * set. */

void json_refuse(struct encoder *c, const ProtobufCMessage *m, const char *why)
{
    if (!c->refused)
        err_set(c->e, STATUS_INTERNAL, 0, "marshal %s: %s", m->descriptor->name, why);
    c->refused = c->w.failed = true;
}

/* One level deeper: the caller takes it back. */
static bool enter(struct encoder *c, const ProtobufCMessage *m)
{
    char why[64];

    if (c->depth++ <= NESTING_MAX)
        return true;
    snprintf(why, sizeof why, "nested deeper than %d levels", NESTING_MAX);
    json_refuse(c, m, why);
    return false;
}

/* "prefix.FieldName" + "Entry" is what protoc calls a map's generated entry. */
bool json_is_map(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f)
{
    const ProtobufCMessageDescriptor *entry = f->descriptor;
    size_t len = strlen(d->name);
    const char *name;
    bool up = true;

    if (f->label != PROTOBUF_C_LABEL_REPEATED || f->type != PROTOBUF_C_TYPE_MESSAGE || entry->n_fields != 2 ||
        entry->fields[0].id != 1 || entry->fields[1].id != 2 || strncmp(entry->name, d->name, len) != 0 ||
        entry->name[len] != '.')
        return false;
    name = entry->name + len + 1;
    for (const char *p = f->name; *p; p++) {
        if (*p == '_') {
            up = true;
            continue;
        }
        if (*name++ != (up && *p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p))
            return false;
        up = false;
    }
    return strcmp(name, "Entry") == 0;
}

/* Whether the text reads back as v, of a float or of a double. A float's neighbours end half-way to it: what a double has strictly
 * between those rounds to it, however it is read (strtof would cost 12 KB for a rare field). */
static bool reads_back(const char *text, double v, bool is_float)
{
    double d = strtod(text, NULL);

    if (!is_float)
        return d == v;
    return (nextafterf((float)v, -INFINITY) + v) / 2 < d && d < (v + nextafterf((float)v, INFINITY)) / 2;
}

static void put_double(struct writer *w, double v, int digits)
{
    char text[40];

    if (isnan(v)) {
        writer_str(w, "\"NaN\"");
        return;
    }
    if (isinf(v)) {
        writer_str(w, v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    /* A text that reads back as the same number, and is short for most. */
    for (int n = digits - 2;; n++) {
        snprintf(text, sizeof text, "%.*g", n, v);
        if (n >= digits + 1 || reads_back(text, v, digits < 10))
            break;
    }
    writer_str(w, text);
}

static void put_bytes(struct encoder *c, const ProtobufCBinaryData *b)
{
    writer_char(&c->w, '"');
    if (b->data == CODEC_BULK) {
        writer_base64(&c->w, c->bulk);
    } else if (b->len > 0) {
        struct seg seg = {.data = b->data, .refs = 1};
        struct chain_item item = {&seg, b->data, (uint32_t)b->len};
        struct chain whole = {.items = &item, .count = 1, .cap = 1, .bytes = b->len};

        writer_base64(&c->w, &whole);
    }
    writer_char(&c->w, '"');
}

static void put_enum(struct writer *w, const ProtobufCEnumDescriptor *d, int v)
{
    const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(d, v);

    if (struct_is_null_value(d))
        writer_str(w, "null");
    else if (known)
        writer_json_string(w, bytes_of(known->name));
    else
        writer_integer(w, v);
}

/* A message that the field does not have: a map's value may be unset in the binary form. */
static void put_empty(struct encoder *c, const ProtobufCMessageDescriptor *d)
{
    _Alignas(16) char known[64]; /* those whose empty form is no object are small */

    if (well_known_find(d) && d->sizeof_message <= sizeof known) {
        protobuf_c_message_init(d, known);
        json_put_message(c, (const ProtobufCMessage *)(const void *)known);
    } else {
        writer_str(&c->w, "{}");
    }
}

/* One value, at p, of the field's type. */
static void put_value(struct encoder *c, const ProtobufCFieldDescriptor *f, const void *p)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        writer_integer(&c->w, *(const int32_t *)p);
        return;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        writer_unsigned(&c->w, *(const uint32_t *)p);
        return;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        writer_char(&c->w, '"');
        writer_integer(&c->w, *(const int64_t *)p);
        writer_char(&c->w, '"');
        return;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        writer_char(&c->w, '"');
        writer_unsigned(&c->w, *(const uint64_t *)p);
        writer_char(&c->w, '"');
        return;
    case PROTOBUF_C_TYPE_FLOAT:
        put_double(&c->w, (double)*(const float *)p, 8);
        return;
    case PROTOBUF_C_TYPE_DOUBLE:
        put_double(&c->w, *(const double *)p, 17);
        return;
    case PROTOBUF_C_TYPE_BOOL:
        writer_str(&c->w, *(const protobuf_c_boolean *)p ? "true" : "false");
        return;
    case PROTOBUF_C_TYPE_ENUM:
        put_enum(&c->w, f->descriptor, *(const int *)p);
        return;
    case PROTOBUF_C_TYPE_STRING:
        writer_json_string(&c->w, bytes_of(*(char *const *)p));
        return;
    case PROTOBUF_C_TYPE_BYTES:
        put_bytes(c, p);
        return;
    case PROTOBUF_C_TYPE_MESSAGE:
        if (*(ProtobufCMessage *const *)p)
            json_put_message(c, *(ProtobufCMessage *const *)p);
        else
            put_empty(c, f->descriptor);
        return;
    }
}

size_t json_value_size(ProtobufCType t)
{
    switch (t) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4;
    }
}

/* Whether the field of a message is to be written. */
static bool present(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    const void *p = &MEMBER(char, m, f->offset);

    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return MEMBER(uint32_t, m, f->quantifier_offset) == f->id;
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return MEMBER(size_t, m, f->quantifier_offset) > 0;
    switch (f->type) {
    case PROTOBUF_C_TYPE_STRING:
        return *(char *const *)p && **(char *const *)p;
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)p)->len > 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(ProtobufCMessage *const *)p != NULL;
    default: {
        static const char zero[8];

        return memcmp(p, zero, json_value_size(f->type)) != 0;
    }
    }
}

/* A map's key is always a string in JSON. */
static void put_key(struct encoder *c, const ProtobufCFieldDescriptor *f, const void *p)
{
    bool quoted = f->type == PROTOBUF_C_TYPE_STRING || json_value_size(f->type) == 8;

    if (!quoted)
        writer_char(&c->w, '"');
    put_value(c, f, p);
    if (!quoted)
        writer_char(&c->w, '"');
}

static void put_repeated(struct encoder *c, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    size_t n = MEMBER(size_t, m, f->quantifier_offset), size = json_value_size(f->type);
    const char *at = MEMBER(const char *, m, f->offset);
    bool map = json_is_map(m->descriptor, f);

    writer_char(&c->w, map ? '{' : '[');
    for (size_t i = 0; i < n && !c->w.failed; i++, at += size) {
        if (i > 0)
            writer_char(&c->w, ',');
        if (map) {
            const ProtobufCMessage *entry = *(ProtobufCMessage *const *)(const void *)at;
            const ProtobufCFieldDescriptor *kv = entry->descriptor->fields;

            if (!enter(c, entry))
                return;
            put_key(c, &kv[0], &MEMBER(char, entry, kv[0].offset));
            writer_char(&c->w, ':');
            put_value(c, &kv[1], &MEMBER(char, entry, kv[1].offset));
            c->depth--;
        } else {
            put_value(c, f, at);
        }
    }
    writer_char(&c->w, map ? '}' : ']');
}

void json_put_field(struct encoder *c, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        put_repeated(c, m, f);
    else
        put_value(c, f, &MEMBER(char, m, f->offset));
}

void json_put_members(struct encoder *c, const ProtobufCMessage *m, bool first)
{
    char name[128];
    size_t len;

    if (!enter(c, m))
        return;
    for (unsigned i = 0; i < m->descriptor->n_fields && !c->w.failed; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];

        if (!present(m, f))
            continue;
        len = codec_json_name(f->name, name);
        if (!first)
            writer_char(&c->w, ',');
        first = false;
        writer_char(&c->w, '"');
        writer_put(&c->w, name, len);
        writer_put(&c->w, "\":", 2);
        json_put_field(c, m, f);
    }
    c->depth--;
}

void json_put_message(struct encoder *c, const ProtobufCMessage *m)
{
    const struct well_known *known = well_known_find(m->descriptor);

    if (!known) {
        writer_char(&c->w, '{');
        json_put_members(c, m, true);
        writer_char(&c->w, '}');
    } else if (enter(c, m)) {
        known->encode(c, m);
        c->depth--;
    }
}

int json_encode(const ProtobufCMessage *m, const struct chain *bulk, struct seg_pool *pool, struct chain *out,
                struct err *e)
{
    struct encoder c = {.bulk = bulk, .e = e};

    writer_init(&c.w, out, pool, MESSAGE_MAX + (bulk ? BASE64_LEN(bulk->bytes) : 0));
    json_put_message(&c, m);
    arena_clear(&c.a);
    if (writer_done(&c.w) == 0)
        return 0;
    if (c.refused)
        return -1;
    return c.w.too_long ? err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "marshal %s: larger than %u bytes",
                                  m->descriptor->name, MESSAGE_MAX)
                        : err_nomem(e, "marshal the response");
}
