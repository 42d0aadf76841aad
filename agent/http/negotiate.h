/* Which coding a response is sent in: the Accept-Encoding field (RFC 9110 section 12.5.3). */
#ifndef HTTP_NEGOTIATE_H
#define HTTP_NEGOTIATE_H

#include "http/exchange.h"

enum http_coding {
    CODING_IDENTITY, /* as it is */
    CODING_GZIP,
    CODING_NONE, /* neither is acceptable: 406 */
};

/* The coding for a request with these fields. gzip only for who refuses identity, or names both (or "*") and gives gzip the larger
 * weight: on the way out of a guest compressing costs more time than it saves, and clients offer gzip without thinking of it.
 * With `whole` false (a part of the file was asked for, or whether it has changed) gzip is not offered. */
enum http_coding negotiate_coding(const struct http_fields *request, bool whole);

/* Says in the response's head that it depends on what was accepted, and how it is coded. */
void negotiate_answer(struct http_exchange *x, enum http_coding coding);

#endif
