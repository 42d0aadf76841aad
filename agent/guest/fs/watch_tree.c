#include "guest/fs/watch_tree.h"

#include <sys/inotify.h>

#include "core/limits.h"

/* --- directories ----------------------------------------------------------------------------- */

struct watch_dir *watch_tree_find(const struct watch_tree *t, int wd)
{
    struct watch_item *i = watch_table_first(&t->dirs, (uint32_t)wd);

    return i ? CONTAINER_OF(i, struct watch_dir, item) : NULL; /* no two numbers have the same hash */
}

struct watch_dir *watch_tree_dir(struct watch_tree *t, int wd)
{
    struct watch_dir *d = watch_tree_find(t, wd);

    if (d)
        return d;
    d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->wd = wd;
    LIST_INIT(&d->nodes);
    if (watch_table_add(&t->dirs, &d->item, (uint32_t)wd) < 0) {
        free(d);
        return NULL;
    }
    LIST_INSERT_HEAD(&t->orphans, d, orphan_link);
    return d;
}

void watch_tree_unbind(struct watch_tree *t, struct watch_node *n)
{
    struct watch_dir *d = TAKE(n->dir);

    if (!d)
        return;
    LIST_REMOVE(n, dir_link);
    if (LIST_EMPTY(&d->nodes))
        LIST_INSERT_HEAD(&t->orphans, d, orphan_link);
}

void watch_tree_bind(struct watch_tree *t, struct watch_node *n, struct watch_dir *d)
{
    if (n->dir == d)
        return;
    watch_tree_unbind(t, n);
    if (LIST_EMPTY(&d->nodes))
        LIST_REMOVE(d, orphan_link);
    LIST_INSERT_HEAD(&d->nodes, n, dir_link);
    n->dir = d;
}

bool watch_tree_sweep(struct watch_tree *t, int inotify_fd, unsigned max)
{
    struct watch_dir *d;

    while ((d = LIST_FIRST(&t->orphans)) && max-- > 0) {
        if (!d->dead)
            inotify_rm_watch(inotify_fd, d->wd);
        LIST_REMOVE(d, orphan_link);
        watch_table_remove(&t->dirs, &d->item);
        free(d);
    }
    return d != NULL;
}

/* --- nodes ----------------------------------------------------------------------------------- */

static uint32_t hash_of(const struct watch_node *parent, const char *name)
{
    return watch_table_hash(parent->id, name);
}

struct watch_node *watch_tree_attach(struct watch_tree *t, struct watcher *w, struct watch_node *parent,
                                     const char *name, struct watch_dir *dir)
{
    size_t size = strlen(name) + 1;
    struct watch_node *n = t->node_count < WATCH_DIRS_MAX ? calloc(1, sizeof *n + size) : NULL;

    if (!n)
        return NULL;
    memcpy(n->name, name, size);
    n->watcher = w;
    n->parent = parent;
    n->id = ++t->last_id;
    LIST_INIT(&n->children);
    if (parent && watch_table_add(&t->nodes, &n->item, hash_of(parent, name)) < 0) {
        free(n);
        return NULL;
    }
    if (parent)
        LIST_INSERT_HEAD(&parent->children, n, sibling);
    watch_tree_bind(t, n, dir);
    t->node_count++;
    return n;
}

bool watch_tree_above(const struct watch_node *n, const struct watch_dir *dir)
{
    while (n && n->dir != dir)
        n = n->parent;
    return n != NULL;
}

struct watch_node *watch_tree_child(const struct watch_tree *t, const struct watch_node *parent,
                                    const char *name)
{
    struct watch_item *i = watch_table_first(&t->nodes, hash_of(parent, name));

    for (; i; i = watch_table_next(i)) {
        struct watch_node *n = CONTAINER_OF(i, struct watch_node, item);

        if (n->parent == parent && strcmp(n->name, name) == 0)
            return n;
    }
    return NULL;
}

/* One that has no children. */
static void drop_leaf(struct watch_tree *t, struct watch_node *n)
{
    watch_tree_unbind(t, n);
    if (n->parent) {
        LIST_REMOVE(n, sibling);
        watch_table_remove(&t->nodes, &n->item);
    }
    t->node_count--;
    free(n);
}

/* Depth first, without a stack: trees may be as deep as a path is long. */
void watch_tree_prune(struct watch_tree *t, struct watch_node *n)
{
    struct watch_node *at = n;

    while (at != n || !LIST_EMPTY(&n->children)) {
        struct watch_node *parent = at->parent;

        if (!LIST_EMPTY(&at->children)) {
            at = LIST_FIRST(&at->children);
        } else {
            drop_leaf(t, at);
            at = parent;
        }
    }
}

void watch_tree_drop(struct watch_tree *t, struct watch_node *n)
{
    watch_tree_prune(t, n);
    drop_leaf(t, n);
}

/* --- paths ----------------------------------------------------------------------------------- */

size_t watch_tree_path_length(const struct watch_node *n, const char *name)
{
    size_t length = strlen(name);

    for (; n->parent; n = n->parent)
        length += strlen(n->name) + (length > 0);
    return length;
}

/* From its end to its beginning. */
void watch_tree_path(const struct watch_node *n, const char *name, char *out, size_t length)
{
    size_t part = strlen(name), at = length - part;

    memcpy(out + at, name, part);
    for (; n->parent; n = n->parent) {
        if (at < length)
            out[--at] = '/';
        part = strlen(n->name);
        at -= part;
        memcpy(out + at, n->name, part);
    }
}
