/* What is watched: the directories that inotify tells of by number, and for each watcher the tree of those below its own.
 *
 * A directory is watched once, however many watchers look at it: it has a node in the tree of each. Nodes know their parent and
 * their name, not their path, so a tree of 10,000 directories costs about 2 MB, and the kernel another KiB for each directory.
 *
 * A directory that has lost its last node is an orphan, whose watch watch_tree_sweep ends: not before no worker is under way, for
 * one may have met it again and will come back with its number. Threads: the loop's. */
#ifndef GUEST_FS_WATCH_TREE_H
#define GUEST_FS_WATCH_TREE_H

#include "guest/fs/watch_table.h"

struct watcher;

struct watch_dir {
    struct watch_item item; /* in watch_tree.dirs, by wd */
    int wd;
    bool dead; /* the kernel has ended its watch: the directory is gone, or its file system */
    LIST_HEAD(, watch_node) nodes;
    LIST_ENTRY(watch_dir) orphan_link; /* while it has none */
};

struct watch_node {
    struct watch_item item; /* in watch_tree.nodes, by the parent's id and the name */
    struct watcher *watcher;
    struct watch_node *parent; /* NULL: the root of the watcher */
    struct watch_dir *dir;     /* NULL: a root whose directory is gone */
    uint64_t id;               /* never used again */
    LIST_ENTRY(watch_node) dir_link;
    LIST_ENTRY(watch_node) sibling;
    LIST_HEAD(, watch_node) children;
    char name[]; /* below the parent; "" of a root */
};

struct watch_tree {
    struct watch_table dirs, nodes;
    LIST_HEAD(, watch_dir) orphans;
    size_t node_count; /* roots too */
    uint64_t last_id;
};

/* The directory of that number, NULL: unknown. */
struct watch_dir *watch_tree_find(const struct watch_tree *t, int wd);

/* The same; an unknown one is made, as an orphan. NULL: out of memory. */
struct watch_dir *watch_tree_dir(struct watch_tree *t, int wd);

/* A node for the directory, below `parent` (NULL: a root). NULL: out of memory or beyond WATCH_DIRS_MAX. */
struct watch_node *watch_tree_attach(struct watch_tree *t, struct watcher *w, struct watch_node *parent,
                                     const char *name, struct watch_dir *dir);

/* Whether the directory is on the way from the node up: it was mounted below itself, and would be watched without end. */
bool watch_tree_above(const struct watch_node *n, const struct watch_dir *dir);

/* The node of that name below `parent`, NULL: there is none. */
struct watch_node *watch_tree_child(const struct watch_tree *t, const struct watch_node *parent,
                                    const char *name);

/* Frees the node and all below it. */
void watch_tree_drop(struct watch_tree *t, struct watch_node *n);

/* Frees what is below the node. */
void watch_tree_prune(struct watch_tree *t, struct watch_node *n);

/* The node is of that directory from now on. */
void watch_tree_bind(struct watch_tree *t, struct watch_node *n, struct watch_dir *d);

/* The directory of a root is gone; the node stays. */
void watch_tree_unbind(struct watch_tree *t, struct watch_node *n);

/* Ends the watches of at most `max` orphans. Returns whether there are more. */
bool watch_tree_sweep(struct watch_tree *t, int inotify_fd, unsigned max);

/* The length of "a/b/name" for `name` in the node's directory, relative to the root, and that text (no NUL at its end). A name of
 * "" means the directory itself. */
size_t watch_tree_path_length(const struct watch_node *n, const char *name);
void watch_tree_path(const struct watch_node *n, const char *name, char *out, size_t length);

#endif
