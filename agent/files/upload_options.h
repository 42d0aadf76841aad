/* What a request says about the files that come with it: its query, and its fields X-Metadata-*. */
#ifndef FILES_UPLOAD_OPTIONS_H
#define FILES_UPLOAD_OPTIONS_H

#include "files/intake.h"
#include "http/http.h"

/* Fills in in->options and in->path from the query; `whole`: the body is one file as it is, so that it may be a piece of one.
 * Returns 0, or -1 with *e: invalid_argument. */
MUST_CHECK int upload_options_query(const struct http_exchange *x, bool whole, struct intake *in,
                                    struct err *e);

/* Fills in in->metadata, in in->arena: of each name the first value. Returns 0, or -1 with *e: invalid_argument "invalid metadata:
 * ...", resource_exhausted. */
MUST_CHECK int upload_options_metadata(const struct http_exchange *x, struct intake *in, struct err *e);

#endif
