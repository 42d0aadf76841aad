/* Credentials on their way into a request: from this machine's own helper, a file or standard input, never a command line. */
#ifndef CTL_GIT_SECRETS_H
#define CTL_GIT_SECRETS_H

#include "ctl/git.h"

/* All that a descriptor gives, up to `max` bytes, in the arena with a NUL behind. Returns 0, or -1 with *e, which names it as `name`. */
MUST_CHECK int git_secrets_read(struct arena *a, int fd, const char *name, size_t max, struct bytes *out,
                                struct err *e);

/* What a credential of git-credential(1) says, "username=ann\npassword=x\n", as strings in the arena; NULL where it says nothing.
 * Returns 0, or -1 with *e: out of memory. */
MUST_CHECK int git_secrets_parse(struct arena *a, struct bytes text, const char **username,
                                 const char **password, struct err *e);

/* Whether the host's helper is to be asked, for which the URL has to be known. */
bool git_secrets_ask(const struct git_request *r);

/* Puts what the options said into the request's `credentials`; `url` for the host's helper. Returns 0, or -1 with *e. */
MUST_CHECK int git_secrets_put(struct git_request *r, const char *url, struct err *e);

#endif
