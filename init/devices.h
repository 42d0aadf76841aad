/* Block devices by what they are called: a path below /dev, LABEL=, UUID=, PARTUUID= or PARTLABEL=. Their superblocks and
 * partition tables are read here, without libblkid or udev.
 *
 * A device that is not there yet is waited for on the kernel's own uevents (NETLINK_KOBJECT_UEVENT, lib/kobject_uevent.c): one
 * poll(2) that sleeps until something happens. It needs /sys and a devtmpfs. */
#ifndef INIT_DEVICES_H
#define INIT_DEVICES_H

#include "core/err.h"

#define DEVICE_PATH_MAX 128

/* Whether a source of a mount names a device: a tag as above, or a path below /dev. */
bool device_is_named(const char *source);

/* Finds a device, and waits wait_ms for it at most; of several with the same name the first in the order of theirs. A path that
 * is not below /dev is looked for as any other. Returns 0 and its path, or -1: not_found with what there is instead. */
MUST_CHECK int device_find(const char *source, uint64_t wait_ms, char path[DEVICE_PATH_MAX], struct err *e);

/* The type of the file system on a device, as mount(2) takes it; NULL: unknown, or the device cannot be read. */
const char *device_type(const char *path);

/* Whether a uevent is about a block device. */
bool device_uevent(struct bytes event);

#endif
