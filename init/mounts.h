/* The file systems that every guest needs. */
#ifndef INIT_MOUNTS_H
#define INIT_MOUNTS_H

#include "guest/boot.h"

/* Mounts them, in order, where they are not mounted yet. One that fails is a problem of the boot, not its end. */
void mounts_early(struct boot *b);

#endif
