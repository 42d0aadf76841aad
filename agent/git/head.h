/* Where HEAD is, as verbs that move it answer. */
#ifndef GIT_HEAD_H
#define GIT_HEAD_H

#include "git/call.h"

struct git_head {
    char *commit; /* "": there is none yet */
    char *branch; /* "": it is detached, or there is no commit */
};

/* From `ended`: a further run asks for it. -1 with *e. */
MUST_CHECK int git_head_ask(struct git_call *c, struct err *e);

/* When that has ended: what it said, in the arena. -1 with *e. */
MUST_CHECK int git_head_take(struct git_call *c, struct git_head *h, struct err *e);

#endif
