/* Who made a commit, as git takes it: by its environment. Source: git-commit-tree(1), "COMMIT INFORMATION"; ident.c. */
#ifndef GIT_IDENTITY_H
#define GIT_IDENTITY_H

#include "git/call.h"

#define GIT_IDENTITY_TIME 32u /* a date's text with its NUL */

/* Whether git takes it as it is: -1 with *e, invalid_argument, as `what`. */
MUST_CHECK int git_identity_check(const Guest__V1__Identity *m, const char *what, struct err *e);

/* Writes the time as git reads it ("@SECONDS +0000"). -1 with *e, invalid_argument: before 1970, or after the year 9999. */
MUST_CHECK int git_identity_time(const Google__Protobuf__Timestamp *t, char out[GIT_IDENTITY_TIME],
                                 struct err *e);

/* Checks it, and adds what there is of it to the command's variables, which are names[0] (the name), names[1] (the address) and
 * names[2] (the time). NULL for m is nothing. -1 with *e. */
MUST_CHECK int git_identity_put(struct git_call *c, const Guest__V1__Identity *m, const char *const names[3],
                                const char *what, struct err *e);

#endif
