#include "http/fields.h"

#include "core/limits.h"

static int room(struct http_fields *f, size_t n)
{
    uint32_t cap = f->cap ? f->cap : 256;
    char *text;

    if (n > HEADER_MAX || f->len + n > HEADER_MAX)
        return HTTP_FIELDS_TOO_BIG;
    if (f->len + n <= f->cap)
        return 0;
    while (cap < f->len + n)
        cap *= 2;
    text = realloc(f->text, cap);
    if (!text)
        return -1;
    f->text = text;
    f->cap = cap;
    return 0;
}

/* What RFC 9110 section 5.6.2 allows in a token; llhttp also lets spaces pass. */
static bool token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static int begin(struct http_fields *f)
{
    if (f->count >= HEADER_COUNT_MAX)
        return HTTP_FIELDS_TOO_BIG;
    if (f->count == f->list_cap) {
        uint32_t cap = f->list_cap ? f->list_cap * 2 : 16;
        struct http_field *list = realloc(f->list, cap * sizeof *list);

        if (!list)
            return -1;
        f->list = list;
        f->list_cap = cap;
    }
    f->list[f->count++] = (struct http_field){.name = f->len};
    f->in_value = false;
    return 0;
}

int http_fields_name(struct http_fields *f, const char *s, size_t n)
{
    int ret;

    if ((f->count == 0 || f->in_value) && (ret = begin(f)) < 0)
        return ret;
    if ((ret = room(f, n)) < 0)
        return ret;
    for (size_t i = 0; i < n; i++)
        if (!token_char(s[i]))
            return HTTP_FIELDS_BAD_NAME;
    for (size_t i = 0; i < n; i++)
        f->text[f->len++] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + ('a' - 'A') : s[i]);
    f->list[f->count - 1].name_len += (uint32_t)n;
    return 0;
}

int http_fields_value(struct http_fields *f, const char *s, size_t n)
{
    struct http_field *last;
    int ret = room(f, n);

    if (ret < 0 || f->count == 0)
        return ret;
    last = &f->list[f->count - 1];
    if (!f->in_value) {
        f->in_value = true;
        last->value = f->len;
    }
    if (n)
        memcpy(f->text + f->len, s, n);
    f->len += (uint32_t)n;
    last->value_len += (uint32_t)n;
    return 0;
}

int http_fields_append(struct http_fields *f, const char *prefix, struct bytes name, struct bytes value)
{
    uint32_t len = f->len, count = f->count;
    int ret;

    f->in_value = true;
    ret = http_fields_name(f, prefix, strlen(prefix));
    if (ret == 0)
        ret = http_fields_name(f, name.ptr, name.len);
    if (ret == 0)
        ret = http_fields_value(f, value.ptr, value.len);
    if (ret < 0) { /* all or nothing */
        f->len = len;
        f->count = count;
    }
    f->in_value = true;
    return ret;
}

int http_fields_add(struct http_fields *f, const char *name, struct bytes value)
{
    return http_fields_append(f, name, (struct bytes){"", 0}, value);
}

struct bytes http_field_name(const struct http_fields *f, uint32_t i)
{
    /* Empty names and values alone leave no text. */
    return (struct bytes){f->text ? f->text + f->list[i].name : "", f->list[i].name_len};
}

struct bytes http_field_value(const struct http_fields *f, uint32_t i)
{
    return bytes_trim((struct bytes){f->text ? f->text + f->list[i].value : "", f->list[i].value_len});
}

struct bytes http_fields_get(const struct http_fields *f, const char *name)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (bytes_are(http_field_name(f, i), name))
            return http_field_value(f, i);
    return (struct bytes){NULL, 0};
}

unsigned http_fields_count(const struct http_fields *f, const char *name)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < f->count; i++)
        n += bytes_are(http_field_name(f, i), name);
    return n;
}

void http_fields_clear(struct http_fields *f)
{
    free(f->text);
    free(f->list);
    *f = (struct http_fields){0};
}

int http_fields_status(int ret)
{
    return ret == HTTP_FIELDS_TOO_BIG ? 431 : ret == HTTP_FIELDS_BAD_NAME ? 400 : 500;
}

int http_fields_write(const struct http_fields *f, struct chain *out)
{
    for (uint32_t i = 0; i < f->count; i++) {
        struct bytes name = http_field_name(f, i), value = http_field_value(f, i);

        if (chain_copy(out, name.ptr, name.len) < 0 || chain_copy(out, ": ", 2) < 0 ||
            chain_copy(out, value.ptr, value.len) < 0 || chain_copy(out, "\r\n", 2) < 0)
            return -1;
    }
    return 0;
}
