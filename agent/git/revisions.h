/* What the words of a request for revisions mean: a first run of git, which also tells that there is a repository at all, says it in
 * objects' names. What runs then can take nothing for an option or a path, and means the same whatever happens meanwhile. */
#ifndef GIT_REVISIONS_H
#define GIT_REVISIONS_H

#include "git/call.h"

/* From `ask`: c's first run is to say what `count` words mean, which `what` names for errors. -1 with *e: invalid_argument. */
MUST_CHECK int git_revisions_ask(struct git_call *c, const char *const *words, const char *const *what,
                                 size_t count, struct err *e);

/* From `ended` of that run: the name of the next object, with "^" before one that is left out, cut off the front of *text (at first
 * what git_plain_heard returns). Empty: there is none. */
struct bytes git_revisions_next(struct bytes *text);

/* Whether that is the name of an object. */
bool git_revisions_valid(struct bytes name);

#endif
