#include "files/watch_batch.h"

#include <stdio.h>

#include "core/limits.h"
#include "files/entry_message.h"

static Filesystem__EventType type_of(enum watch_type type)
{
    static const Filesystem__EventType types[] = {
        [WATCH_OVERFLOW] = FILESYSTEM__EVENT_TYPE__EVENT_TYPE_UNSPECIFIED,
        [WATCH_CREATE] = FILESYSTEM__EVENT_TYPE__EVENT_TYPE_CREATE,
        [WATCH_WRITE] = FILESYSTEM__EVENT_TYPE__EVENT_TYPE_WRITE,
        [WATCH_REMOVE] = FILESYSTEM__EVENT_TYPE__EVENT_TYPE_REMOVE,
        [WATCH_RENAME] = FILESYSTEM__EVENT_TYPE__EVENT_TYPE_RENAME,
        [WATCH_CHMOD] = FILESYSTEM__EVENT_TYPE__EVENT_TYPE_CHMOD,
    };

    return types[type];
}

/* --- entries, in a worker -------------------------------------------------------------------- */

/* Best effort: what is gone, or what there is no memory for, has no entry. */
static void read_entry(struct watch_batch *b, const char *name, Filesystem__FilesystemEvent *m)
{
    size_t size = strlen(b->root) + strlen(name) + 2;
    char *path = arena_alloc(&b->arena, size);
    struct fs_entry entry;
    struct err e;

    if (!path)
        return;
    if (strcmp(name, ".") == 0)
        snprintf(path, size, "%s", b->root);
    else
        snprintf(path, size, "%s%s%s", b->root, strcmp(b->root, "/") == 0 ? "" : "/", name);
    if (fs_entry_read(path, NULL, &b->arena, &entry, &e) < 0 ||
        !(m->entry = entry_message(&entry, b->brief, &b->arena)))
        return;
    m->_entry_case = FILESYSTEM__FILESYSTEM_EVENT___ENTRY_ENTRY;
}

static void read_entries(struct watch_batch *b)
{
    struct watch_event *v;
    size_t i = 0;

    STAILQ_FOREACH (v, &b->events, link) {
        if (v->type == WATCH_CREATE || v->type == WATCH_WRITE || v->type == WATCH_CHMOD)
            read_entry(b, v->name, b->messages[i]);
        i++;
    }
}

static void run(struct job *j)
{
    struct watch_batch *b = CONTAINER_OF(j, struct watch_batch, job);
    struct err e;
    CLEANUP_FREE struct user *u = fs_caller_user(&b->caller, &e);

    if (!u || fs_caller_enter(&b->caller, u, &e) < 0)
        return;
    read_entries(b);
    fs_caller_leave(&b->caller);
}

static void done(struct job *j)
{
    struct watch_batch *b = CONTAINER_OF(j, struct watch_batch, job);

    b->done(b);
}

int watch_batch_read(struct watch_batch *b, struct fs_workers *workers)
{
    struct err e;

    b->job = (struct job){.run = run, .done = done};
    return fs_submit(workers, &b->job, &b->caller, b->root, &e);
}

/* --- messages -------------------------------------------------------------------------------- */

/* An event that cannot be told is one that was lost. */
static void fill(struct watch_batch *b, const struct watch_event *v, Filesystem__FilesystemEvent *m)
{
    filesystem__filesystem_event__init(m);
    m->name = entry_text(v->name, &b->arena);
    m->type = m->name ? type_of(v->type) : FILESYSTEM__EVENT_TYPE__EVENT_TYPE_UNSPECIFIED;
    m->overflow = v->type == WATCH_OVERFLOW || !m->name;
    if (!m->name)
        m->name = (char *)(uintptr_t) ".";
}

static struct watch_batch *batch_new(const struct watcher *w, size_t count, bool brief)
{
    struct watch_batch *b = calloc(1, sizeof *b);
    Filesystem__FilesystemEvent *room;

    if (!b)
        return NULL;
    STAILQ_INIT(&b->events);
    b->arena.max = DECODE_MAX;
    b->brief = brief;
    b->root = strdup(w->path);
    b->messages = arena_array(&b->arena, count, sizeof(Filesystem__FilesystemEvent *));
    room = arena_array(&b->arena, count, sizeof *room);
    if (fs_caller_init(&b->caller, w->caller.name, w->caller.env, w->caller.as_user) < 0 || !b->root ||
        !b->messages || !room) {
        watch_batch_free(b);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        b->messages[i] = &room[i];
    return b;
}

struct watch_batch *watch_batch_take(struct watcher *w, size_t max, bool brief, struct err *e)
{
    size_t count = MIN(w->queued, max);
    struct watch_batch *b = count > 0 ? batch_new(w, count, brief) : NULL;

    e->status = STATUS_OK;
    if (!b && count > 0)
        err_nomem(e, "tell what has happened");
    while (b && b->count < count) {
        struct watch_event *v = watch_take(w);

        STAILQ_INSERT_TAIL(&b->events, v, link);
        fill(b, v, b->messages[b->count++]);
    }
    return b;
}

void watch_batch_free(struct watch_batch *b)
{
    struct watch_event *v;

    while ((v = STAILQ_FIRST(&b->events))) {
        STAILQ_REMOVE_HEAD(&b->events, link);
        free(v);
    }
    fs_caller_clear(&b->caller);
    free(b->root);
    arena_clear(&b->arena);
    free(b);
}
