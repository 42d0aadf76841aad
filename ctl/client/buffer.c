#include "ctl/client/buffer.h"

/* Makes room for n more bytes behind the end: by moving to the front what is not taken, or in a larger block. */
static int make_room(struct buffer *b, size_t n)
{
    size_t len = buffer_len(b), cap = MAX(b->cap, (size_t)1024);
    uint8_t *data;

    if (n > SIZE_MAX / 4 - len)
        return -1;
    if (b->data && len + n <= b->cap / 2) {
        memmove(b->data, b->data + b->at, len);
        b->at = 0;
        b->end = len;
        return 0;
    }
    while (cap < 2 * (len + n)) /* so that moving to the front is rare */
        cap *= 2;
    data = malloc(cap);
    if (!data)
        return -1;
    if (b->data)
        memcpy(data, b->data + b->at, len);
    free(b->data);
    *b = (struct buffer){data, 0, len, cap};
    return 0;
}

int buffer_add(struct buffer *b, const void *data, size_t n)
{
    if (n == 0)
        return 0;
    if (b->cap - b->end < n && make_room(b, n) < 0)
        return -1;
    memcpy(b->data + b->end, data, n);
    b->end += n;
    return 0;
}

void buffer_take(struct buffer *b, size_t n)
{
    b->at += n;
    if (b->at == b->end)
        b->at = b->end = 0;
}

void buffer_clear(struct buffer *b)
{
    free(b->data);
    *b = (struct buffer){0};
}
