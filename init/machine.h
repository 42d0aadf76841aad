/* Whose first process we are. */
#ifndef INIT_MACHINE_H
#define INIT_MACHINE_H

#include "core/base.h"

/* Whether we are the first process of a machine, and not of a container: what we change in /proc/sys and which file systems
 * we make read-only is then nobody else's. Needs /proc: without it, no. */
bool machine_is_ours(void);

/* Whether we are inside of another's machine, in a pid namespace. Where there is no /proc yet, no: a container has it. */
bool machine_is_shared(void);

#endif
