#include "rpc/codec/maps.h"

#include "rpc/codec/json.h"

/* An entry of a map, and where it stood. */
struct place {
    const ProtobufCMessage *entry;
    size_t at;
};

static int compare_keys(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
    const ProtobufCFieldDescriptor *key = &a->descriptor->fields[0];

    if (key->type == PROTOBUF_C_TYPE_STRING)
        return strcmp(MEMBER(char *, a, key->offset), MEMBER(char *, b, key->offset));
    return memcmp((const char *)a + key->offset, (const char *)b + key->offset, json_value_size(key->type));
}

/* By key, and of one key the last first. */
static int compare(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = compare_keys(x->entry, y->entry);

    return order ? order : (x->at < y->at) - (x->at > y->at);
}

/* Keeps of each key the last entry; the order of those that stay does not change. */
static int settle_map(ProtobufCMessage **list, size_t *n, struct arena *a)
{
    struct place *places = arena_array(a, *n, sizeof *places);
    size_t kept = 0;

    if (!places)
        return -1;
    for (size_t i = 0; i < *n; i++)
        places[i] = (struct place){list[i], i};
    qsort(places, *n, sizeof *places, compare);
    for (size_t i = 1; i < *n; i++)
        if (compare_keys(places[i - 1].entry, places[i].entry) == 0)
            list[places[i].at] = NULL;
    for (size_t i = 0; i < *n; i++)
        if (list[i])
            list[kept++] = list[i];
    *n = kept;
    return 0;
}

static int settle_field(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, struct arena *a)
{
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        ProtobufCMessage **list = MEMBER(ProtobufCMessage **, m, f->offset);
        size_t *n = &MEMBER(size_t, m, f->quantifier_offset);

        for (size_t i = 0; i < *n; i++)
            if (maps_settle(list[i], a) < 0)
                return -1;
        return *n > 1 && json_is_map(m->descriptor, f) ? settle_map(list, n, a) : 0;
    }
    if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && MEMBER(uint32_t, m, f->quantifier_offset) != f->id)
        return 0;
    m = MEMBER(ProtobufCMessage *, m, f->offset);
    return m ? maps_settle(m, a) : 0;
}

int maps_settle(ProtobufCMessage *m, struct arena *a)
{
    for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];

        if (f->type == PROTOBUF_C_TYPE_MESSAGE && settle_field(m, f, a) < 0)
            return -1;
    }
    return 0;
}
