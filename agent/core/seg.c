#include "core/seg.h"

#include <errno.h>
#include <sys/mman.h>

#include "core/pages.h"

#define WARM_MAX (SEG_WARM_BYTES / SEG_SIZE)

/* The segments' memory, and behind it their headers: reserved, not backed. The kernel gives a page when it is first touched. A
 * multiple of SEG_SIZE, so that pools can lie side by side. */
static size_t reserved(const struct seg_pool *pool)
{
    size_t headers = pool->total * sizeof *pool->segs;

    return (pool->total + (headers + SEG_SIZE - 1) / SEG_SIZE) * SEG_SIZE;
}

static void size_up(struct seg_pool *pool, size_t bytes)
{
    *pool = (struct seg_pool){.total = (uint32_t)MAX(bytes / SEG_SIZE, 1)};
}

/* NULL with errno: there is no room for it. */
static uint8_t *reserve(size_t size)
{
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    /* A huge page would make two idle segments cost 2 MiB. */
    madvise(memory, size, MADV_NOHUGEPAGE);
    return memory;
}

/* Returns where the next one can lie. */
static uint8_t *place(struct seg_pool *pool, uint8_t *at)
{
    pool->base = at;
    pool->segs = (struct seg *)(void *)(at + (size_t)pool->total * SEG_SIZE);
    return at + reserved(pool);
}

int seg_pool_init(struct seg_pool *pool, size_t bytes)
{
    uint8_t *memory;

    size_up(pool, bytes);
    memory = reserve(reserved(pool));
    if (!memory)
        return -1;
    place(pool, memory);
    return 0;
}

int seg_pool_init_two(struct seg_pool *a, size_t a_bytes, struct seg_pool *b, size_t b_bytes)
{
    uint8_t *memory;

    size_up(a, a_bytes);
    size_up(b, b_bytes);
    memory = reserve(reserved(a) + reserved(b));
    if (!memory)
        return -1;
    place(b, place(a, memory));
    return 0;
}

void seg_pool_destroy(struct seg_pool *pool)
{
    munmap(pool->base, reserved(pool));
    memset(pool, 0, sizeof *pool);
}

/* Nothing of it is backed, its header is zero: never used, or given back. */
static bool cold(const struct seg *s)
{
    return !s->data;
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
    s->secret = false;
    s->refs = 1;
    pool->taken++;
    pool->in_use += seg_units(s);
    return s;
}

/* The first of n neighbours that are cold, from unit *from on, which is moved behind them; NULL when there are none. All
 * units that small segments have passed are in use or warm until the next trim. */
static struct seg *find_cold(struct seg_pool *pool, uint32_t *from, uint32_t n)
{
    uint32_t run = 0;

    for (uint32_t i = *from; i < pool->total;) {
        const struct seg *s = &pool->segs[i];

        run = cold(s) ? run + 1 : 0;
        i += cold(s) ? 1 : seg_units(s);
        *from = i;
        if (run == n) {
            pool->top = MAX(pool->top, i);
            return unit(pool, i - n);
        }
    }
    return NULL;
}

struct seg *seg_get(struct seg_pool *pool)
{
    struct seg *s;

    if (!pool->free_warm && pool->free_large)
        split(pool, pop(&pool->free_large));
    if ((s = pop(&pool->free_warm)))
        pool->warm--;
    else
        s = find_cold(pool, &pool->cold, 1);
    return s ? take(pool, s) : NULL;
}

struct seg *seg_get_large(struct seg_pool *pool)
{
    struct seg *s = pop(&pool->free_large);

    if (s)
        pool->warm -= SEG_UNITS;
    else if ((s = find_cold(pool, &pool->cold_large, SEG_UNITS)))
        s->cap = SEG_LARGE;
    return s ? take(pool, s) : NULL;
}

/* --- giving back ----------------------------------------------------------------------------- */

/* What a free segment's `used` says while seg_pool_trim looks at it. */
enum { WARM = 1, KEPT };

/* Walks the pool in address order, so that neighbours go back in one call: of the warm units the first `keep` stay. */
static void cool(struct seg_pool *pool, uint32_t keep)
{
    uint32_t run = 0, units;

    for (uint32_t i = 0; i <= pool->top; i += units) {
        struct seg *s = &pool->segs[i];
        bool warm = i < pool->top && s->refs == 0 && s->used == WARM, goes = warm && pool->warm >= keep;

        units = i < pool->top && s->refs > 0 ? seg_units(s) : 1;
        if (goes) {
            *s = (struct seg){.cap = 0};
            run++;
        } else if (run > 0) {
            pages_forget(pool->base + (size_t)(i - run) * SEG_SIZE, (size_t)run * SEG_SIZE);
            run = 0;
        }
        if (warm && !goes) {
            s->used = KEPT;
            pool->warm++;
        }
    }
}

/* Gives back the pages between the headers from and to: all in them are cold, and to be cold is to be zero. */
static void forget_headers(struct seg_pool *pool, uint32_t from, uint32_t to)
{
    pages_forget(&pool->segs[from], (to - from) * sizeof *pool->segs);
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

/* Lists what is free and warm in address order, neighbours as large ones, and forgets what is cold. */
static void gather(struct seg_pool *pool)
{
    struct seg **warm = &pool->free_warm, **large = &pool->free_large;
    uint32_t behind = 0, units; /* the last one that is not cold */

    for (uint32_t i = 0; i < pool->top; i += units) {
        struct seg *s = &pool->segs[i];

        units = 1;
        if (cold(s))
            continue;
        forget_headers(pool, behind, i);
        if (s->refs > 0) {
            units = seg_units(s);
        } else if (kept_units(s, pool->top - i) == SEG_UNITS) {
            units = SEG_UNITS;
            s->cap = SEG_LARGE;
            append(&large, s);
        } else {
            append(&warm, s);
        }
        behind = i + units;
    }
    *warm = *large = NULL;
    forget_headers(pool, behind, pool->total);
    pool->top = behind;
}

void seg_pool_trim(struct seg_pool *pool, size_t keep_bytes)
{
    while (pool->free_large)
        split(pool, pop(&pool->free_large));
    for (struct seg *s = pool->free_warm; s; s = s->next)
        s->used = WARM;
    pool->warm = 0;
    cool(pool, (uint32_t)(keep_bytes / SEG_SIZE));
    gather(pool);
    pool->cold = pool->cold_large = 0;
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
    if (s->secret)
        explicit_bzero(s->data, s->cap);
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
