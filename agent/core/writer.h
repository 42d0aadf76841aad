/* A writer appends text or bytes to a chain: what the JSON encoder and the REST answers are written with. A
 * failed allocation is remembered; what is written after it is dropped, and writer_done tells. */
#ifndef CORE_WRITER_H
#define CORE_WRITER_H

#include "core/chain.h"

struct writer {
    struct chain *out;
    struct seg_pool *pool; /* of segments after the first small one; NULL: the heap only */
    char *at, *end;        /* the room that is reserved */
    char *start;
    size_t limit; /* bytes that may still be written */
    bool failed;
    bool too_long; /* failed because of `limit` */
};

/* Writes to the end of `out`, at most `limit` bytes. Small texts use the heap; longer ones segments of the
 * pool. */
void writer_init(struct writer *w, struct chain *out, struct seg_pool *pool, size_t limit);

/* Ends writing. Returns 0, or -1 when something did not fit (too_long) or memory ran out; the chain then
 * holds a part. */
MUST_CHECK int writer_done(struct writer *w);

void writer_put_slow(struct writer *w, const char *s, size_t n);

static inline void writer_put(struct writer *w, const char *s, size_t n)
{
    if (n > 0 && (size_t)(w->end - w->at) >= n) { /* before the first byte there is nowhere to copy to */
        memcpy(w->at, s, n);
        w->at += n;
    } else {
        writer_put_slow(w, s, n);
    }
}

static inline void writer_char(struct writer *w, char c)
{
    writer_put(w, &c, 1);
}

static inline void writer_str(struct writer *w, const char *s)
{
    writer_put(w, s, strlen(s));
}

/* A decimal number, without what printf costs. */
void writer_unsigned(struct writer *w, uint64_t v);
void writer_integer(struct writer *w, int64_t v);

void writer_printf(struct writer *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* s as the inside of a JSON string; bytes that are not UTF-8 become U+FFFD. */
void writer_json_text(struct writer *w, struct bytes s);

/* s as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void writer_json_string(struct writer *w, struct bytes s);

/* The bytes of `data` (not changed) as standard base64 with padding, without quotes. */
void writer_base64(struct writer *w, const struct chain *data);

#endif
