/* Paths as clients write them. No file is looked at here. */
#ifndef GUEST_PATHS_H
#define GUEST_PATHS_H

#include "core/err.h"

/* The absolute path that a client means, on the heap: "" is the default working directory, or the home
 * without one;
 * "~" and "~/x" begin at the home; "~other" is invalid_argument; an absolute path stays as it is, not even
 * cleaned; any other begins at the home (not at the working directory) and is cleaned. NULL with *e. */
char *path_resolve(const char *path, const char *home, const char *workdir, struct err *e);

/* Removes "." and "..", double and trailing slashes without looking at the file system, as Go's path.Clean;
 * in place. The empty path becomes "." and needs room for it. */
void path_clean(char *path);

/* The last name of a path, without slashes at its end, as Go's path.Base: "/" of a path of slashes, "." of "". */
struct bytes path_base(const char *path);

#endif
