/* The user's credential store, in clear in a file of his: where credentials go when a request asks for it with store_credentials, and
 * only then. Source: git-credential-store(1). */
#ifndef GIT_STORE_H
#define GIT_STORE_H

#include "git/call.h"

/* Whether the call's credentials can be kept: those of a user name. -1 with *e, invalid_argument. */
MUST_CHECK int git_store_check(const struct git_call *c, struct err *e);

/* From `ended`: keeps the credentials that git_call_aim has pointed at a server, in several runs; *step is 0 at first. Returns 1: a run
 * is to come, call again when it has ended; 0: they are kept; -1 with *e. */
MUST_CHECK int git_store_next(struct git_call *c, unsigned *step, struct err *e);

#endif
