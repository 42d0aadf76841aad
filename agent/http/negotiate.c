#include "http/negotiate.h"

#include <strings.h>

/* Weights in thousandths; -1: not named. */
struct wishes {
    int gzip, identity, any;
};

/* The next part up to `separator`, without white space around it. */
static struct bytes cut(struct bytes *rest, char separator)
{
    const char *at = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    struct bytes part = {rest->ptr, at ? (size_t)(at - rest->ptr) : rest->len};

    rest->ptr += part.len + (at != NULL);
    rest->len -= part.len + (at != NULL);
    return bytes_trim(part);
}

/* qvalue of RFC 9110 section 12.4.2: "0.5". Returns thousandths, or -1 when it is none. */
static int parse_weight(struct bytes s)
{
    int value, unit = 100;

    if (s.len == 0 || s.len > 5 || (s.ptr[0] != '0' && s.ptr[0] != '1') || (s.len > 1 && s.ptr[1] != '.'))
        return -1;
    value = (s.ptr[0] - '0') * 1000;
    for (size_t i = 2; i < s.len; i++, unit /= 10) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return -1;
        value += (s.ptr[i] - '0') * unit;
    }
    return value <= 1000 ? value : -1;
}

static bool named(struct bytes s, const char *name)
{
    return s.len == strlen(name) && strncasecmp(s.ptr, name, s.len) == 0;
}

/* "gzip;q=0.5". What is not written as it should be counts as not said. */
static void read_item(struct bytes item, struct wishes *w)
{
    struct bytes name = cut(&item, ';');
    int weight = 1000;

    while (item.len > 0) {
        struct bytes parameter = cut(&item, ';');

        if (parameter.len >= 2 && (parameter.ptr[0] | 0x20) == 'q' && parameter.ptr[1] == '=')
            weight = parse_weight((struct bytes){parameter.ptr + 2, parameter.len - 2});
    }
    if (weight < 0)
        return;
    if (named(name, "gzip") || named(name, "x-gzip"))
        w->gzip = weight;
    else if (named(name, "identity"))
        w->identity = weight;
    else if (named(name, "*"))
        w->any = weight;
}

enum http_coding negotiate_coding(const struct http_fields *request, bool whole)
{
    struct wishes w = {-1, -1, -1};
    int gzip, identity;

    for (uint32_t i = 0; i < request->count; i++) {
        struct bytes rest = http_field_value(request, i);

        if (!bytes_are(http_field_name(request, i), "accept-encoding"))
            continue;
        while (rest.len > 0)
            read_item(cut(&rest, ','), &w);
    }
    gzip = whole ? w.gzip >= 0 ? w.gzip : MAX(w.any, 0) : 0;
    identity = w.identity >= 0 ? w.identity : w.any; /* -1: acceptable, and no weight */
    if (identity == 0)
        return gzip > 0 ? CODING_GZIP : CODING_NONE;
    return identity > 0 && gzip > identity ? CODING_GZIP : CODING_IDENTITY;
}

void negotiate_answer(struct http_exchange *x, enum http_coding coding)
{
    http_add(x, "Vary", "Accept-Encoding");
    if (coding == CODING_GZIP)
        http_add(x, "Content-Encoding", "gzip");
}
