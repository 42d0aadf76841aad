/* Another root for the machine, as switch_root(8) makes it; pivot_root(2) cannot leave an initramfs. */
#ifndef INIT_SWITCH_ROOT_H
#define INIT_SWITCH_ROOT_H

#include "guest/boot.h"

/* Makes the file system that is mounted at `root` (below /run) the process's root, mounted over the old one, and takes /dev,
 * /proc, /sys and /run along with all that is mounted in them; one for which the new root has no directory is a problem, and is
 * unmounted. With `empty`, the old root is an initramfs whose files are removed then, never those of another file system that is
 * mounted in it. Returns 0, or -1 with *e: nothing has changed. */
MUST_CHECK int switch_root(const char *root, bool empty, struct boot *b, struct err *e);

#endif
