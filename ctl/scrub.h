/* Takes secrets out of text that a person will pass on: what is shown as a token, what stands before the @ of a URL, and values
 * whose name says that they are secret. It knows secrets by how they are written, so it is the second line: what may hold any is
 * not collected in the first place. */
#ifndef CTL_SCRUB_H
#define CTL_SCRUB_H

#include "ctl/client/buffer.h"

/* What stands in place of a secret. */
#define SCRUB_MARK "***"

/* Appends the text to `out` without its secrets. `token` is the caller's own, or NULL. Returns 0, or -1 when out of memory. */
MUST_CHECK int scrub(struct bytes text, const char *token, struct buffer *out);

/* The same of JSON, which stays JSON: strings that are the value of a secret's name go, and in the others what scrub finds. */
MUST_CHECK int scrub_json(struct bytes text, const char *token, struct buffer *out);

#endif
