/* The file systems that every guest needs.
 *
 * Sources: mount(2), kernel Documentation/filesystems/{proc,sysfs,devpts,tmpfs,ramfs-rootfs-initramfs}.rst,
 * Documentation/admin-guide/{cgroup-v2,devices}.rst and FHS 3.0 (/dev/shm, /run, /tmp). */
#ifndef INIT_MOUNTS_H
#define INIT_MOUNTS_H

#include "guest/boot.h"
#include "init/config.h"

/* Mounts them, in order, where they are not mounted yet. One that fails is a problem of the boot, not its end; those that only
 * some kernels have are left out without a word. */
void mounts_early(struct boot *b);

/* Makes the links that programs look for in /dev. */
void mounts_links(struct boot *b);

/* Mounts a tmpfs on /tmp, unless something is mounted there or a `mount` statement names it: the statement's business then. */
void mounts_tmp(const struct config *c, struct boot *b);

/* Whether a file system is mounted on that very path. */
bool mounts_is_point(const char *path);

#endif
