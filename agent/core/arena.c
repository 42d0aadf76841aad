#include "core/arena.h"

#define ALIGN      16u
#define BLOCK_SIZE 4064u /* with header and malloc's own word, a page */

struct arena_block {
    struct arena_block *next;
    size_t size; /* bytes at data */
    _Alignas(ALIGN) uint8_t data[];
};

void *arena_alloc(struct arena *a, size_t size)
{
    struct arena_block *b = a->blocks;
    size_t want;

    if (size > a->max) {
        a->exhausted = true;
        return NULL;
    }
    size = (MAX(size, 1) + ALIGN - 1) & ~(size_t)(ALIGN - 1); /* what is empty has a place, too */
    if (size > a->left) {
        want = MAX(size, BLOCK_SIZE);
        if (want > a->max - MIN(a->total, a->max)) {
            want = size;
            if (want > a->max - MIN(a->total, a->max)) {
                a->exhausted = true;
                return NULL;
            }
        }
        b = malloc(sizeof *b + want);
        if (!b)
            return NULL;
        b->size = want;
        b->next = a->blocks;
        a->blocks = b;
        a->left = want;
        a->total += want;
    }
    a->left -= size;
    return b->data + (b->size - a->left - size);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    void *p;

    if (size && n > a->max / size) {
        a->exhausted = true;
        return NULL;
    }
    p = arena_alloc(a, n * size);
    if (p)
        memset(p, 0, n * size);
    return p;
}

char *arena_string(struct arena *a, struct bytes s)
{
    char *copy = arena_alloc(a, s.len + 1);

    if (copy) {
        if (s.len)
            memcpy(copy, s.ptr, s.len);
        copy[s.len] = 0;
    }
    return copy;
}

void arena_clear(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *next = a->blocks->next;

        if (a->secret)
            explicit_bzero(a->blocks->data, a->blocks->size);
        free(a->blocks);
        a->blocks = next;
    }
    a->left = a->total = 0;
    a->exhausted = false;
}
