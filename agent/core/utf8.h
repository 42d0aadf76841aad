/* UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include "core/base.h"

/* The length in bytes (1 to 4) of the valid character at the start of s, or 0 when there is none: s is empty,
 * ill-formed there, or ends inside a character. */
size_t utf8_char(struct bytes s);

/* How many bytes at the end of s are the beginning of a character whose rest is missing: 0 to 3. */
size_t utf8_tail(struct bytes s);

/* True when all of s is valid UTF-8. */
bool utf8_valid(struct bytes s);

/* Writes the 1 to 4 bytes of the code point at out and returns their number. The code point must be valid. */
size_t utf8_put(uint32_t code, char out[4]);

#endif
