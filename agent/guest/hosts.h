/* One name's entry in the table of hosts (hosts(5)). In a worker. */
#ifndef GUEST_HOSTS_H
#define GUEST_HOSTS_H

#include "core/err.h"

#define HOSTS_FILE "/etc/hosts"

/* The text with `name` belonging to `address`, and to no other: on the heap, *len bytes. Other entries and comments stay as they
 * are. NULL when out of memory. */
char *hosts_edit(struct bytes text, const char *address, const char *name, size_t *len);

/* Makes the file say that. It is written in place, for it may be a mount, and is never empty meanwhile; one that says so already
 * is left alone, a missing one is made. Returns 0, or -1 with *e. Calls take turns. */
MUST_CHECK int hosts_set(const char *path, const char *address, const char *name, struct err *e);

#endif
