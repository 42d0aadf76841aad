#include "rpc/codec/proto.h"

#include "core/limits.h"
#include "core/utf8.h"
#include "core/writer.h"

bool proto_varint(struct bytes *s, uint64_t *v)
{
    *v = 0;
    for (unsigned i = 0; i < 10 && i < s->len; i++) {
        uint8_t b = (uint8_t)s->ptr[i];

        *v |= (uint64_t)(b & 0x7f) << (7 * i);
        if (!(b & 0x80)) {
            s->ptr += i + 1;
            s->len -= i + 1;
            return true;
        }
    }
    return false;
}

static int malformed(const ProtobufCMessageDescriptor *d, struct err *e)
{
    return err_set(e, STATUS_INVALID_ARGUMENT, 0, "unmarshal %s: malformed protobuf", d->name);
}

/* What protobuf-c leaves unchecked: nesting (it recurses without a limit), text, and groups (it stops at
 * them). */
static int check(const ProtobufCMessageDescriptor *d, struct bytes s, unsigned depth, struct err *e)
{
    if (depth > NESTING_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "unmarshal: nested deeper than %d levels", NESTING_MAX);
    while (s.len > 0) {
        const ProtobufCFieldDescriptor *f;
        struct bytes value;
        uint64_t key, n;

        if (!proto_varint(&s, &key) || key >> 3 == 0 || key >> 3 > UINT32_MAX >> 3)
            return malformed(d, e);
        f = protobuf_c_message_descriptor_get_field(d, (unsigned)(key >> 3));
        switch (key & 7) {
        case WIRE_VARINT:
            if (!proto_varint(&s, &n))
                return malformed(d, e);
            continue;
        case WIRE_64:
        case WIRE_32:
            n = (key & 7) == WIRE_64 ? 8 : 4;
            if (s.len < n)
                return malformed(d, e);
            break;
        case WIRE_BYTES:
            if (!proto_varint(&s, &n) || n > s.len)
                return malformed(d, e);
            break;
        default:
            return malformed(d, e);
        }
        value = (struct bytes){s.ptr, n};
        s.ptr += n;
        s.len -= n;
        if (!f || (key & 7) != WIRE_BYTES)
            continue;
        if (f->type == PROTOBUF_C_TYPE_MESSAGE && check(f->descriptor, value, depth + 1, e) < 0)
            return -1;
        if (f->type == PROTOBUF_C_TYPE_STRING && (!utf8_valid(value) || (n > 0 && memchr(value.ptr, 0, n))))
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "unmarshal %s: field '%s' %s", d->name, f->name,
                           utf8_valid(value) ? "holds a NUL character" : "is not valid UTF-8");
    }
    return 0;
}

/* protobuf-c's memory. It says the same of a message that it had no memory for and of one that it cannot read. */
struct memory {
    struct arena *a;
    bool failed;
};

static void *from_arena(void *memory, size_t size)
{
    struct memory *m = memory;
    void *p = arena_alloc(m->a, size);

    m->failed |= !p;
    return p;
}

static void not_freed(void *memory, void *p)
{
    (void)memory;
    (void)p;
}

ProtobufCMessage *proto_decode(const ProtobufCMessageDescriptor *d, struct bytes in, struct arena *a,
                               struct err *e)
{
    struct memory memory = {.a = a};
    ProtobufCAllocator allocator = {.alloc = from_arena, .free = not_freed, .allocator_data = &memory};
    ProtobufCMessage *m;

    if (check(d, in, 0, e) < 0)
        return NULL;
    m = protobuf_c_message_unpack(d, &allocator, in.len, (const uint8_t *)(in.len ? in.ptr : ""));
    if (!m && a->exhausted)
        err_set(e, STATUS_RESOURCE_EXHAUSTED, 0,
                "unmarshal %s: the message needs more than %zu bytes of memory", d->name, a->max);
    else if (!m && memory.failed)
        err_nomem(e, "unmarshal the request");
    else if (!m)
        malformed(d, e);
    return m;
}

/* protobuf-c writes through this; a bytes field whose data is the mark becomes the bulk's ranges. */
struct sink {
    ProtobufCBuffer base;
    struct writer w;
    const struct chain *bulk;
    bool failed;
};

static void sink_append(ProtobufCBuffer *base, size_t len, const uint8_t *data)
{
    struct sink *s = CONTAINER_OF(base, struct sink, base);

    if (data != CODEC_BULK) {
        if (len > 0) /* an empty field has no data */
            writer_put(&s->w, (const char *)data, len);
        return;
    }
    if (writer_done(&s->w) < 0) {
        s->failed = true;
        return;
    }
    CHAIN_FOREACH (it, s->bulk)
        if (chain_ref(s->w.out, it->seg, it->data, it->len) < 0)
            s->failed = true;
    writer_init(&s->w, s->w.out, s->w.pool, MESSAGE_MAX);
}

int proto_encode(const ProtobufCMessage *m, const struct chain *bulk, struct seg_pool *pool,
                 struct chain *out, struct err *e)
{
    struct sink s = {.base.append = sink_append, .bulk = bulk};

    writer_init(&s.w, out, pool, MESSAGE_MAX);
    protobuf_c_message_pack_to_buffer(m, &s.base);
    if (writer_done(&s.w) < 0 || s.failed)
        return s.w.too_long ? err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "marshal %s: larger than %u bytes",
                                      m->descriptor->name, MESSAGE_MAX)
                            : err_nomem(e, "marshal the response");
    return 0;
}
