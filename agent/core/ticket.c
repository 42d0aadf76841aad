#include "core/ticket.h"

ticket ticket_new(struct tickets *t, void *object)
{
    struct ticket_slot *s;
    uint32_t i;

    if (!t->free) {
        uint32_t cap = t->cap ? t->cap * 2 : 16;

        s = realloc(t->slots, cap * sizeof *s);
        if (!s)
            return 0;
        t->slots = s;
        for (i = t->cap; i < cap; i++)
            s[i] = (struct ticket_slot){.generation = 1, .next_free = i + 2 <= cap ? i + 2 : 0};
        t->free = t->cap + 1;
        t->cap = cap;
    }
    i = t->free - 1;
    s = &t->slots[i];
    t->free = s->next_free;
    s->object = object;
    t->count++;
    return (uint64_t)s->generation << 32 | (i + 1);
}

static struct ticket_slot *slot(const struct tickets *t, ticket k)
{
    uint32_t i = (uint32_t)k;
    struct ticket_slot *s;

    if (i == 0 || i > t->cap)
        return NULL;
    s = &t->slots[i - 1];
    return s->object && s->generation == k >> 32 ? s : NULL;
}

void *ticket_find(const struct tickets *t, ticket k)
{
    struct ticket_slot *s = slot(t, k);

    return s ? s->object : NULL;
}

void ticket_drop(struct tickets *t, ticket k)
{
    struct ticket_slot *s = slot(t, k);

    if (!s)
        return;
    s->object = NULL;
    s->generation++;
    s->next_free = t->free;
    t->free = (uint32_t)k;
    t->count--;
}

void tickets_clear(struct tickets *t)
{
    free(t->slots);
    *t = (struct tickets){0};
}
