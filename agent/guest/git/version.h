/* Which git there is: asked once for each program file. */
#ifndef GUEST_GIT_VERSION_H
#define GUEST_GIT_VERSION_H

#include "core/err.h"
#include "guest/git/place.h"

/* The oldest that knows all that is asked of it (2.30, in Debian 11). */
#define GIT_VERSION_MIN 2030u

/* What was asked last; a zeroed struct: nothing. */
struct git_version {
    char *path; /* owned */
    struct users_stamp stamp;
    unsigned number; /* 2039 is 2.39; 0: it did not say */
};

/* The version in what `git version` printed, as above; 0: none. */
unsigned git_version_parse(struct bytes text);

/* Whether v is about that program. */
bool git_version_known(const struct git_version *v, const struct git_program *p);

/* Keeps what the program said. */
void git_version_keep(struct git_version *v, const struct git_program *p, struct bytes text);

/* Returns 0, or -1 with *e, failed_precondition: it is too old. */
MUST_CHECK int git_version_check(const struct git_version *v, struct err *e);

void git_version_clear(struct git_version *v);

#endif
