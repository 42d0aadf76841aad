/* A hash table whose items lie in what they find: by inotify's number of a directory, by a name below one. It grows with what
 * is in it; empty it has no memory. Threads: the loop's. */
#ifndef GUEST_FS_WATCH_TABLE_H
#define GUEST_FS_WATCH_TABLE_H

#include "core/base.h"

struct watch_item {
    struct watch_item *next; /* of the same slot */
    uint32_t hash;
};

struct watch_table {
    struct watch_item **slots;
    size_t cap; /* a power of 2; 0: no memory yet */
    size_t count;
};

/* Puts the item in. Returns 0, or -1 when out of memory. */
MUST_CHECK int watch_table_add(struct watch_table *t, struct watch_item *item, uint32_t hash);

/* Takes out what is in the table. */
void watch_table_remove(struct watch_table *t, struct watch_item *item);

/* The first item of that hash, and the one after `item`; NULL: there is none. Different things may have the same hash. */
struct watch_item *watch_table_first(const struct watch_table *t, uint32_t hash);
struct watch_item *watch_table_next(const struct watch_item *item);

/* Of a name at a place. */
uint32_t watch_table_hash(uint64_t place, const char *name);

#endif
