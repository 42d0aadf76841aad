#include "http/range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>
#include <sys/random.h>

/* A decimal number; one that is too large is the largest. Returns 0, or -1 when it is none. */
static int parse_number(struct bytes s, uint64_t *out)
{
    *out = 0;
    if (s.len == 0)
        return -1;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(s.ptr[i] - '0');

        if (digit > 9)
            return -1;
        *out = *out > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *out * 10 + digit;
    }
    return 0;
}

/* "5-9", "5-" or "-5". Returns 1 with *r, 0 when it lies behind the end, -1 when it is none of them. */
static int parse_one(struct bytes spec, uint64_t size, struct range *r)
{
    const char *dash = memchr(spec.ptr, '-', spec.len);
    struct bytes first, last;
    uint64_t start, end = UINT64_MAX;

    if (!dash)
        return -1;
    first = bytes_trim((struct bytes){spec.ptr, (size_t)(dash - spec.ptr)});
    last = bytes_trim((struct bytes){dash + 1, spec.len - (size_t)(dash - spec.ptr) - 1});
    if (first.len == 0) { /* so many at the end */
        if (parse_number(last, &end) < 0)
            return -1;
        r->size = MIN(end, size);
        r->start = size - r->size;
        return r->size > 0;
    }
    if (parse_number(first, &start) < 0 || (last.len > 0 && parse_number(last, &end) < 0) || end < start)
        return -1;
    if (start >= size)
        return 0;
    r->start = start;
    r->size = MIN(end, size - 1) - start + 1;
    return 1;
}

/* All but the unit. */
static enum range_result parse_list(struct bytes rest, uint64_t size, struct ranges *out)
{
    bool any = false, many = false;
    uint64_t sum = 0;

    while (rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
        struct bytes spec = bytes_trim((struct bytes){rest.ptr, len});
        struct range r;
        int ret;

        rest.ptr += len + (comma != NULL);
        rest.len -= len + (comma != NULL);
        if (spec.len == 0)
            continue;
        ret = parse_one(spec, size, &r);
        if (ret < 0)
            return RANGE_UNSATISFIABLE;
        any = true;
        many |= ret > 0 && (out->count == RANGES_MAX || r.size > size - sum);
        if (ret == 0 || many)
            continue;
        out->list[out->count++] = r;
        sum += r.size;
    }
    if (many || (any && size == 0))
        return RANGE_WHOLE;
    return out->count > 0 ? RANGE_PARTS : RANGE_UNSATISFIABLE;
}

enum range_result range_parse(struct bytes field, uint64_t size, struct ranges *out)
{
    static const struct bytes unit = BYTES_LIT("bytes=");

    out->count = 0;
    if (field.len < unit.len || strncasecmp(field.ptr, unit.ptr, unit.len) != 0)
        return RANGE_WHOLE;
    return parse_list((struct bytes){field.ptr + unit.len, field.len - unit.len}, size, out);
}

/* "bytes 0-99/1234"; NULL: a star for the range. */
#define RANGE_TEXT 80
static void describe(const struct range *r, uint64_t size, char out[RANGE_TEXT])
{
    if (r)
        snprintf(out, RANGE_TEXT, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, r->start, r->start + r->size - 1,
                 size);
    else
        snprintf(out, RANGE_TEXT, "bytes */%" PRIu64, size);
}

void range_answer(struct http_exchange *x, const struct range *r, uint64_t size)
{
    char text[RANGE_TEXT];

    describe(r, size, text);
    http_add(x, "Content-Range", text);
}

/* --- multipart/byteranges -------------------------------------------------------------------- */

int range_boundary(char out[RANGE_BOUNDARY])
{
    uint8_t random[RANGE_BOUNDARY / 2];

    if (getrandom(random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        return -1;
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(out + 2 * i, 3, "%02x", random[i]);
    return 0;
}

void range_multipart_type(const char *boundary, char out[RANGE_TYPE])
{
    snprintf(out, RANGE_TYPE, "multipart/byteranges; boundary=%s", boundary);
}

size_t range_part_head(const char *boundary, bool first, const char *type, const struct range *r,
                       uint64_t size, char out[RANGE_HEAD])
{
    char range[RANGE_TEXT];

    describe(r, size, range);
    return (size_t)snprintf(out, RANGE_HEAD, "%s--%.40s\r\nContent-Range: %s\r\nContent-Type: %.100s\r\n\r\n",
                            first ? "" : "\r\n", boundary, range, type);
}

size_t range_multipart_end(const char *boundary, char out[RANGE_HEAD])
{
    return (size_t)snprintf(out, RANGE_HEAD, "\r\n--%.40s--\r\n", boundary);
}

uint64_t range_multipart_size(const char *boundary, const char *type, const struct range *list,
                              unsigned count, uint64_t size)
{
    char text[RANGE_HEAD];
    uint64_t sum = range_multipart_end(boundary, text);

    for (unsigned i = 0; i < count; i++)
        sum += range_part_head(boundary, i == 0, type, &list[i], size, text) + list[i].size;
    return sum;
}
