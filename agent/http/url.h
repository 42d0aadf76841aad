/* The URLs that guestd itself calls: "http://HOST[:PORT][/PATH][?QUERY]" (RFC 3986, RFC 9110 section 4.2.1). HOST is a literal
 * IPv4 or [IPv6] address: a static glibc has no resolver. There is no TLS. */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include "core/address.h"

#define HTTP_URL_MAX 512 /* bytes with the NUL */

struct http_url {
    struct address address;
    char authority[64];        /* as a Host field says it */
    char target[HTTP_URL_MAX]; /* "/path?query"; "/" without one */
};

/* Parses the text. Returns 0, or -1 with *e, invalid_argument: it is none, or has a byte that no URL has. */
MUST_CHECK int http_url_parse(struct bytes text, struct http_url *u, struct err *e);

#endif
