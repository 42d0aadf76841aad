#include "guest/fs/watch_table.h"

enum { FIRST_CAP = 16 };

static struct watch_item **slot(const struct watch_table *t, uint32_t hash)
{
    return &t->slots[hash & (t->cap - 1)];
}

/* Twice the slots. Without memory for them the table goes on with those it has, and is slower. */
static void grow(struct watch_table *t)
{
    struct watch_table larger = {.cap = t->cap ? 2 * t->cap : FIRST_CAP, .count = t->count};
    struct watch_item *item;

    larger.slots = calloc(larger.cap, sizeof *larger.slots);
    if (!larger.slots)
        return;
    for (size_t i = 0; i < t->cap; i++)
        while ((item = t->slots[i])) {
            t->slots[i] = item->next;
            item->next = *slot(&larger, item->hash);
            *slot(&larger, item->hash) = item;
        }
    free(t->slots);
    *t = larger;
}

int watch_table_add(struct watch_table *t, struct watch_item *item, uint32_t hash)
{
    if (t->count >= t->cap)
        grow(t);
    if (t->cap == 0)
        return -1;
    item->hash = hash;
    item->next = *slot(t, hash);
    *slot(t, hash) = item;
    t->count++;
    return 0;
}

void watch_table_remove(struct watch_table *t, struct watch_item *item)
{
    struct watch_item **at = slot(t, item->hash);

    while (*at != item)
        at = &(*at)->next;
    *at = item->next;
    if (--t->count == 0) {
        free(t->slots);
        *t = (struct watch_table){.cap = 0};
    }
}

static struct watch_item *of_hash(struct watch_item *item, uint32_t hash)
{
    while (item && item->hash != hash)
        item = item->next;
    return item;
}

struct watch_item *watch_table_first(const struct watch_table *t, uint32_t hash)
{
    return t->cap ? of_hash(*slot(t, hash), hash) : NULL;
}

struct watch_item *watch_table_next(const struct watch_item *item)
{
    return of_hash(item->next, item->hash);
}

/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
uint32_t watch_table_hash(uint64_t place, const char *name)
{
    uint32_t h = 2166136261u;

    for (unsigned i = 0; i < 64; i += 8)
        h = (h ^ (uint8_t)(place >> i)) * 16777619u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    return h;
}
