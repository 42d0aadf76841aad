/* Directories for what the agent itself writes and mounts, as by mkdir -p: mode 0755 less the umask; what is there is left alone. */
#ifndef CORE_DIRS_H
#define CORE_DIRS_H

#include "core/base.h"

/* Makes those above the path. Returns 0, or -1 with errno (mkdir(2)); who opens something in them then may leave it at that. */
int dirs_make_above(const char *path);

/* Makes the path, too. Returns 0, or -1 with errno. */
MUST_CHECK int dirs_make(const char *path);

#endif
