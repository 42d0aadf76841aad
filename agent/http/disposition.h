/* The Content-Disposition field (RFC 6266). */
#ifndef HTTP_DISPOSITION_H
#define HTTP_DISPOSITION_H

#include "http/exchange.h"

/* `inline; filename=...` for a name of any bytes, on the heap, NUL-terminated: a token as it is, other printable ASCII in quotes,
 * and everything else as filename*=utf-8'' with each byte percent-encoded, also where the bytes are not UTF-8: a client that
 * decodes them has the name. As Go's mime.FormatMediaType. NULL when out of memory. */
char *disposition_inline(struct bytes name);

/* Adds that as the response's field. */
void disposition_add(struct http_exchange *x, struct bytes name);

#endif
