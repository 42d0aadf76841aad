/* A sink that keeps what git prints, or the last GIT_STDERR_MAX bytes of it: for answers of a line or a few. A zeroed struct has
 * heard nothing; who has it clears `text`. */
#ifndef GUEST_GIT_HEARD_H
#define GUEST_GIT_HEARD_H

#include "guest/git/run.h"

struct git_heard {
    struct git_sink out;
    struct git_tail text;
};

/* Forgets what was heard. Returns the sink, for a run that begins. */
struct git_sink *git_heard_begin(struct git_heard *h);

#endif
