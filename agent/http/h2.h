/* HTTP/2 (RFC 9113) by prior knowledge, on a connection whose preface h1 has read. */
#ifndef HTTP_H2_H
#define HTTP_H2_H

#include "http/http.h"

/* The connection is HTTP/2's from here on: `rest` is what was read behind the preface. Whoever had it has freed its
 * own state. Without memory the connection is closed. */
void h2_start(struct conn *c, struct http *http, const uint8_t *rest, size_t n);

#endif
