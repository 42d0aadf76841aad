#include "guest/exec/ring.h"

#include <errno.h>
#include <sys/uio.h>

#include "core/fd.h"

struct record {
    uint16_t len;
    uint8_t stream;
    uint8_t unused;
};

#define RECORD_SIZE sizeof(struct record)
#define RECORD_MIN  64 /* less room than this at a segment's end is not worth a new record */
#define READ_SEGS   (FRAME_MAX / SEG_SIZE + 2)
#define PLENTY_SHARE                                                                                         \
    16 /* of the pool in use: large segments, which may stay half empty, are a waste from there on */

/* Where a record can begin behind `used` bytes: headers are aligned. */
static uint32_t aligned(uint32_t used)
{
    return (used + 3u) & ~3u;
}

static struct record *record_at(const struct seg *s, uint32_t at)
{
    return (struct record *)(void *)(s->data + at);
}

void ring_init(struct ring *r, struct seg_pool *pool, size_t max_bytes)
{
    *r = (struct ring){.pool = pool, .max = (uint32_t)MAX(max_bytes / SEG_SIZE, 1)};
    TAILQ_INIT(&r->cursors);
}

void ring_clear(struct ring *r)
{
    struct ring_cursor *c;

    while ((c = TAILQ_FIRST(&r->cursors)))
        ring_detach(c);
    while (r->first) {
        struct seg *next = r->first->next;

        seg_unref(r->first);
        r->first = next;
    }
    r->last = NULL;
    r->held = 0;
    r->start = r->head;
}

/* Where the next bytes of a stream can go: behind the last record of the last segment, as part of it or as a
 * new one, and in fresh segments. */
struct place {
    struct iovec iov[READ_SEGS];
    struct seg *fresh[READ_SEGS];
    int count; /* of iov */
    int fresh_count;
    uint32_t fresh_units;
    bool in_last; /* iov[0] is in the ring's last segment */
    bool new_record;
    bool barren; /* there is no history to make room with */
};

/* --- memory ---------------------------------------------------------------------------------- */

/* Drops the oldest segment. A cursor that has read it to its end goes on at the start of the next. */
static void drop_first(struct ring *r)
{
    struct seg *s = r->first;
    struct ring_cursor *c;

    TAILQ_FOREACH (c, &r->cursors, link)
        if (c->seg == s)
            c->seg = NULL;
    r->first = s->next;
    if (!r->first)
        r->last = NULL;
    r->start = r->first ? r->first->base : r->head;
    r->held -= seg_units(s);
    seg_unref(s);
}

/* Nobody has to read the oldest segment any more. */
static bool first_is_history(const struct ring *r)
{
    return r->first && ring_slowest(r) >= (r->first->next ? r->first->next->base : r->head);
}

bool ring_has_history(const struct ring *r)
{
    return first_is_history(r) && r->first->refs == 1;
}

bool ring_drop_history(struct ring *r)
{
    if (!ring_has_history(r))
        return false;
    drop_first(r);
    return true;
}

/* The ring's oldest segment is history, and not the one that is about to be written to. */
static bool has_own(const struct ring *r, const struct place *p)
{
    return first_is_history(r) && !(p->in_last && r->first == r->last);
}

/* Gives up a segment of history for a new one: a ring that holds as much as a frame its own, a smaller one that of
 * the largest. Where a frame still holds a segment, giving it up would leave nobody more memory. */
static bool make_room(struct ring *r, struct place *p)
{
    bool large = r->held >= FRAME_MAX / SEG_SIZE;

    if (large && has_own(r, p) && ring_drop_history(r))
        return true;
    p->barren |= !r->reclaim || !r->reclaim(r);
    return !p->barren || (!large && has_own(r, p) && ring_drop_history(r));
}

/* So much of the pool is in use that history has to make room. Where nobody watches, it is all there is. */
static bool pressed(const struct ring *r)
{
    uint32_t share = TAILQ_EMPTY(&r->cursors) ? UNWATCHED_SHARE : HISTORY_SHARE;

    return r->pool->in_use >= r->pool->total / share;
}

/* One more segment by the rule of the header, or NULL. */
static struct seg *take(struct ring *r, struct place *p)
{
    struct seg_pool *pool = r->pool;

