/* The `mount` statements of the configuration. */
#ifndef INIT_VOLUMES_H
#define INIT_VOLUMES_H

#include "guest/boot.h"
#include "init/config.h"

/* Mounts them in their order, making the targets. A device that is not there yet is waited for. A file system that may hang (a
 * network's, FUSE, 9p, virtiofs and types that guest/fs/mounts.h does not know) is mounted by a child process; one that is not
 * ready in time is told, and goes on trying by itself. All this waiting together ends after MOUNTS_WAIT_MS. What fails is a
 * problem of the boot, unless its options say nofail and the device is missing. */
void volumes_mount(const struct config *c, struct boot *b);

#endif
