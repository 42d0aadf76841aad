/* What Diff and Changes compare, as arguments of `git diff`: their first run asks what the revisions mean (revisions.h), the second
 * compares. */
#ifndef GIT_COMPARE_H
#define GIT_COMPARE_H

#include "git/call.h"

struct git_compare {
    bool staged;
    size_t rev_count; /* 0, 1 or 2 */
    const char **paths;
    size_t path_count;
};

/* From `ask`: the first run. The target may be NULL. -1 with *e: invalid_argument. */
MUST_CHECK int git_compare_ask(struct git_call *c, struct git_compare *x, const Guest__V1__DiffTarget *m,
                               struct err *e);

/* From `ended` of the first run: begins the second, whose output is `out` (NULL: the verb emits it), with these options. -1 with
 * *e: invalid_argument, where a word means more than one commit. */
MUST_CHECK int git_compare_run(struct git_call *c, struct git_compare *x, struct git_sink *out,
                               const char *const *options, size_t count, struct err *e);

#endif