    for (;;) {
        uint32_t held = r->held + p->fresh_units;
        bool fits = held == 0 || held + 1 <= seg_pool_free(pool);

        if (held > 0 && held + 1 > r->max) {
            if (!has_own(r, p))
                return NULL;
            drop_first(r);
            continue;
        }
        if (fits && !pressed(r))
            return seg_get(pool);
        if (!make_room(r, p) || fits)
            return fits ? seg_get(pool) : NULL;
    }
}

/* A large one, for a ring that is being filled fast while there is plenty; NULL: small ones will do. */
static struct seg *take_large(struct ring *r, struct place *p)
{
    if (r->held < SEG_UNITS || r->pool->in_use >= r->pool->total / PLENTY_SHARE)
        return NULL;
    while (r->held + p->fresh_units + SEG_UNITS > r->max) {
        if (!has_own(r, p))
            return NULL;
        drop_first(r);
    }
    return seg_get_large(r->pool);
}

static void push(struct ring *r, struct seg *s)
{
    s->next = NULL;
    if (r->last)
        r->last->next = s;
    else
        r->first = s;
    r->last = s;
    r->held += seg_units(s);
}

/* --- writing --------------------------------------------------------------------------------- */

static void find_place(struct ring *r, enum ring_stream stream, size_t max, struct place *p)
{
    struct seg *s = r->last;
    size_t room = 0;

    *p = (struct place){.count = 0};
    if (s) {
        p->new_record = record_at(s, r->tail_record)->stream != stream;
        room = s->cap - (p->new_record ? aligned(s->used) : s->used);
        if (p->new_record)
            room = room >= RECORD_MIN + RECORD_SIZE ? room - RECORD_SIZE : 0;
    }
    if (room > 0) {
        p->in_last = true;
        p->iov[p->count++] = (struct iovec){s->data + s->cap - room, MIN(room, max)};
        max -= MIN(room, max);
    }
    while (max > 0 && p->count < READ_SEGS) {
        struct seg *fresh = max > SEG_LARGE / 2 ? take_large(r, p) : NULL;
        size_t len;

        if (!fresh)
            fresh = take(r, p);
        if (!fresh)
            return;
        len = MIN(fresh->cap - RECORD_SIZE, max);
        p->fresh[p->fresh_count++] = fresh;
        p->fresh_units += seg_units(fresh);
        p->iov[p->count++] = (struct iovec){fresh->data + RECORD_SIZE, len};
        max -= len;
    }
}

/* Makes the n bytes that were written to the place part of the ring, and gives back what was not needed. */
static void settle(struct ring *r, enum ring_stream stream, struct place *p, size_t n)
{
    int i = 0;

    if (p->in_last && n > 0) {
        struct seg *s = r->last;
        size_t part = MIN(n, p->iov[0].iov_len);

        if (p->new_record) {
            s->used = r->tail_record = aligned(s->used);
            *record_at(s, s->used) = (struct record){.stream = (uint8_t)stream};
            s->used += RECORD_SIZE;
        }
        record_at(s, r->tail_record)->len = (uint16_t)(record_at(s, r->tail_record)->len + part);
        s->used += (uint32_t)part;
        r->head += part;
        n -= part;
    }
    for (; i < p->fresh_count && n > 0; i++) {
        struct seg *s = p->fresh[i];
        size_t part = MIN(n, s->cap - RECORD_SIZE);

        s->base = r->head;
        *record_at(s, 0) = (struct record){.len = (uint16_t)part, .stream = (uint8_t)stream};
        s->used = (uint32_t)(RECORD_SIZE + part);
        push(r, s);
        r->tail_record = 0;
        r->head += part;
        n -= part;
    }
    for (; i < p->fresh_count; i++)
        seg_unref(p->fresh[i]);
}

size_t ring_room(size_t memory)
{
    return memory / SEG_SIZE * (SEG_SIZE - RECORD_SIZE);
}

ssize_t ring_read(struct ring *r, int fd, enum ring_stream stream, size_t max)
{
    struct place p;
    ssize_t n;

    find_place(r, stream, max, &p);
    if (p.count == 0)
        return RING_FULL;
    n = RETRY_EINTR(readv(fd, p.iov, p.count));
    settle(r, stream, &p, n > 0 ? (size_t)n : 0);
    if (n >= 0)
        return n;
    return errno == EAGAIN ? RING_AGAIN : RING_ERROR;
}

