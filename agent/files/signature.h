/* Who may read and write files by /files: whoever may make any call, or shows a signature of the request, made with the
 * token: an URL that somebody who has it can hand on.
 *
 *   signature = "v1_" + base64, without padding, of SHA-256(path ":" operation ":" username ":" token [":" expiration])
 *
 * path and username are those of the query, as they were meant before anything was resolved, "" where they are absent.
 * Source: E2B's envd, packages/envd/internal/api/auth.go. */
#ifndef FILES_SIGNATURE_H
#define FILES_SIGNATURE_H

#include "guest/settings.h"
#include "http/http.h"

/* Returns 0 when the exchange may do the operation ("read" or "write"), or -1 with *e: unauthenticated, or invalid_argument for
 * an expiration that is no number; resource_exhausted. Answer with http_error(x, http_status_of(e->status), "%s", e->text). */
MUST_CHECK int files_signature_check(const struct settings *s, const struct http_exchange *x,
                                     const char *operation, struct err *e);

#endif
