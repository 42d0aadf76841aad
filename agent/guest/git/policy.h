/* How git is run: the configuration and environment that every run has, so that neither a repository that somebody else made nor
 * a question that nobody can answer does any harm. docs/security.md says what that does not cover. */
#ifndef GUEST_GIT_POLICY_H
#define GUEST_GIT_POLICY_H

#include "guest/exec/spec.h"
#include "guest/git/credentials.h"
#include "guest/git/place.h"

/* In a command's arguments: the place's path, which is known only when the command runs. Compared by its address. */
extern const char git_arg_path[];

struct git_command {
    const char *const *args; /* from git's verb on */
    size_t arg_count;
    const struct exec_var *vars; /* of the request */
    size_t var_count;
    bool reads;            /* it takes no locks that it could do without */
    bool hooks;            /* those of the repository run */
    bool globs;            /* pathspecs are git's patterns; else names */
    struct git_lent *lent; /* credentials; NULL: none. The spec takes the descriptors over */
    bool input;            /* something comes on its standard input */
};

/* Whether a request may set that variable. Returns 0, or -1 with *e: invalid_argument. */
MUST_CHECK int git_policy_var(const char *name, struct err *e);

/* What to start, on the heap; the user NULL: the default one. NULL with *e: resource_exhausted. */
struct exec_spec *git_policy_spec(const struct git_place *place, const char *user,
                                  const struct git_command *c, struct err *e);

#endif
