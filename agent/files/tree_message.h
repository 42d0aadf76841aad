/* Trees as messages of guest.v1.Files, in both directions, for the agent and for guestctl. Any thread. */
#ifndef FILES_TREE_MESSAGE_H
#define FILES_TREE_MESSAGE_H

#include "core/arena.h"
#include "guest/fs/tree_read.h"
#include "guest/fs/tree_write.h"
#include "guest/v1/files.pb-c.h"

/* The items of one message, in an arena. */
struct tree_items {
    Guest__V1__TreeItem **list;
    size_t count;
    uint64_t bytes; /* of content */
};

/* Reads on, until it is worth a message (TREE_MESSAGE). Returns 1; 0 at the tree's end, where there may be items, too; -1 with *e:
 * fs_tree_read's, or no memory; the items are to be used then, too. */
MUST_CHECK int tree_message_read(struct fs_tree_reader *r, struct arena *a, struct tree_items *items,
                                 struct err *e);

/* Does what the item says. Returns as fs_tree_write_entry, and invalid_argument for what no tree has. */
MUST_CHECK int tree_message_write(struct fs_tree_writer *w, const Guest__V1__TreeItem *item, struct err *e);

/* The path that the item is about; of content the file's, if it is known. Valid as long as the item and the writer stay. */
struct bytes tree_message_path(const struct fs_tree_writer *w, const Guest__V1__TreeItem *item);

/* A problem as a message in the arena; NULL when out of memory. */
Guest__V1__TreeProblem *tree_message_problem(struct bytes path, const struct err *e, struct arena *a);

#endif
