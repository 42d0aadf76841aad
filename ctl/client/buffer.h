/* Bytes in one piece that are added at the end and taken from the front. A zeroed struct is empty; who frees:
 * buffer_clear. */
#ifndef CTL_CLIENT_BUFFER_H
#define CTL_CLIENT_BUFFER_H

#include "core/base.h"

struct buffer {
    uint8_t *data;
    size_t at, end, cap; /* the bytes lie in [at, end) */
};

static inline size_t buffer_len(const struct buffer *b)
{
    return b->end - b->at;
}

/* Valid until the buffer changes. */
static inline struct bytes buffer_bytes(const struct buffer *b)
{
    return (struct bytes){b->data ? (const char *)b->data + b->at : "", b->end - b->at};
}

/* Appends a copy. Returns 0, or -1 when out of memory, and the buffer is as it was. */
MUST_CHECK int buffer_add(struct buffer *b, const void *data, size_t n);

/* Drops the first n bytes; n is at most buffer_len. */
void buffer_take(struct buffer *b, size_t n);

void buffer_clear(struct buffer *b);

#endif
