/* Requests that are no RPC and whose bodies are files: GET, HEAD and POST /files. The exchange itself is wire.h's. */
#ifndef CTL_CLIENT_REST_H
#define CTL_CLIENT_REST_H

#include "ctl/client/call.h"

/* Appends "name=value" to the query of the path in *path, percent-encoded. Returns 0, or -1 when out of memory. */
MUST_CHECK int rest_query(struct buffer *path, const char *name, struct bytes value);

/* Begins an upload. The body is `body`, or what wire_send and wire_end bring: of `size` bytes, or (UINT64_MAX) as long as it
 * gets. `fields` are the caller's, and get those of the content. Return 0, or -1 with *e. */
int rest_upload(struct wire *w, const struct buffer *path, struct http_fields *fields, struct bytes body,
                struct err *e);
int rest_upload_begin(struct wire *w, const struct buffer *path, struct http_fields *fields, uint64_t size,
                      struct err *e);

/* Begins a download from byte `from` on: with `validator`, where the file is still the one that it names, else all of it (the
 * status tells: 206 or 200). */
int rest_download(struct wire *w, const struct buffer *path, struct http_fields *fields, uint64_t from,
                  struct bytes validator, struct err *e);

/* Asks for a download's header only. */
int rest_head(struct wire *w, const struct buffer *path, struct http_fields *fields, struct err *e);

/* Where the content of an answer with status 206 begins, or -1: it does not say so. */
int64_t rest_range_start(const struct wire *w);

/* The error of a complete answer with a status from 300 on: the agent's own message, or HTTP's status. Returns -1. */
int rest_error(const struct wire *w, struct answer_error *e);

#endif
