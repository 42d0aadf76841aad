/* What cp's directions share: where a source goes, and the tools. */
#ifndef CTL_COPY_H
#define CTL_COPY_H

#include "ctl/guest.h"
#include "ctl/pool.h"

struct copy {
    const struct ctl *ctl;
    bool recursive, resume;
    bool alone;        /* there is one source: of a file the rest can be told */
    const char *owner; /* NULL: the agent's default */
    struct guest guest;
    struct pool pool;
};

/* Where the sources go. */
struct copy_place {
    const char *path; /* as given, without the colon of the guest's */
    bool exists, directory;
};

/* The name of a source in its place: below it, under its own name, when that is a directory; "." stands for what is in the
 * source. Returns a path that the caller frees, or NULL with *e. */
char *copy_name(const struct copy_place *place, const char *source, bool is_directory, struct err *e);

/* The name of the part of a file that --resume goes on with: next to `path`, and another for another `version` of the source.
 * The caller frees; NULL when out of memory. */
char *copy_part(const char *path, const char *version);

/* Tells what is wrong with a file; returns as pool_failed. */
int copy_failed(struct copy *c, const char *path, int errnum, const char *what);

/* Copy one source. Errors of files are told and counted in c->pool.code; -1: it is no use to go on. */
int copy_up(struct copy *c, const char *source, const struct copy_place *place);
int copy_down(struct copy *c, const char *source, const struct copy_place *place);

/* The same where both are the guest's. */
int copy_within(struct copy *c, const char *source, const struct copy_place *place);

#endif
