/* The last GIT_STDERR_MAX bytes of what somebody said. A zeroed struct is empty. What is dropped is wiped: git may repeat a URL
 * that it was given. */
#ifndef GUEST_GIT_TAIL_H
#define GUEST_GIT_TAIL_H

#include "core/err.h"

struct git_tail {
    char *text; /* owned */
    size_t len, cap;
};

/* Appends the bytes. Returns 0, or -1 with *e: there is no memory, and they are not kept. */
MUST_CHECK int git_tail_add(struct git_tail *t, struct bytes data, struct err *e);

/* What is kept. Valid until the next call. */
struct bytes git_tail_text(const struct git_tail *t);

/* Wipes and frees it; it is empty then. */
void git_tail_clear(struct git_tail *t);

#endif
