/* Header fields: an ordered list of names (lower case) and values, in one growing buffer. Used for requests,
 * filled piece by piece as the parser sees them, and for responses. */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include "core/chain.h"

struct http_field {
    uint32_t name, name_len; /* offset in text, bytes */
    uint32_t value, value_len;
};

/* A zeroed struct is an empty list. Who frees: http_fields_clear. */
struct http_fields {
    char *text; /* NULL: nothing yet */
    uint32_t len, cap;
    struct http_field *list;
    uint32_t count, list_cap;
    bool in_value; /* the last field's value has begun */
};

enum {
    HTTP_FIELDS_TOO_BIG = -2,  /* HEADER_MAX or HEADER_COUNT_MAX is reached */
    HTTP_FIELDS_BAD_NAME = -3, /* not a token of RFC 9110 section 5.6.2 */
};

/* Appends a field; the name is stored in lower case. 0, -1 (out of memory) or one of the above. */
MUST_CHECK int http_fields_add(struct http_fields *f, const char *name, struct bytes value);

/* The same with a name in two parts, of which the second need not end in NUL. */
MUST_CHECK int http_fields_append(struct http_fields *f, const char *prefix, struct bytes name,
                                  struct bytes value);

/* Pieces of a name and of its value as they arrive: a name's piece after a value's begins a new field. */
MUST_CHECK int http_fields_name(struct http_fields *f, const char *s, size_t n);
MUST_CHECK int http_fields_value(struct http_fields *f, const char *s, size_t n);

/* The status to refuse a request with, of which adding a field failed so: 431, 400 or 500. */
int http_fields_status(int ret);

/* Appends "name: value\r\n" for each field to `out`. Returns 0, or -1 when out of memory: `out` may hold a part then. */
MUST_CHECK int http_fields_write(const struct http_fields *f, struct chain *out);

/* The value of the first field with that name (lower case), without white space around it; ptr is NULL when
 * there is none. Valid until the list changes. */
struct bytes http_fields_get(const struct http_fields *f, const char *name);

/* How many fields have that name. */
unsigned http_fields_count(const struct http_fields *f, const char *name);

struct bytes http_field_name(const struct http_fields *f, uint32_t i);
struct bytes http_field_value(const struct http_fields *f, uint32_t i);

void http_fields_clear(struct http_fields *f);

#endif
