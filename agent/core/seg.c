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

/* The header of a unit, as one of a segment of its own. */
static struct seg *unit(struct seg_pool *pool, uint32_t i)
{
    struct seg *s = &pool->segs[i];

    *s = (struct seg){.data = pool->base + (size_t)i * SEG_SIZE, .pool = pool, .cap = SEG_SIZE};
    return s;
}

static void push(struct seg **list, struct seg *s)
{
    s->next = *list;
    *list = s;
}

static struct seg *pop(struct seg **list)
{
    struct seg *s = *list;

    if (s)
        *list = s->next;
    return s;
}

/* A free large segment becomes free small ones. */
static void split(struct seg_pool *pool, struct seg *s)
{
    uint32_t first = (uint32_t)(s - pool->segs);

    for (uint32_t i = SEG_UNITS; i-- > 0;)
        push(&pool->free_warm, unit(pool, first + i));
}

static struct seg *take(struct seg_pool *pool, struct seg *s)
{
    s->next = NULL;
    s->base = 0;
    s->used = 0;
    s->refs = 1;
    pool->taken++;
    pool->in_use += seg_units(s);
    return s;
}

struct seg *seg_get(struct seg_pool *pool)
{
    struct seg *s;

    if (!pool->free_warm && pool->free_large)
        split(pool, pop(&pool->free_large));
    if ((s = pop(&pool->free_warm)))
        pool->warm--;
    else if (!(s = pop(&pool->free_cold)) && pool->fresh < pool->total)
        s = unit(pool, pool->fresh++);
    return s ? take(pool, s) : NULL;
}

struct seg *seg_get_large(struct seg_pool *pool)
{
    struct seg *s = pop(&pool->free_large);

    if (s) {
        pool->warm -= SEG_UNITS;
    } else {
        if (pool->total - pool->fresh < SEG_UNITS)
            return NULL;
        s = unit(pool, pool->fresh);
        s->cap = SEG_LARGE;
        pool->fresh += SEG_UNITS;
    }
    return take(pool, s);
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

/* How many of the first SEG_UNITS headers are of free units that stay warm. */
static uint32_t kept_units(const struct seg *s, uint32_t n)
{
    uint32_t i = 0;

    while (i < MIN(n, SEG_UNITS) && s[i].refs == 0 && s[i].used == KEPT)
        i++;
    return i;
}

static void append(struct seg ***end, struct seg *s)
{
    **end = s;
    *end = &s->next;
}

/* Walks the pool in address order, so that neighbours go back in one call and what is taken next lies at its beginning. */
void seg_pool_trim(struct seg_pool *pool, size_t keep_bytes)
{
    uint32_t keep = (uint32_t)(keep_bytes / SEG_SIZE), run = 0, top = 0, units;
    struct seg **warm = &pool->free_warm, **large = &pool->free_large, **cold = &pool->free_cold;

    while (pool->free_large)
        split(pool, pop(&pool->free_large));
    for (struct seg *s = pool->free_warm; s; s = s->next)
        s->used = WARM;
    pool->warm = 0;
    for (uint32_t i = 0; i <= pool->fresh; i += units) {
        struct seg *s = &pool->segs[i];
        bool in_pool = i < pool->fresh,
             goes = in_pool && s->refs == 0 && s->used == WARM && pool->warm >= keep;

        units = in_pool && s->refs > 0 ? seg_units(s) : 1;
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
            top = i + units;
    }
    forget_headers(pool, top);
    for (uint32_t i = 0; i < top; i += units) {
        struct seg *s = &pool->segs[i];

        if (s->refs > 0) {
            units = seg_units(s);
        } else if (kept_units(s, top - i) == SEG_UNITS) {
            units = SEG_UNITS;
            s->cap = SEG_LARGE;
            append(&large, s);
        } else {
            units = 1;
            append(s->used == KEPT ? &warm : &cold, s);
        }
    }
    *warm = *large = *cold = NULL;
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
    push(s->cap == SEG_LARGE ? &pool->free_large : &pool->free_warm, s);
    pool->warm += seg_units(s);
    pool->in_use -= seg_units(s);
    if (pool->warm > WARM_MAX && pool->on_excess)
        pool->on_excess(pool, pool->arg);
    if (pool->wanted) {
        pool->wanted = false;
        if (pool->on_free)
            pool->on_free(pool, pool->arg);
    }
}
