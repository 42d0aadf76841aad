/* google.protobuf.Any: a message of any type, by its URL. Its value is the message's binary form; in JSON it is
 * {"@type": URL, members...}, or {"@type": URL, "value": ...} for what is no object of its fields. */
#include <stdio.h>

#include "core/limits.h"
#include "rpc/codec/json.h"
#include "rpc/codec/maps.h"
#include "rpc/codec/proto.h"
#include "rpc/codec/types.h"

enum { TYPE_URL, VALUE };

/* The type that a URL names: what stands behind its last slash. */
static const ProtobufCMessageDescriptor *type_of(const char *url)
{
    const char *slash = strrchr(url, '/');

    return types_find(bytes_of(slash ? slash + 1 : url));
}

int any_decode(struct decoder *c, json_t *j, ProtobufCMessage *m)
{
    const ProtobufCFieldDescriptor *f = m->descriptor->fields;
    json_t *url = json_object_get(j, "@type"), *value = json_object_get(j, "value");
    const ProtobufCMessageDescriptor *d;
    ProtobufCMessage *held;

    if (!json_is_object(j))
        return json_bad(c, m, "not an object");
    if (json_object_size(j) == 0)
        return 0;
    if (json_string_length(url) == 0)
        return json_bad(c, m, "no type in \"@type\"");
    d = json_lifted(&c->lift, url) ? NULL : type_of(json_string_value(url)); /* no name is that long */
    if (!d) {
        struct bytes text = json_lift_string(&c->lift, url);

        return err_set(c->e, STATUS_INVALID_ARGUMENT, 0, "unmarshal %s: unknown type '%.*s'",
                       m->descriptor->name, (int)MIN(text.len, (size_t)ERR_TEXT_MAX), text.ptr);
    }
    if (well_known_find(d)) {
        /* Some take Empty for a message like any other, and write it without one. */
        if (!value && strcmp(d->name, "google.protobuf.Empty") != 0)
            return json_bad(c, m, "no \"value\"");
        j = value ? value : j;
    }
    if (json_get_message(c, d, j, &held) < 0 || json_get_field(c, &f[TYPE_URL], url, m) < 0)
        return -1;
    return json_get_packed(c, held, &MEMBER(ProtobufCBinaryData, m, f[VALUE].offset));
}

/* The message that the Any holds, in c->a; NULL when the encode has ended. */
static const ProtobufCMessage *open_any(struct encoder *c, const ProtobufCMessage *any, const char *url,
                                        const ProtobufCBinaryData *value)
{
    const ProtobufCMessageDescriptor *d = type_of(url);
    ProtobufCMessage *held;
    struct err e;
    char why[512];

    if (!d) {
        snprintf(why, sizeof why, "unknown type '%s'", url);
        json_refuse(c, any, why);
        return NULL;
    }
    held = proto_decode(d, (struct bytes){(const char *)value->data, value->len}, &c->a, &e);
    if (held && maps_settle(held, &c->a) == 0)
        return held;
    if (held)
        err_set(&e, STATUS_RESOURCE_EXHAUSTED, 0, "%s needs more than %zu bytes of memory", d->name,
                c->a.max);
    if (c->a.exhausted || e.status == STATUS_INVALID_ARGUMENT)
        json_refuse(c, any, e.text);
    else /* the machine's memory: the writer's failure is told as that */
        c->w.failed = true;
    return NULL;
}

void any_encode(struct encoder *c, const ProtobufCMessage *m)
{
    const ProtobufCFieldDescriptor *f = m->descriptor->fields;
    const char *url = MEMBER(const char *, m, f[TYPE_URL].offset);
    const ProtobufCBinaryData *value = &MEMBER(ProtobufCBinaryData, m, f[VALUE].offset);
    const ProtobufCMessage *held;

    if (!*url && value->len == 0) {
        writer_str(&c->w, "{}");
        return;
    }
    /* As for a message that a client sends: the length of each bounds what it may decode to. */
    c->a.max = MIN((size_t)DECODE_MAX, c->a.max + 64 * KIB + 32 * value->len);
    c->anys++;
    held = open_any(c, m, url, value);
    if (held) {
        writer_str(&c->w, "{\"@type\":");
        writer_json_string(&c->w, bytes_of(url));
        if (well_known_find(held->descriptor)) {
            writer_str(&c->w, ",\"value\":");
            json_put_message(c, held);
        } else {
            json_put_members(c, held, false);
        }
        writer_char(&c->w, '}');
    }
    if (--c->anys == 0) {
        arena_clear(&c->a);
        c->a.max = 0;
    }
}
