/* Volumes on the host's file server: NFS version 3 over TCP on port 2049, mounted by mount(2) itself, for an image need not have
 * mount.nfs(8). In a worker, and it may hang as long as the server does.
 *
 * Sources: nfs(5); linux fs/nfs/fs_context.c (the options that the kernel parses); the options are those of envd. */
#ifndef GUEST_VOLUMES_H
#define GUEST_VOLUMES_H

#include "core/err.h"

#define VOLUME_TEXT_MAX 1024 /* bytes of a target or a path with the NUL */

struct volume {
    char target[VOLUME_TEXT_MAX]; /* "ADDRESS:/EXPORT"; an IPv6 ADDRESS in brackets */
    char path[VOLUME_TEXT_MAX];   /* absolute; directories are made, 0755 */
};

/* Checks the two texts and takes them over. Returns 0, or -1 with *e, invalid_argument. */
MUST_CHECK int volume_take(struct volume *v, struct bytes target, struct bytes path, struct err *e);

/* The options of the mount, as the kernel takes them. out has room for 512 bytes. */
void volume_options(const struct volume *v, char *out);

/* Takes away the NFS that is mounted there, if any is, by force, and mounts the volume. Returns 0, or -1 with *e that names it;
 * failed_precondition: the kernel has no NFS. */
MUST_CHECK int volume_mount(const struct volume *v, struct err *e);

#endif
