/* What the fuzz targets share. A target is NAME_fuzz.c; it checks what must hold for every input, and a broken
 * CHECK is a finding as a crash is one. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdio.h>

#include "core/base.h"

/* libFuzzer calls it with one input after the other. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                   \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* The same bytes in a heap block of exactly that size, so that reading beyond them is seen. */
static inline void *fuzz_copy(const void *data, size_t size)
{
    void *copy = malloc(size ? size : 1);

    CHECK(copy);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

/* The input up to its first NUL as a string on the heap. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);

    CHECK(text);
    return text;
}

/* Where to cut the input: mostly into small pieces, some larger, so that there are never too many; the same for the
 * same input. */
struct fuzz_cuts {
    uint32_t state;
};

static inline struct fuzz_cuts fuzz_cuts_of(const uint8_t *data, size_t size)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * 16777619u;
    return (struct fuzz_cuts){hash | 1};
}

/* Size of the next piece when `left` bytes are left. */
static inline size_t fuzz_cut(struct fuzz_cuts *c, size_t left)
{
    c->state ^= c->state << 13;
    c->state ^= c->state >> 17;
    c->state ^= c->state << 5;
    return MIN(left, 1 + (c->state >> 8) % (c->state & 3 ? 4 : MAX(32, left / 2)));
}

#endif
