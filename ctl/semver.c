#include "ctl/semver.h"

#include <stdlib.h>

/* Digits of one number: more are no version of anything. */
#define DIGITS_MAX 9

/* A number without zeros in front. Returns what follows, or NULL. */
static const char *number(const char *at, unsigned long *out)
{
    size_t digits = strspn(at, "0123456789");

    if (digits == 0 || digits > DIGITS_MAX || (*at == '0' && digits > 1))
        return NULL;
    *out = strtoul(at, NULL, 10);
    return at + digits;
}

int semver_parse(const char *text, struct semver *v)
{
    static const char words[] = "0123456789.-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    unsigned long *const parts[] = {&v->major, &v->minor, &v->patch};
    const char *at = text;

    *v = (struct semver){.pre = ""};
    for (unsigned i = 0; i < ARRAY_LEN(parts); i++) {
        if (i > 0 && *at++ != '.')
            return -1;
        at = number(at, parts[i]);
        if (!at)
            return -1;
    }
    if (*at == '-') {
        v->pre = at + 1;
        v->pre_len = strspn(v->pre, words);
        at = v->pre + v->pre_len;
        if (v->pre_len == 0)
            return -1;
    }
    if (*at == '+' && at[1])
        at += 1 + strspn(at + 1, words);
    return *at ? -1 : 0;
}

static int order(unsigned long a, unsigned long b)
{
    return (a > b) - (a < b);
}

/* Two identifiers: numbers by their value and before words, words by their bytes. */
static int order_words(struct bytes a, struct bytes b)
{
    bool a_number = strspn(a.ptr, "0123456789") >= a.len, b_number = strspn(b.ptr, "0123456789") >= b.len;
    int bytes;

    if (a_number != b_number)
        return a_number ? -1 : 1;
    if (a_number && a.len != b.len)
        return order(a.len, b.len);
    bytes = memcmp(a.ptr, b.ptr, MIN(a.len, b.len));
    return bytes ? bytes : order(a.len, b.len);
}

/* The first identifier of the rest, which moves behind it and its dot. */
static struct bytes next_word(struct bytes *rest)
{
    const char *dot = memchr(rest->ptr, '.', rest->len);
    struct bytes word = {rest->ptr, dot ? (size_t)(dot - rest->ptr) : rest->len};
    size_t used = MIN(word.len + 1, rest->len);

    rest->ptr += used;
    rest->len -= used;
    return word;
}

int semver_compare(const struct semver *a, const struct semver *b)
{
    struct bytes x = {a->pre, a->pre_len}, y = {b->pre, b->pre_len};
    int d = order(a->major, b->major);

    if (d == 0)
        d = order(a->minor, b->minor);
    if (d == 0)
        d = order(a->patch, b->patch);
    if (d == 0 && (x.len == 0 || y.len == 0)) /* a release comes behind what led to it */
        return order(x.len == 0, y.len == 0);
    while (d == 0 && x.len > 0 && y.len > 0)
        d = order_words(next_word(&x), next_word(&y));
    return d ? d : order(x.len, y.len);
}
