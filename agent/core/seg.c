#include "core/seg.h"

#include <errno.h>
#include <sys/mman.h>

#define WARM_MAX (SEG_WARM_BYTES / SEG_SIZE)

/* Reserved, not backed: the kernel gives a page when it is first touched. */
static void *reserve(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

int seg_pool_init(struct seg_pool *pool, size_t bytes)
{
    memset(pool, 0, sizeof *pool);
    pool->total = (uint32_t)MAX(bytes / SEG_SIZE, 1);
    pool->base = reserve((size_t)pool->total * SEG_SIZE);
    if (!pool->base)
        return -1;
    pool->segs = reserve(pool->total * sizeof *pool->segs);
    if (!pool->segs) {
        munmap(pool->base, (size_t)pool->total * SEG_SIZE);
        errno = ENOMEM;
        return -1;
    }
    /* A huge page would make two idle segments cost 2 MiB. */
    madvise(pool->base, (size_t)pool->total * SEG_SIZE, MADV_NOHUGEPAGE);
    madvise(pool->segs, pool->total * sizeof *pool->segs, MADV_NOHUGEPAGE);
    return 0;
}

void seg_pool_destroy(struct seg_pool *pool)
{
    munmap(pool->base, (size_t)pool->total * SEG_SIZE);
    munmap(pool->segs, pool->total * sizeof *pool->segs);
    memset(pool, 0, sizeof *pool);
}

struct seg *seg_get(struct seg_pool *pool)
{
    struct seg *s;

    if (pool->free_warm) {
        s = pool->free_warm;
        pool->free_warm = s->next;
        pool->warm--;
    } else if (pool->free_cold) {
        s = pool->free_cold;
        pool->free_cold = s->next;
    } else if (pool->fresh < pool->total) {
        s = &pool->segs[pool->fresh];
        s->data = pool->base + (size_t)pool->fresh * SEG_SIZE;
        s->pool = pool;
        s->cap = SEG_SIZE;
        pool->fresh++;
    } else {
        return NULL;
    }
    s->next = NULL;
    s->base = 0;
    s->used = 0;
    s->refs = 1;
    pool->taken++;
    pool->in_use++;
    return s;
}

/* What a free segment's `used` says while seg_pool_trim looks at it. */
enum { COLD, WARM, KEPT };

/* Gives the pages of headers that are as good as never used back to the kernel. */
static void forget_headers(struct seg_pool *pool, uint32_t from)
{
    const uintptr_t page = 4096;
    uintptr_t start = ((uintptr_t)&pool->segs[from] + page - 1) & ~(page - 1);
    uintptr_t end = (uintptr_t)&pool->segs[pool->fresh];

    if (start < end)
        madvise((void *)start, end - start, MADV_DONTNEED);
    pool->fresh = from;
}

/* Walks the pool in address order, so that neighbours go back in one call and what is taken next lies at its beginning. */
void seg_pool_trim(struct seg_pool *pool, size_t keep_bytes)
{
    uint32_t keep = (uint32_t)(keep_bytes / SEG_SIZE), run = 0, top = 0;
    struct seg **warm = &pool->free_warm, **cold = &pool->free_cold;

    for (struct seg *s = pool->free_warm; s; s = s->next)
        s->used = WARM;
    pool->warm = 0;
    for (uint32_t i = 0; i <= pool->fresh; i++) {
        struct seg *s = &pool->segs[i];
        bool in_pool = i < pool->fresh,
             goes = in_pool && s->refs == 0 && s->used == WARM && pool->warm >= keep;

        if (goes) {
            s->used = COLD;
            run++;
        } else if (run > 0) {
            madvise(pool->base + (size_t)(i - run) * SEG_SIZE, (size_t)run * SEG_SIZE, MADV_DONTNEED);
            run = 0;
        }
        if (in_pool && s->refs == 0 && s->used == WARM) {
            s->used = KEPT;
            pool->warm++;
        }
        if (in_pool && (s->refs > 0 || s->used == KEPT))
            top = i + 1;
    }
    forget_headers(pool, top);
    for (struct seg *s = pool->segs; s < pool->segs + top; s++) {
        struct seg ***list = s->used == KEPT ? &warm : &cold;

        if (s->refs > 0)
            continue;
        **list = s;
        *list = &s->next;
    }
    *warm = *cold = NULL;
}

struct seg *seg_heap(size_t cap)
{
    struct seg *s;

    if (cap > UINT32_MAX)
        return NULL;
    s = malloc(sizeof *s + cap);
    if (!s)
        return NULL;
    *s = (struct seg){.data = (uint8_t *)(s + 1), .cap = (uint32_t)cap, .refs = 1};
    return s;
}

void seg_unref(struct seg *s)
{
    struct seg_pool *pool = s->pool;

    if (--s->refs > 0)
        return;
    if (!pool) {
        free(s);
        return;
    }
    s->next = pool->free_warm;
    pool->free_warm = s;
    pool->warm++;
    pool->in_use--;
    if (pool->warm > WARM_MAX && pool->on_excess)
        pool->on_excess(pool, pool->arg);
    if (pool->wanted) {
        pool->wanted = false;
        if (pool->on_free)
            pool->on_free(pool, pool->arg);
    }
}
