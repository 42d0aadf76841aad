/* What mount(8) takes behind -o, as mount(2) takes it: flags, and the rest as the file system's own data. */
#ifndef INIT_MOUNT_OPTIONS_H
#define INIT_MOUNT_OPTIONS_H

#include "core/err.h"

#define MOUNT_DATA_MAX 4096 /* with its NUL: the kernel takes a page (mount(2)) */

struct mount_options {
    unsigned long flags; /* MS_RDONLY, MS_BIND, MS_REMOUNT... */
    unsigned long
        propagation; /* MS_SHARED, MS_PRIVATE | MS_REC...; 0: as it comes. A call of its own, after the mount */
    bool nofail;     /* a source that is not there is no problem */
    char data[MOUNT_DATA_MAX]; /* what is not known here, in its order, between commas */
};

/* Adds what a text says (NULL: nothing) to *o, which may hold flags already; of opposites the later counts. A comma within
 * "..." separates nothing. What only tools read is passed over: defaults, auto, noauto, user, _netdev, x-... Returns 0, or -1
 * with *e. */
MUST_CHECK int mount_options_parse(const char *text, struct mount_options *o, struct err *e);

#endif
