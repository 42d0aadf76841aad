#include "rpc/codec/json_lift.h"

#include <stdio.h>

#define MARK     "\\u0000"
#define MARK_LEN (sizeof MARK - 1)

/* Eight bytes at a step; each term has a bit set when one of them is what it looks for. */
static bool all_plain(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    uint64_t quote = w ^ ones * '"', backslash = w ^ ones * '\\';

    return !(((quote - ones) & ~quote & tops) | ((backslash - ones) & ~backslash & tops) |
             ((w - ones * ' ') & ~w & tops) | (w & tops));
}

/* How many bytes from p on stand for themselves and are ASCII. */
static size_t plain_run(const char *p, size_t n)
{
    size_t i = 0;
    uint64_t w;

    for (; i + sizeof w <= n; i += sizeof w) {
        memcpy(&w, p + i, sizeof w);
        if (!all_plain(w))
            break;
    }
    while (i < n && p[i] >= ' ' && p[i] != '"' && p[i] != '\\' && !(p[i] & 0x80))
        i++;
    return i;
}

/* Goes to the end of the string that begins at p. Returns where its closing quote is; NULL when it has none, or writes a NUL. */
static const char *string_end(const char *p, const char *end, bool *plain)
{
    *plain = true;
    for (;;) {
        p += plain_run(p, (size_t)(end - p));
        if (p == end)
            return NULL;
        if (*p == '"')
            return p;
        *plain = false;
        if (*p == '\\' && (end - p == 1 || ((size_t)(end - p) >= MARK_LEN && memcmp(p, MARK, MARK_LEN) == 0)))
            return NULL;
        p += *p == '\\' ? 2 : 1;
    }
}

/* Remembers a value; *room is for how many there is room. Returns 0 or -1. */
static int add(struct json_lift *l, size_t *room, const char *start, size_t len)
{
    if (l->count == *room) {
        size_t more = *room ? 2 * *room : 4;
        struct bytes *values = realloc(l->values, more * sizeof *values);

        if (!values)
            return -1;
        l->values = values;
        *room = more;
    }
    l->values[l->count++] = (struct bytes){start, len};
    return 0;
}

/* Finds the values. Returns 0, or -1: none may be lifted. */
static int find(struct json_lift *l, struct bytes in, size_t shortest)
{
    const char *p = in.ptr, *end = in.ptr + in.len, *start;
    size_t room = 0;
    bool plain;

    while ((p = memchr(p, '"', (size_t)(end - p)))) {
        start = p + 1;
        p = string_end(start, end, &plain);
        if (!p || (plain && (size_t)(p - start) >= shortest && add(l, &room, start, (size_t)(p - start)) < 0))
            return -1;
        p++;
    }
    return 0;
}

/* Writes the text with a mark and its number in the place of each value. Returns 0 or -1. */
static int write_rest(struct json_lift *l, struct bytes in)
{
    const char *from = in.ptr;
    char *to;

    l->owned = to = malloc(in.len);
    if (!to)
        return -1;
    for (size_t i = 0; i < l->count; i++) {
        size_t n = (size_t)(l->values[i].ptr - from);

        memcpy(to, from, n);
        to += n;
        to += snprintf(to, JSON_LIFT_MIN, MARK "%zu", i);
        from = l->values[i].ptr + l->values[i].len;
    }
    memcpy(to, from, (size_t)(in.ptr + in.len - from));
    to += in.ptr + in.len - from;
    l->text = (struct bytes){l->owned, (size_t)(to - l->owned)};
    return 0;
}

void json_lift(struct json_lift *l, struct bytes in, size_t shortest)
{
    *l = (struct json_lift){.text = in};
    if (in.len >= shortest &&
        (find(l, in, MAX(shortest, (size_t)JSON_LIFT_MIN)) < 0 || (l->count > 0 && write_rest(l, in) < 0))) {
        json_lift_clear(l);
        l->text = in;
    }
}

bool json_lifted(const struct json_lift *l, const json_t *j)
{
    return l->count > 0 && json_is_string(j) && json_string_length(j) > 0 && !*json_string_value(j);
}

struct bytes json_lift_string(const struct json_lift *l, const json_t *j)
{
    if (!json_lifted(l, j))
        return (struct bytes){json_string_value(j), json_string_length(j)};
    return l->values[strtoul(json_string_value(j) + 1, NULL, 10)];
}

void json_lift_clear(struct json_lift *l)
{
    if (l->owned) /* what was not lifted may be a secret */
        explicit_bzero(l->owned, l->text.len);
    free(l->values);
    free(l->owned);
    *l = (struct json_lift){0};
}
