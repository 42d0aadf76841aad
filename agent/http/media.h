/* Media types and their parameters, as they stand in Content-Type and Content-Disposition: "multipart/form-data;
 * boundary=x" (RFC 9110 section 8.3.1, RFC 7578 section 4.2, RFC 8187). And what a request says of its body. */
#ifndef HTTP_MEDIA_H
#define HTTP_MEDIA_H

#include "core/base.h"

struct http_exchange;

/* What stands before the first ';', without white space around it. */
struct bytes media_type(struct bytes value);

/* The value of a parameter (name in lower case) on the heap, NUL-terminated, *len of it: a token or a quoted string, in which a
 * backslash escapes '"' and '\' only, as browsers and Go have it: file names of Windows stay whole. The extended form
 * ("filename*=utf-8''%e2%82%ac") wins over the plain one when it is in UTF-8. NULL: it is not there, malformed, or memory is
 * short (errno is ENOMEM then, and else as it was). */
char *media_parameter(struct bytes value, const char *name, size_t *len);

enum http_body_kind { HTTP_BODY_BYTES, HTTP_BODY_MULTIPART, HTTP_BODY_OTHER };

/* What the request's body is. *type: the field Content-Type as it was sent, empty without one. */
enum http_body_kind http_body_kind(const struct http_exchange *x, struct bytes *type);

/* How the body is coded: *gzip, or not at all. Returns 0, or -1 for any other Content-Encoding, which is *coding then. */
MUST_CHECK int http_body_coding(const struct http_exchange *x, bool *gzip, struct bytes *coding);

#endif
