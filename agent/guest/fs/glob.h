/* Paths that match a pattern. In a worker.
 *
 * A pattern is matched name by name. In a name `*` is any characters, `?` one, `[a-z]` and `[^a-z]` one of a set or one that is not,
 * and `\` takes the next character as it is: the language of Go's path/filepath.Match. As for a shell, and not for Go, a dot at a
 * name's beginning is matched by a dot only. A name that is `**` is any number of directories, none included: those that begin with a
 * dot are left out, and links are not followed; at the pattern's end it is everything below. Other names are followed where they
 * are links. */
#ifndef GUEST_FS_GLOB_H
#define GUEST_FS_GLOB_H

#include <stdatomic.h>

#include "core/arena.h"
#include "core/err.h"

/* Whether the name matches one name's pattern. *bad: the pattern is none (it says so for every name). */
bool fs_glob_match(struct bytes pattern, struct bytes name, bool *bad);

struct fs_glob {
    const char *pattern;     /* absolute */
    const atomic_bool *stop; /* ends it early */
    struct arena *arena;     /* where the paths lie */
    const char **paths;      /* out: sorted, each once; in the arena */
    size_t count;            /* out */
};

/* Finds all. What cannot be read, or vanishes, is left out. Returns 0, or -1 with *e: invalid_argument "syntax error in pattern", or
 * more than 63 names in it; resource_exhausted beyond LIST_ENTRIES_MAX or the arena; canceled. */
MUST_CHECK int fs_glob(struct fs_glob *g, struct err *e);

#endif
