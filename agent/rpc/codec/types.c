#include "rpc/codec/types.h"

#include "core/limits.h"
#include "rpc/codec/json.h"

static const ProtobufCMessageDescriptor *added[TYPES_MAX]; /* since the last search */
static const ProtobufCMessageDescriptor *types[TYPES_MAX]; /* by name: those, and what their fields hold */
static unsigned added_count, count;

static int compare(struct bytes name, const char *other)
{
    size_t len = strlen(other);
    int order = memcmp(name.ptr, other, MIN(name.len, len));

    return order ? order : (name.len > len) - (name.len < len);
}

/* Where the name stands, or would stand. */
static unsigned place_of(struct bytes name)
{
    unsigned from = 0, to = count;

    while (from < to) {
        unsigned middle = (from + to) / 2;

        if (compare(name, types[middle]->name) > 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static void put(const ProtobufCMessageDescriptor *d);

/* The entries of maps are no messages that anybody could name. */
static void put_fields(const ProtobufCMessageDescriptor *d)
{
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];

        if (f->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (json_is_map(d, f))
            put_fields(f->descriptor);
        else
            put(f->descriptor);
    }
}

static void put(const ProtobufCMessageDescriptor *d)
{
    unsigned at = place_of(bytes_of(d->name));

    if (count == TYPES_MAX || (at < count && strcmp(types[at]->name, d->name) == 0))
        return;
    memmove(types + at + 1, types + at, (count - at) * sizeof *types);
    types[at] = d;
    count++;
    put_fields(d);
}

int types_add(const ProtobufCMessageDescriptor *d)
{
    if (added_count == TYPES_MAX)
        return -1;
    added[added_count++] = d;
    return 0;
}

const ProtobufCMessageDescriptor *types_find(struct bytes name)
{
    unsigned at;

    for (unsigned i = 0; i < added_count; i++)
        put(added[i]);
    added_count = 0;
    at = name.ptr ? place_of(name) : count;
    return at < count && compare(name, types[at]->name) == 0 ? types[at] : NULL;
}
