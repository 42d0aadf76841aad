/* Entries that carry no metadata, as far as is known. To ask for it may wait for a disk, and most have none: what a worker has
 * found is kept here, so that the loop can tell such an entry by its inode in memory alone.
 *
 * An attribute that is set changes the entry's ctime, and what has another ctime is unknown. Threads: any. */
#ifndef GUEST_FS_BARE_H
#define GUEST_FS_BARE_H

#include <sys/stat.h>

#include "core/base.h"

/* `st` was read after `since` (clock_wall), and then no metadata was found. What had changed shortly before is not kept: it may
 * have changed again within one tick of the kernel's clock, and its ctime be the same. */
void fs_bare_keep(const struct stat *st, const struct timespec *since);

/* Whether it is known to have none. */
bool fs_bare_known(const struct stat *st);

#endif
