#include "http/disposition.h"

/* tchar of RFC 9110 section 5.6.2. */
static bool is_token_char(unsigned char c)
{
    return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?={}", c);
}

/* attr-char of RFC 8187 section 3.2.1. */
static bool is_attribute_char(unsigned char c)
{
    return is_token_char(c) && !strchr("*'%", c);
}

static bool all(struct bytes s, bool (*is)(unsigned char c))
{
    for (size_t i = 0; i < s.len; i++)
        if (!is((unsigned char)s.ptr[i]))
            return false;
    return true;
}

static bool is_quotable(unsigned char c)
{
    return (c >= ' ' && c < 0x7f) || c == '\t';
}

static char *put_quoted(char *at, struct bytes s)
{
    *at++ = '"';
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\\')
            *at++ = '\\';
        *at++ = s.ptr[i];
    }
    *at++ = '"';
    return at;
}

static char *put_encoded(char *at, struct bytes s)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (is_attribute_char(c)) {
            *at++ = (char)c;
            continue;
        }
        *at++ = '%';
        *at++ = digits[c >> 4];
        *at++ = digits[c & 15];
    }
    return at;
}

char *disposition_inline(struct bytes name)
{
    char *out = malloc(sizeof "inline; filename*=utf-8''" + 2 + 3 * name.len), *at;

    if (!out)
        return NULL;
    if (!all(name, is_quotable)) {
        at = put_encoded(stpcpy(out, "inline; filename*=utf-8''"), name);
    } else {
        at = stpcpy(out, "inline; filename=");
        if (name.len > 0 && all(name, is_token_char))
            at = mempcpy(at, name.ptr, name.len);
        else
            at = put_quoted(at, name);
    }
    *at = 0;
    return out;
}

void disposition_add(struct http_exchange *x, struct bytes name)
{
    CLEANUP_FREE char *value = disposition_inline(name);

    if (value)
        http_add(x, "Content-Disposition", value);
    else
        x->broken = true;
}
