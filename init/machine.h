/* Whose first process we are. */
#ifndef INIT_MACHINE_H
#define INIT_MACHINE_H

#include "core/base.h"

/* Ctrl-Alt-Del becomes SIGINT to us, instead of a reboot that syncs nothing; and the kernel's answer says whether we are the
 * first process of a machine, and not of a container, whose pid namespace has no such key (reboot_pid_ns in
 * kernel/pid_namespace.c): what we change in /proc/sys and which file systems we make read-only is then nobody else's. */
bool machine_take(void);

/* Whether we are inside of another's machine, in a pid namespace. Where there is no /proc yet, no: a container has it. */
bool machine_is_shared(void);

#endif
