#include "http/mime.h"

#include <strings.h>

const char mime_unknown[] = "application/octet-stream";

const char *mime_by_name(struct bytes name)
{
    static const struct {
        const char *extension, *type;
    } types[] = {
        {"avif", "image/avif"},
        {"css", "text/css; charset=utf-8"},
        {"gif", "image/gif"},
        {"htm", "text/html; charset=utf-8"},
        {"html", "text/html; charset=utf-8"},
        {"jpeg", "image/jpeg"},
        {"jpg", "image/jpeg"},
        {"js", "text/javascript; charset=utf-8"},
        {"json", "application/json"},
        {"mjs", "text/javascript; charset=utf-8"},
        {"pdf", "application/pdf"},
        {"png", "image/png"},
        {"svg", "image/svg+xml"},
        {"wasm", "application/wasm"},
        {"webp", "image/webp"},
        {"xml", "text/xml; charset=utf-8"},
    };
    const char *dot = name.len ? memrchr(name.ptr, '.', name.len) : NULL;
    size_t len = dot ? name.len - (size_t)(dot - name.ptr) - 1 : 0;

    for (size_t i = 0; len > 0 && i < ARRAY_LEN(types); i++)
        if (strlen(types[i].extension) == len && strncasecmp(types[i].extension, dot + 1, len) == 0)
            return types[i].type;
    return NULL;
}

static bool begins(struct bytes s, struct bytes with)
{
    return s.len >= with.len && memcmp(s.ptr, with.ptr, with.len) == 0;
}

/* "Binary data byte" of the standard's section 3. */
static bool is_binary(unsigned char c)
{
    return c <= 0x08 || c == 0x0b || (c >= 0x0e && c <= 0x1a) || (c >= 0x1c && c <= 0x1f);
}

const char *mime_sniff(struct bytes begin)
{
    begin.len = MIN(begin.len, (size_t)MIME_SNIFF);
    if (begins(begin, BYTES_LIT("\xfe\xff")))
        return "text/plain; charset=utf-16be";
    if (begins(begin, BYTES_LIT("\xff\xfe")))
        return "text/plain; charset=utf-16le";
    for (size_t i = 0; i < begin.len; i++)
        if (is_binary((unsigned char)begin.ptr[i]))
            return mime_unknown;
    return "text/plain; charset=utf-8";
}
