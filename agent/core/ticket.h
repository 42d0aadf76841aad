/* Tickets: names for objects of the loop that a worker may carry. A ticket is (slot, generation); when the
 * object is gone its ticket finds nothing, and a slot's next object has another generation.
 *
 * A zeroed struct is an empty table. Threads: the loop's only (a worker carries the number, nothing more). */
#ifndef CORE_TICKET_H
#define CORE_TICKET_H

#include "core/base.h"

typedef uint64_t ticket; /* never 0 for an object */

struct ticket_slot {
    void *object; /* NULL: free */
    uint32_t generation;
    uint32_t next_free;
};

struct tickets {
    struct ticket_slot *slots;
    uint32_t cap;
    uint32_t count; /* objects */
    uint32_t free;  /* index + 1 of the first free slot, or 0 */
};

/* A ticket for the object, 0 when out of memory. */
ticket ticket_new(struct tickets *t, void *object);

/* The object, or NULL when its ticket was dropped. */
void *ticket_find(const struct tickets *t, ticket k);

/* The object's ticket finds nothing from now on. 0 and dropped tickets are ignored. */
void ticket_drop(struct tickets *t, ticket k);

/* Frees the table. For tests. */
void tickets_clear(struct tickets *t);

#endif
