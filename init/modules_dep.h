/* modules.dep and modules.builtin as depmod(8) writes them: a line for each module, its path, and behind a colon the paths of
 * those it needs. A text may be anything; names are compared as modprobe(8) does, '-' and '_' being the same. */
#ifndef INIT_MODULES_DEP_H
#define INIT_MODULES_DEP_H

#include "core/base.h"

/* Finds the line of the module with that name. Returns whether there is one; *path is its path, *needs what stands behind the
 * colon. */
bool modules_dep_find(struct bytes text, const char *name, struct bytes *path, struct bytes *needs);

/* Takes the last path off *needs, whose order is that of need: the last one is loaded first. Returns false at the end. */
bool modules_dep_last(struct bytes *needs, struct bytes *path);

/* Whether a path is that of the module: DIR/NAME.ko, and what compression adds. */
bool modules_dep_is(struct bytes path, const char *name);

#endif
