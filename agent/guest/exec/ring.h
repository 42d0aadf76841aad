/* The output of one process: a queue of segments that the pipes are read into and that subscribers read from,
 * each at a cursor of its own. Bytes are never copied: what a cursor gives out are references into the
 * segments, and dropping a segment here gives up the ring's own reference only.
 *
 * Inside a segment stand records: a header (stream and length) and the bytes. Neighbours of one stream merge.
 * Offsets count the bytes of all streams of the process together, from 0 at its start.
 *
 * Memory: a ring may always hold one segment; it takes another only while `held + 1 <= min(max, free in the
 * pool)`, so n greedy rings settle at 1/(n+1) of the pool each and some stays free. Bytes that no cursor
 * still has to read are history: once 1/HISTORY_SHARE of the pool is in use they make room for what is new, a large
 * ring's own first, then, by `reclaim`, others'; for a ring without cursors once 1/UNWATCHED_SHARE is. Unread bytes are
 * never given up: ring_read says RING_FULL, and the pipe is left alone. Until that share is reached what comes fast goes
 * into large segments.
 *
 * Who frees: ring_clear. Threads: the loop's only. */
#ifndef GUEST_EXEC_RING_H
#define GUEST_EXEC_RING_H

#include "core/chain.h"

enum ring_stream { RING_STDOUT, RING_STDERR, RING_PTY };

struct ring;

/* A place in the ring, valid as long as it is attached. */
struct ring_cursor {
    TAILQ_ENTRY(ring_cursor) link;
    struct ring *ring;
    struct seg *seg; /* NULL: the first segment's start */
    uint32_t record; /* of the current record's header in seg */
    uint32_t done;   /* bytes of that record already read */
    uint64_t offset; /* of the next byte */
    uint64_t taken;  /* what lies before it is out; from there to `offset` it is on its way */
};

struct ring {
    struct seg_pool *pool;
    struct seg *first, *last;
    uint32_t held;        /* units of SEG_SIZE */
    uint32_t max;         /* the same, at least 1 */
    uint32_t tail_record; /* in last: its newest record's header */
    uint64_t start;       /* offset of the oldest byte kept */
    uint64_t head;        /* offset behind the newest byte */
    TAILQ_HEAD(, ring_cursor) cursors;
    /* Asks for history of the largest ring to be dropped: true when a segment was freed. May be NULL. */
    bool (*reclaim)(struct ring *r);
};

enum { RING_EOF = 0, RING_AGAIN = -1, RING_ERROR = -2, RING_FULL = -3 };

/* An empty ring of at most max_bytes (at least one segment). It holds no memory yet. */
void ring_init(struct ring *r, struct seg_pool *pool, size_t max_bytes);

/* Detaches all cursors and drops all segments. */
void ring_clear(struct ring *r);

/* How many bytes of one stream fit into so many bytes of memory, whole segments. */
size_t ring_room(size_t memory);

/* Reads once from a non-blocking descriptor, at most `max` bytes. Returns how many, or RING_EOF, RING_AGAIN,
 * RING_FULL (no memory for unread bytes now), RING_ERROR with errno. */
ssize_t ring_read(struct ring *r, int fd, enum ring_stream stream, size_t max);

/* Appends bytes of our own (a message about the process). Returns 0, or -1 when there is no room. */
MUST_CHECK int ring_append(struct ring *r, enum ring_stream stream, struct bytes data);

/* Attaches a cursor at the offset, or at the oldest byte kept when that is later, or at the head when it is
 * earlier; c->offset says which. */
void ring_attach(struct ring *r, struct ring_cursor *c, uint64_t offset);

/* Detaches it; nothing happens when it is not attached. */
void ring_detach(struct ring_cursor *c);

/* Appends the next bytes of one stream, at most `max` and none at or beyond the offset `end`, to `out` and
 * advances the cursor. Returns how many (0: none are there), or -1 when out of memory; the cursor stays
 * then. */
ssize_t ring_next(struct ring_cursor *c, size_t max, uint64_t end, struct chain *out,
                  enum ring_stream *stream);

/* What ring_next has given out is not on its way any more: it is out. */
void ring_taken(struct ring_cursor *c);

/* Up to where the foremost cursor's bytes are out; the head when there is none. */
uint64_t ring_foremost(const struct ring *r);

/* The offset of the cursor that is furthest behind; the head when there is none. */
uint64_t ring_slowest(const struct ring *r);

/* Drops the oldest segment if nobody has to read it any more, and no frame with it is on its way. Returns true when one
 * went. */
bool ring_drop_history(struct ring *r);
bool ring_has_history(const struct ring *r);

#endif
