#include "rpc/codec/types.h"

#include "core/limits.h"
#include "rpc/codec/json.h"

static const ProtobufCMessageDescriptor *types[TYPES_MAX]; /* by name */
static unsigned count;

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

/* The entries of maps are no messages that anybody could name. */
static int add_fields(const ProtobufCMessageDescriptor *d)
{
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];

        if (f->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if ((json_is_map(d, f) ? add_fields(f->descriptor) : types_add(f->descriptor)) < 0)
            return -1;
    }
    return 0;
}

int types_add(const ProtobufCMessageDescriptor *d)
{
    unsigned at = place_of(bytes_of(d->name));

    if (at < count && strcmp(types[at]->name, d->name) == 0)
        return 0;
    if (count == TYPES_MAX)
        return -1;
    memmove(types + at + 1, types + at, (count - at) * sizeof *types);
    types[at] = d;
    count++;
    return add_fields(d);
}

const ProtobufCMessageDescriptor *types_find(struct bytes name)
{
    unsigned at = name.ptr ? place_of(name) : count;

    return at < count && compare(name, types[at]->name) == 0 ? types[at] : NULL;
}
