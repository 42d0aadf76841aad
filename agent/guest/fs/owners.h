/* Names of users and groups by their numbers: /etc/passwd and /etc/group as they are now, read once and again only when one of
 * them has changed. A look-up is a search in a sorted table, whatever the number of entries that ask.
 *
 * Threads: any. A snapshot is immutable and counted: what it answers is valid until owners_put. */
#ifndef GUEST_FS_OWNERS_H
#define GUEST_FS_OWNERS_H

#include "guest/users.h"

struct owners;

/* The current snapshot; the caller puts it back. It may block, as any read of a file. NULL when out of memory. */
struct owners *owners_get(void);

/* The same for the loop, where the files still have these stamps; NULL when it would have to be read, or is being read. */
struct owners *owners_cached(const struct users_stamps *now);

void owners_put(struct owners *o); /* NULL is ignored */

/* The name, the first one where several have the number; NULL without one, or where the files name more than OWNERS_MAX bytes
 * of users or groups. */
const char *owners_user(const struct owners *o, uid_t uid);
const char *owners_group(const struct owners *o, gid_t gid);

#endif
