/* What a git that was stopped or that crashed has left behind: the directory that it was about to make, or lock files that would
 * keep the next one from the repository. */
#ifndef GUEST_GIT_TIDY_H
#define GUEST_GIT_TIDY_H

#include "core/jobs.h"
#include "guest/git/place.h"

/* Has a worker take it away, with the rights of the user (NULL: the default one), then calls done(arg) from the loop's turn. The
 * place must live until then. Returns 0, or -1: there is no worker, and nothing is done. */
MUST_CHECK int git_tidy(struct jobs *jobs, const char *user, struct guest_env *env,
                        const struct git_place *place, enum git_access access, void (*done)(void *arg),
                        void *arg);

#endif
