/* Conditional requests (RFC 9110 section 13): a response depends on what the client has of it already. */
#ifndef HTTP_CONDITIONAL_H
#define HTTP_CONDITIONAL_H

#include "http/exchange.h"

#define CONDITIONAL_TAG 80 /* room for the longest entity tag of ours */

/* What a representation is known by. */
struct validators {
    const char *etag; /* strong, with its quotes; NULL: it has none */
    int64_t modified; /* seconds since 1970 */
    bool has_modified;
};

/* Whether the request asks for a part, or whether the representation has changed: it means the bytes as they are. */
bool conditional_asked(const struct http_fields *request);

/* Tells the client the validators (nothing where there is no tag), and that it may ask for parts. `packed`: what is sent is not
 * these bytes themselves, so the tag is weak. */
void conditional_answer(struct http_exchange *x, const struct validators *v, bool packed);

enum conditional_result {
    CONDITIONAL_SEND,
    CONDITIONAL_NOT_MODIFIED, /* 304 */
    CONDITIONAL_FAILED,       /* 412 */
};

/* What the fields of a GET or HEAD say, in the order of section 13.2.2: If-Match, else If-Unmodified-Since; then If-None-Match, else
 * If-Modified-Since. A date that is none is not there. */
enum conditional_result conditional_check(const struct http_fields *request, const struct validators *v);

/* Whether the Range field counts: there is no If-Range, or it names exactly this representation. */
bool conditional_range(const struct http_fields *request, const struct validators *v);

/* Whether one of the entity tags of an If-Match or If-None-Match field's value is `etag`: "*" is any. A weak tag (W/"...") counts
 * with `weak` only. A list that is not well-formed ends where it stops being so. */
bool conditional_list_has(struct bytes list, const char *etag, bool weak);

/* A date of HTTP in any of its three forms (RFC 9110 section 5.6.7). Returns 0, or -1 when it is none. A year of two digits lies
 * not more than 50 years ahead of `now`. */
int conditional_parse_date(struct bytes text, int64_t now, int64_t *seconds);

#endif
