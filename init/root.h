/* The root file system: from an initramfs to the one that `root` names, and an overlay over it or over the one that the kernel
 * has mounted.
 *
 *   no overlay   the device is mounted and becomes the root, read-only unless `rw`
 *   overlay      lower: the device, or what was the root, read-only, at ROOT_LOWER. upper and work: directories of ROOT_UPPER,
 *                a tmpfs or a device. Both stay visible there
 *
 * Sources: Documentation/filesystems/{ramfs-rootfs-initramfs,overlayfs}.rst, admin-guide/kernel-parameters.rst (root=). Not
 * supported of root=: numbers (8:1), PARTNROFF and network roots. */
#ifndef INIT_ROOT_H
#define INIT_ROOT_H

#include "guest/boot.h"
#include "init/config.h"

#define ROOT_LOWER "/run/guestd/lower"
#define ROOT_UPPER "/run/guestd/overlay"

/* Changes the root, if the configuration asks for it and we are in an initramfs, or an overlay is wanted over what is none; and
 * the machine is our own. Returns whether it has: all paths lead elsewhere then, and the initramfs's files are gone. What fails
 * is a problem that tells what was found, and leaves the root as it was. */
bool root_change(const struct config *c, bool own, struct boot *b);

#endif
