/* Queries: what follows the '?' of a request target, as HTML forms write it (application/x-www-form-urlencoded,
 * https://url.spec.whatwg.org/#urlencoded-parsing): pairs of name and value. */
#ifndef HTTP_QUERY_H
#define HTTP_QUERY_H

#include "core/base.h"

/* Takes the next pair off the front of *rest, as it was sent; a name without '=' has an empty value. Returns false at the
 * end. */
bool query_next(struct bytes *rest, struct bytes *name, struct bytes *value);

/* Percent-decoding as Go's url.QueryUnescape: '+' is a space; a broken escape is an error. out has room for in.len + 1
 * bytes, gets a NUL behind the last, and may be in.ptr's own memory. Returns the length, or -1. */
ptrdiff_t query_unescape(struct bytes in, char *out);

#endif
