/* The file systems at the machine's end: what was written gets to the disks, and they are left clean. */
#ifndef INIT_DISKS_H
#define INIT_DISKS_H

#include "core/base.h"

/* Writes everything out, then unmounts what holds data, the newest mount first; what is busy, as the root, becomes read-only.
 * unmount false: only writes, as a container does, whose file systems are others' too. All in a thread of its own (a file
 * server that does not answer holds that), for at most `ms`. Returns whether it came to an end: then *busy says how many file
 * systems stayed writable. */
bool disks_let_go(bool unmount, unsigned ms, unsigned *busy);

#endif
