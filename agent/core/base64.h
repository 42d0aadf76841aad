/* Base64 of RFC 4648: the standard alphabet with padding on output; on input also the URL-safe one, and
 * padding may be missing, as ProtoJSON demands. */
#ifndef CORE_BASE64_H
#define CORE_BASE64_H

#include "core/base.h"

/* Bytes that n bytes become, with padding. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* How many of them stand before the padding. */
#define BASE64_BARE_LEN(n) (((n)*4 + 2) / 3)

/* Encodes groups of three bytes, without padding: n must be a multiple of 3. Writes n / 3 * 4 bytes. */
void base64_groups(const uint8_t *in, size_t n, char *out);

/* Encodes n bytes with padding: writes BASE64_LEN(n) bytes, no NUL. */
void base64_encode(const uint8_t *in, size_t n, char *out);

/* Decodes s into out, which has room for s.len / 4 * 3 + 2 bytes. Returns the number of bytes, or -1 when s
 * is not base64. */
ptrdiff_t base64_decode(struct bytes s, uint8_t *out);

#endif
