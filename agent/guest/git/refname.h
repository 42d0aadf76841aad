/* Names of references, as git accepts them. Source: git-check-ref-format(1); refs.c, check_refname_format(). */
#ifndef GUEST_GIT_REFNAME_H
#define GUEST_GIT_REFNAME_H

#include "core/base.h"

/* Whether the text may be the name of a branch, a tag or a remote: what stands behind "refs/heads/". Neither "HEAD" nor what begins
 * with '-' may, and no expression ("@", "main~1", "@{-1}") is one. */
bool git_refname_is_valid(struct bytes name);

#endif
