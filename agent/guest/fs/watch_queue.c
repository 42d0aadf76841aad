#include "core/limits.h"
#include "guest/fs/watch_internal.h"

/* --- events ---------------------------------------------------------------------------------- */

static size_t size_of(const struct watch_event *v)
{
    return sizeof *v + strlen(v->name) + 1;
}

static struct watch_event *make_overflow(void)
{
    struct watch_event *v = calloc(1, sizeof *v + sizeof ".");

    if (!v)
        return NULL;
    v->type = WATCH_OVERFLOW;
    v->name[0] = '.';
    return v;
}

int watch_queue_begin(struct watcher *w)
{
    STAILQ_INIT(&w->queue);
    w->spare = make_overflow();
    return w->spare ? 0 : -1;
}

static struct watch_event *make(const struct watch_node *n, const char *name, enum watch_type type)
{
    size_t length = watch_tree_path_length(n, name);
    struct watch_event *v = malloc(sizeof *v + MAX(length, (size_t)1) + 1);

    if (!v)
        return NULL;
    v->type = type;
    watch_tree_path(n, name, v->name, length);
    if (length == 0)
        v->name[length++] = '.';
    v->name[length] = 0;
    return v;
}

static bool full(const struct watcher *w)
{
    return w->queued >= WATCH_EVENTS_MAX ||
           (w->queued >= WATCH_EVENTS_MIN && w->all->event_bytes >= WATCH_EVENTS_BYTES);
}

void watch_queue_put(struct watcher *w, const struct watch_node *n, const char *name, enum watch_type type)
{
    struct watch_event *v;

    if (w->dropping)
        return;
    if (!w->spare)
        w->spare = make_overflow();
    w->dropping = full(w);
    if (w->dropping || w->owed)
        type = WATCH_OVERFLOW;
    v = type == WATCH_OVERFLOW ? NULL : make(n, name, type);
    if (!v)
        v = TAKE(w->spare);
    w->owed = !v;
    if (!v)
        return;
    STAILQ_INSERT_TAIL(&w->queue, v, link);
    w->queued++;
    w->all->event_bytes += size_of(v);
    if (w->ready)
        w->events->changed(w);
}

struct watch_event *watch_take(struct watcher *w)
{
    struct watch_event *v = STAILQ_FIRST(&w->queue);

    if (!v)
        return NULL;
    STAILQ_REMOVE_HEAD(&w->queue, link);
    w->all->event_bytes -= size_of(v);
    w->queued--;
    w->dropping = w->dropping && w->queued > 0;
    return v;
}

void watch_queue_clear(struct watcher *w)
{
    struct watch_event *v;

    while ((v = watch_take(w)))
        free(v);
    free(TAKE(w->spare));
}

/* --- what was found -------------------------------------------------------------------------- */

struct seen {
    struct watch_item item;
    uint64_t node; /* its id: the node itself may be gone */
    uint64_t until;
    char name[];
};

static struct seen *find(const struct watcher *w, const struct watch_node *n, const char *name)
{
    struct watch_item *i = watch_table_first(&w->seen, watch_table_hash(n->id, name));

    for (; i; i = watch_table_next(i)) {
        struct seen *s = CONTAINER_OF(i, struct seen, item);

        if (s->node == n->id && strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

void watch_queue_see(struct watcher *w, const struct watch_node *n, const char *name, uint64_t until)
{
    size_t size = strlen(name) + 1;
    struct seen *s = malloc(sizeof *s + size);

    if (!s)
        return;
    s->node = n->id;
    s->until = until;
    memcpy(s->name, name, size);
    if (watch_table_add(&w->seen, &s->item, watch_table_hash(n->id, name)) < 0)
        free(s);
}

bool watch_queue_seen(struct watcher *w, const struct watch_node *n, const char *name, uint64_t seq)
{
    struct seen *s = find(w, n, name);
    bool again = s && seq <= s->until;

    if (s) {
        watch_table_remove(&w->seen, &s->item);
        free(s);
    }
    return again;
}

void watch_queue_unsee(struct watcher *w)
{
    for (size_t i = 0; i < w->seen.cap; i++)
        for (struct watch_item *item = w->seen.slots[i], *next; item; item = next) {
            next = item->next;
            free(CONTAINER_OF(item, struct seen, item));
        }
    free(w->seen.slots);
    w->seen = (struct watch_table){.cap = 0};
}
