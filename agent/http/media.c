#include "http/media.h"

#include "http/exchange.h"

struct bytes media_type(struct bytes value)
{
    const char *end = value.len ? memchr(value.ptr, ';', value.len) : NULL;

    return bytes_trim((struct bytes){value.ptr, end ? (size_t)(end - value.ptr) : value.len});
}

/* --- parameters ------------------------------------------------------------------------------ */

/* Moves the first n bytes of *s off its front. */
static struct bytes take(struct bytes *s, size_t n)
{
    struct bytes front = {s->ptr, n};

    s->ptr += n;
    s->len -= n;
    return front;
}

/* A quoted string with its quotes is at the front of *s: takes it. Returns false when it has no end. */
static bool take_quoted(struct bytes *s, struct bytes *out)
{
    for (size_t i = 1; i < s->len; i++) {
        if (s->ptr[i] == '\\' && i + 1 < s->len && (s->ptr[i + 1] == '"' || s->ptr[i + 1] == '\\')) {
            i++;
        } else if (s->ptr[i] == '"') {
            *out = take(s, i + 1);
            return true;
        }
    }
    return false;
}

/* Takes "; name=value" off the front of *s; the value has its quotes. Returns false at the end, or where it is malformed. */
static bool next_parameter(struct bytes *s, struct bytes *name, struct bytes *value)
{
    const char *at;

    for (;;) {
        *s = bytes_trim(*s);
        if (s->len == 0 || s->ptr[0] != ';')
            return false;
        take(s, 1);
        *s = bytes_trim(*s);
        if (s->len > 0 && s->ptr[0] != ';')
            break;
    }
    at = memchr(s->ptr, '=', s->len);
    if (!at)
        return false;
    *name = bytes_trim(take(s, (size_t)(at - s->ptr)));
    take(s, 1);
    *s = bytes_trim(*s);
    if (s->len > 0 && s->ptr[0] == '"')
        return take_quoted(s, value);
    at = s->len ? memchr(s->ptr, ';', s->len) : NULL;
    *value = bytes_trim(take(s, at ? (size_t)(at - s->ptr) : s->len));
    return true;
}

/* The value without quotes and escapes. */
static char *plain_value(struct bytes value, size_t *len)
{
    char *out = malloc(value.len + 1);
    bool quoted = value.len >= 2 && value.ptr[0] == '"';

    *len = 0;
    if (!out)
        return NULL;
    for (size_t i = quoted, end = value.len - quoted; i < end; i++) {
        if (quoted && value.ptr[i] == '\\' && i + 1 < end &&
            (value.ptr[i + 1] == '"' || value.ptr[i + 1] == '\\'))
            i++;
        out[(*len)++] = value.ptr[i];
    }
    out[*len] = 0;
    return out;
}

/* RFC 8187: charset'language'percent-encoded. NULL where it is not UTF-8 or malformed, too. */
static char *extended_value(struct bytes value, size_t *len)
{
    const char *from;
    CLEANUP_FREE char *out = malloc(value.len + 1);

    *len = 0;
    if (!out || value.len < 7 || strncasecmp(value.ptr, "utf-8'", 6) != 0)
        return NULL;
    from = memchr(value.ptr + 6, '\'', value.len - 6);
    if (!from)
        return NULL;
    for (const char *p = from + 1, *end = value.ptr + value.len; p < end; p++) {
        if (*p == '%') {
            int high = end - p > 2 ? hex_digit(p[1]) : -1, low = end - p > 2 ? hex_digit(p[2]) : -1;

            if (high < 0 || low < 0)
                return NULL;
            out[(*len)++] = (char)(high * 16 + low);
            p += 2;
        } else {
            out[(*len)++] = *p;
        }
    }
    out[*len] = 0;
    return TAKE(out);
}

static bool named(struct bytes name, const char *want)
{
    return name.len == strlen(want) && strncasecmp(name.ptr, want, name.len) == 0;
}

char *media_parameter(struct bytes value, const char *name, size_t *len)
{
    const char *semicolon = value.len ? memchr(value.ptr, ';', value.len) : NULL;
    struct bytes rest = {semicolon, semicolon ? (size_t)(value.ptr + value.len - semicolon) : 0};
    struct bytes key, found, plain = {NULL, 0};

    while (next_parameter(&rest, &key, &found)) {
        if (key.len > 0 && key.ptr[key.len - 1] == '*' && named((struct bytes){key.ptr, key.len - 1}, name)) {
            char *text = extended_value(found, len);

            if (text)
                return text;
        } else if (!plain.ptr && named(key, name)) {
            plain = found;
        }
    }
    return plain.ptr ? plain_value(plain, len) : NULL;
}

/* --- of a request ---------------------------------------------------------------------------- */

enum http_body_kind http_body_kind(const struct http_exchange *x, struct bytes *type)
{
    struct bytes value = http_request_field(x, "content-type"), bare = media_type(value);

    *type = value.ptr ? value : (struct bytes){"", 0};
    if (named(bare, "application/octet-stream"))
        return HTTP_BODY_BYTES;
    if (bare.len > 10 && strncasecmp(bare.ptr, "multipart/", 10) == 0)
        return HTTP_BODY_MULTIPART;
    return HTTP_BODY_OTHER;
}

int http_body_coding(const struct http_exchange *x, bool *gzip, struct bytes *coding)
{
    *coding = bytes_trim(http_request_field(x, "content-encoding"));
    *gzip = named(*coding, "gzip");
    return *gzip || coding->len == 0 || named(*coding, "identity") ? 0 : -1;
}
