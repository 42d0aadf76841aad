#include "core/chain.h"

#define HEAP_SEG 480 /* with its header this is a 512-byte allocation: one response header and its frame */
#define COPY_SEG 64 /* of a copy: what frames a piece is a few bytes, and a stalled stream keeps it as long */

/* Room for n more items. */
static int grow(struct chain *c, uint32_t n)
{
    struct chain_item *items;
    uint32_t cap = c->cap ? c->cap : 4;

    if (c->head + c->count + n <= c->cap)
        return 0;
    if (c->count + n <= c->cap / 2) {
        memmove(c->items, c->items + c->head, c->count * sizeof *c->items);
        c->head = 0;
        return 0;
    }
    while (c->head + c->count + n > cap)
        cap *= 2;
    items = realloc(c->items, cap * sizeof *items);
    if (!items)
        return -1;
    c->items = items;
    c->cap = cap;
    return 0;
}

/* Appends an item; grow made room for it. */
static void append(struct chain *c, struct seg *seg, uint8_t *data, size_t len)
{
    c->items[c->head + c->count++] = (struct chain_item){seg, data, (uint32_t)len};
    c->bytes += len;
}

static struct chain_item *last(const struct chain *c)
{
    return c->count ? &c->items[c->head + c->count - 1] : NULL;
}

/* True when bytes can be added to the last item in place: its segment is ours alone and filled up to here. */
static bool extendable(const struct chain_item *it)
{
    return it && it->seg->refs == 1 && it->data + it->len == it->seg->data + it->seg->used &&
           it->seg->used < it->seg->cap;
}

int chain_give(struct chain *c, struct seg *seg, uint8_t *data, size_t len)
{
    struct chain_item *it = last(c);

    if (len == 0) {
        seg_unref(seg);
        return 0;
    }
    if (it && it->seg == seg && it->data + it->len == data) { /* it goes on where the last one ended */
        it->len += (uint32_t)len;
        c->bytes += len;
        seg_unref(seg);
        return 0;
    }
    if (grow(c, 1) < 0) {
        seg_unref(seg);
        return -1;
    }
    append(c, seg, data, len);
    return 0;
}

int chain_ref(struct chain *c, struct seg *seg, uint8_t *data, size_t len)
{
    return len ? chain_give(c, seg_ref(seg), data, len) : 0;
}

uint8_t *chain_reserve(struct chain *c, struct seg_pool *pool, size_t min, size_t *room)
{
    struct chain_item *it = last(c);
    struct seg *seg;

    if (extendable(it) && (size_t)(it->seg->cap - it->seg->used) >= min) {
        *room = it->seg->cap - it->seg->used;
        return it->data + it->len;
    }
    if (grow(c, 1) < 0)
        return NULL;
    seg = pool ? seg_get(pool) : seg_heap(MAX(min, HEAP_SEG));
    if (!seg)
        return NULL;
    append(c, seg, seg->data, 0);
    *room = seg->cap;
    return seg->data;
}

void chain_commit(struct chain *c, size_t n)
{
    struct chain_item *it = last(c);

    it->len += (uint32_t)n;
    it->seg->used += (uint32_t)n;
    c->bytes += n;
    if (it->len == 0) { /* reserved for nothing */
        seg_unref(it->seg);
        c->count--;
    }
}

int chain_copy(struct chain *c, const void *data, size_t len)
{
    const uint8_t *from = data;
    struct chain_item *it = last(c);
    size_t fits = extendable(it) ? MIN(len, (size_t)(it->seg->cap - it->seg->used)) : 0;
    size_t room;
    uint8_t *to;

    if (len > fits) {
        /* The rest first: a failure must leave nothing behind. */
        size_t rest = len - fits;
        struct seg *seg;

        if (grow(c, 1) < 0)
            return -1;
        seg = seg_heap(MAX(rest, COPY_SEG));
        if (!seg)
            return -1;
        memcpy(seg->data, from + fits, rest);
        seg->used = (uint32_t)rest;
        if (fits) {
            it = last(c); /* grow may have moved it */
            memcpy(it->data + it->len, from, fits);
            it->len += (uint32_t)fits;
            it->seg->used += (uint32_t)fits;
            c->bytes += fits;
        }
        append(c, seg, seg->data, rest);
        return 0;
    }
    if (len == 0)
        return 0;
    to = chain_reserve(c, NULL, len, &room);
    memcpy(to, from, len);
    chain_commit(c, len);
    return 0;
}

int chain_move(struct chain *dst, struct chain *src, size_t n)
{
    uint32_t items = 0;
    size_t sum = 0;

    if (dst->cap == 0 && n == src->bytes) { /* all of it into nothing */
        *dst = *src;
        *src = (struct chain){0};
        return 0;
    }
    CHAIN_FOREACH (it, src) {
        if (sum >= n)
            break;
        sum += it->len;
        items++;
    }
    if (grow(dst, items) < 0)
        return -1;
    while (n > 0) {
        struct chain_item *it = &src->items[src->head];
        size_t part = MIN(n, it->len);

        append(dst, seg_ref(it->seg), it->data, part);
        chain_drop(src, part);
        n -= part;
    }
    return 0;
}

int chain_share(struct chain *dst, const struct chain *src, size_t skip, size_t n)
{
    if (grow(dst, src->count) < 0)
        return -1;
    CHAIN_FOREACH (it, src) {
        size_t from = MIN(skip, it->len), len = MIN(n, it->len - from);

        skip -= from;
        if (len > 0)
            append(dst, seg_ref(it->seg), it->data + from, len);
        n -= len;
    }
    return 0;
}

void chain_drop(struct chain *c, size_t n)
{
    c->bytes -= n;
    while (n > 0) {
        struct chain_item *it = &c->items[c->head];
        size_t part = MIN(n, it->len);

        it->data += part;
        it->len -= (uint32_t)part;
        n -= part;
        if (it->len == 0) {
            seg_unref(it->seg);
            c->head++;
            c->count--;
        }
    }
    if (c->count == 0)
        c->head = 0;
}

void chain_clear(struct chain *c)
{
    chain_drop(c, c->bytes);
    free(c->items);
    *c = (struct chain){0};
}

int chain_iov(const struct chain *c, struct iovec *iov, int max_iov, size_t max_bytes)
{
    int n = 0;

    CHAIN_FOREACH (it, c) {
        size_t len = MIN(max_bytes, it->len);

        if (n == max_iov || len == 0)
            break;
        iov[n++] = (struct iovec){it->data, len};
        max_bytes -= len;
    }
    return n;
}

void chain_peek_at(const struct chain *c, size_t skip, void *out, size_t n)
{
    uint8_t *to = out;

    CHAIN_FOREACH (it, c) {
        size_t from = MIN(skip, it->len), len = MIN(n, it->len - from);

        skip -= from;
        if (n == 0)
            break;
        memcpy(to, it->data + from, len);
        to += len;
        n -= len;
    }
}

const uint8_t *chain_front(const struct chain *c, size_t n, void *scratch)
{
    if (c->count && c->items[c->head].len >= n)
        return c->items[c->head].data;
    chain_peek(c, scratch, n);
    return scratch;
}

void chain_wipe_later(const struct chain *c)
{
    CHAIN_FOREACH (it, c)
        it->seg->secret = true;
}
