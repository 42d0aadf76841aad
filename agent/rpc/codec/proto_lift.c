#include "rpc/codec/proto_lift.h"

#include "rpc/codec/json.h"
#include "rpc/codec/proto.h"

/* A message as it lies in a chain. */
struct source {
    const struct chain *in;
    size_t skip;
    size_t shortest; /* value that is lifted */
    unsigned fields; /* that may still be looked at */
};

/* One field's head: its number, its wire type, and where what it says lies. */
struct head {
    uint32_t number;
    unsigned type;
    size_t length_at; /* WIRE_BYTES: where the length stands */
    size_t at, len;   /* of the value */
};

/* Reads the head at `at` of a message that ends at `end`. Returns false when there is none, or none that we look at. */
static bool read_head(struct source *s, size_t at, size_t end, struct head *h)
{
    uint8_t text[20]; /* two varints */
    struct bytes rest = {(const char *)text, MIN(sizeof text, end - at)};
    uint64_t key, n = 0;

    if (s->fields-- == 0)
        return false;
    chain_peek_at(s->in, s->skip + at, text, rest.len);
    if (!proto_varint(&rest, &key) || key >> 3 > UINT32_MAX >> 3)
        return false;
    *h = (struct head){.number = (uint32_t)(key >> 3), .type = key & 7};
    h->length_at = at + (size_t)(rest.ptr - (const char *)text);
    if ((h->type == WIRE_VARINT || h->type == WIRE_BYTES) && !proto_varint(&rest, &n))
        return false;
    h->at = at + (size_t)(rest.ptr - (const char *)text);
    switch (h->type) {
    case WIRE_VARINT:
        return true;
    case WIRE_64:
    case WIRE_32:
        h->len = h->type == WIRE_64 ? 8 : 4;
        break;
    case WIRE_BYTES:
        h->len = n;
        break;
    default:
        return false;
    }
    return h->len <= end - h->at;
}

/* Looks for the value in the bytes from `at` to `end`, which are a message that the path's first fields lead to. Returns
 * false when nothing may be lifted, wherever it was found. */
static bool walk(struct proto_lift *l, struct source *s, const ProtobufCMessageDescriptor *d, unsigned level,
                 size_t at, size_t end)
{
    uint64_t seen = 0; /* numbers, folded: one too many only means that nothing is lifted */
    uint64_t on_path = 0;
    struct head h;

    for (; at < end; at = h.at + h.len) {
        const ProtobufCFieldDescriptor *f;
        uint64_t bit;

        if (!read_head(s, at, end, &h))
            return false;
        bit = 1ULL << (h.number & 63);
        if (bit & on_path)
            return false;
        f = protobuf_c_message_descriptor_get_field(d, h.number);
        if (f && f->label != PROTOBUF_C_LABEL_REPEATED && h.type == WIRE_BYTES && h.len >= s->shortest &&
            !(seen & bit) && l->levels == 0) {
            l->path[level] = f;
            l->lengths[level] = (uint32_t)h.length_at;
            if (f->type == PROTOBUF_C_TYPE_BYTES) {
                l->levels = level + 1;
                l->at = h.at;
                l->len = h.len;
            } else if (f->type == PROTOBUF_C_TYPE_MESSAGE && level + 1 < PROTO_LIFT_LEVELS &&
                       !walk(l, s, f->descriptor, level + 1, h.at, h.at + h.len)) {
                return false;
            }
            if (l->levels > 0)
                on_path = bit;
        }
        seen |= bit;
    }
    return true;
}

bool proto_lift_find(struct proto_lift *l, const ProtobufCMessageDescriptor *d, const struct chain *in,
                     size_t skip, size_t n, size_t shortest)
{
    struct source s = {.in = in, .skip = skip, .shortest = shortest, .fields = PROTO_LIFT_FIELDS};

    l->levels = 0;
    if (n < shortest || !walk(l, &s, d, 0, 0, n))
        l->levels = 0;
    return l->levels > 0;
}

/* Makes the varint at p smaller by n, in as many bytes as it has. */
static void shorten(uint8_t *p, size_t n)
{
    struct bytes s = {(const char *)p, 10};
    uint64_t v;

    if (!proto_varint(&s, &v))
        return;
    for (v -= n; (const char *)p + 1 < s.ptr; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p = (uint8_t)v;
}

void proto_lift_rest(const struct proto_lift *l, const struct chain *in, size_t skip, size_t n, uint8_t *out)
{
    size_t behind = l->at + l->len;

    chain_peek_at(in, skip, out, l->at);
    for (unsigned i = 0; i < l->levels; i++)
        shorten(out + l->lengths[i], l->len);
    chain_peek_at(in, skip + behind, out + l->at, n - behind);
}

void proto_lift_place(const struct proto_lift *l, ProtobufCMessage *m)
{
    for (unsigned i = 0; i < l->levels && m; i++) {
        const ProtobufCFieldDescriptor *f = l->path[i];

        if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && MEMBER(uint32_t, m, f->quantifier_offset) != f->id)
            return;
        if (i + 1 == l->levels)
            MEMBER(ProtobufCBinaryData, m, f->offset) = (ProtobufCBinaryData){l->len, CODEC_BULK};
        else
            m = MEMBER(ProtobufCMessage *, m, f->offset);
    }
}