int ring_append(struct ring *r, enum ring_stream stream, struct bytes data)
{
    struct place p;
    size_t n = 0, room = 0;

    find_place(r, stream, data.len, &p);
    for (int i = 0; i < p.count; i++)
        room += p.iov[i].iov_len;
    for (int i = 0; i < p.count && room >= data.len; i++) {
        memcpy(p.iov[i].iov_base, data.ptr + n, p.iov[i].iov_len);
        n += p.iov[i].iov_len;
    }
    settle(r, stream, &p, n);
    return n == data.len ? 0 : -1;
}

/* --- reading --------------------------------------------------------------------------------- */

void ring_attach(struct ring *r, struct ring_cursor *c, uint64_t offset)
{
    uint64_t at;

    offset = MIN(MAX(offset, r->start), r->head);
    *c = (struct ring_cursor){.ring = r, .offset = offset, .taken = offset};
    TAILQ_INSERT_TAIL(&r->cursors, c, link);
    if (offset == r->start)
        return;
    for (c->seg = r->first; c->seg->next && c->seg->next->base <= offset; c->seg = c->seg->next)
        ;
    at = c->seg->base;
    while (at + record_at(c->seg, c->record)->len < offset) {
        at += record_at(c->seg, c->record)->len;
        c->record = aligned(c->record + (uint32_t)RECORD_SIZE + record_at(c->seg, c->record)->len);
    }
    c->done = (uint32_t)(offset - at);
}

void ring_detach(struct ring_cursor *c)
{
    if (!c->ring)
        return;
    TAILQ_REMOVE(&c->ring->cursors, c, link);
    c->ring = NULL;
    c->seg = NULL;
}

/* Moves the cursor to the next record with bytes to read; false when there is none. */
static bool settle_cursor(struct ring_cursor *c)
{
    if (!c->seg) {
        c->seg = c->ring->first;
        c->record = c->done = 0;
    }
    while (c->seg) {
        uint32_t next = aligned(c->record + (uint32_t)RECORD_SIZE + record_at(c->seg, c->record)->len);

        if (c->done < record_at(c->seg, c->record)->len)
            return true;
        if (next < c->seg->used) {
            c->record = next;
            c->done = 0;
        } else if (c->seg->next) {
            c->seg = c->seg->next;
            c->record = c->done = 0;
        } else {
            return false;
        }
    }
    return false;
}

ssize_t ring_next(struct ring_cursor *c, size_t max, uint64_t end, struct chain *out,
                  enum ring_stream *stream)
{
    struct ring_cursor saved = *c;
    size_t sum = 0;

    max = MIN(max, end - MIN(c->offset, end));
    while (sum < max && settle_cursor(c)) {
        struct record *rec = record_at(c->seg, c->record);
        size_t part = MIN(max - sum, (size_t)rec->len - c->done);

        if (sum > 0 && rec->stream != *stream)
            break;
        *stream = (enum ring_stream)rec->stream;
        if (chain_ref(out, c->seg, c->seg->data + c->record + RECORD_SIZE + c->done, part) < 0) {
            c->seg = saved.seg;
            c->record = saved.record;
            c->done = saved.done;
            c->offset = saved.offset;
            return -1;
        }
        c->done += (uint32_t)part;
        c->offset += part;
        sum += part;
    }
    return (ssize_t)sum;
}

void ring_taken(struct ring_cursor *c)
{
    c->taken = c->offset;
}

uint64_t ring_foremost(const struct ring *r)
{
    const struct ring_cursor *c;
    uint64_t most = 0;

    TAILQ_FOREACH (c, &r->cursors, link)
        most = MAX(most, c->taken);
    return TAILQ_EMPTY(&r->cursors) ? r->head : most;
}

uint64_t ring_slowest(const struct ring *r)
{
    const struct ring_cursor *c;
    uint64_t least = r->head;

    TAILQ_FOREACH (c, &r->cursors, link)
        least = MIN(least, c->offset);
    return least;
}
