/* Ranges of a representation: the Range field, and responses in one or several parts (RFC 9110 section 14). Where the RFC leaves a
 * choice it is Go's net/http, which clients of the contract know. */
#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

#include "core/limits.h"
#include "http/exchange.h"

struct range {
    uint64_t start; /* offset of the first byte */
    uint64_t size;  /* bytes; at least 1 */
};

struct ranges {
    struct range list[RANGES_MAX];
    unsigned count;
};

enum range_result {
    RANGE_WHOLE,         /* no range, none that we know, or more than would be sensible: send the whole */
    RANGE_PARTS,         /* out->list */
    RANGE_UNSATISFIABLE, /* 416 */
};

/* Reads the field's value (ptr NULL: there is none) against a representation of `size` bytes. The ranges are clipped to it and
 * in the client's order; those that begin behind its end are left out. Unsatisfiable: all do, unless it is empty; or this is not
 * a list of byte ranges. Whole: another unit; more than RANGES_MAX, or more bytes in all than there are: a client that asks for
 * bytes twice is a mistake or an attack. */
enum range_result range_parse(struct bytes field, uint64_t size, struct ranges *out);

/* Says in the response's head which part this is, or with NULL how many bytes there are to choose from. */
void range_answer(struct http_exchange *x, const struct range *r, uint64_t size);

/* --- multipart/byteranges (RFC 9110 section 14.6) -------------------------------------------- */

#define RANGE_BOUNDARY 41 /* 40 hexadecimal digits, and a NUL */

/* A boundary that no file holds but by a chance of 2^-160. Returns 0, or -1 when there is no randomness yet. */
MUST_CHECK int range_boundary(char out[RANGE_BOUNDARY]);

/* The Content-Type of the whole: `out` has room for RANGE_TYPE bytes. */
#define RANGE_TYPE 96
void range_multipart_type(const char *boundary, char out[RANGE_TYPE]);

/* What stands in front of a part's bytes, for a content type of at most 100 bytes. Returns its length. */
#define RANGE_HEAD 384
size_t range_part_head(const char *boundary, bool first, const char *type, const struct range *r,
                       uint64_t size, char out[RANGE_HEAD]);

/* What stands behind the last one's. */
size_t range_multipart_end(const char *boundary, char out[RANGE_HEAD]);

/* Bytes of the whole body. */
uint64_t range_multipart_size(const char *boundary, const char *type, const struct range *list,
                              unsigned count, uint64_t size);

#endif
