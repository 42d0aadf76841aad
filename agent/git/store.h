/* The user's credential store, in clear in a file of his: where credentials go when a request asks for it with store_credentials, and
 * only then. Source: git-credential-store(1). */
#ifndef GIT_STORE_H
#define GIT_STORE_H

#include "git/call.h"

/* Whether a request that wants it may have its credentials stored: those of a user name, its own or the URL's, for an http or https
 * origin. u is the URL that they are for, not yet aimed at; NULL: none that has any. -1 with *e, invalid_argument. */
MUST_CHECK int git_store_check(const struct git_call *c, const struct git_url *u, struct err *e);

/* From `ended`, after what was asked for: stores the credentials that git_call_aim has pointed at a server, in several runs, if the
 * request wants that. 0: a run was begun, call again when it has ended, however it did; 1: there is nothing more to do; -1 with *e. */
MUST_CHECK int git_store_next(struct git_call *c, struct err *e);

#endif
