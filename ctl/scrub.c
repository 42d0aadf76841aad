#include "ctl/scrub.h"

#include <strings.h>

/* Shorter tokens would be found in any text; no agent should have one. */
#define TOKEN_MIN 4

/* Where the name of a value ends so, with whatever in front, the value is a secret. */
static const char *const secret_names[] = {
    "token",  "password", "passwd",  "passphrase", "secret",    "credential", "authorization",
    "cookie", "apikey",   "api_key", "api-key",    "accesskey", "access_key", "private_key",
};

/* Characters that go on with a name: TOKEN_FILE, tokens. */
static const char name_more[] = "0123456789_-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static bool one_of(const char *set, char c)
{
    return c && strchr(set, c);
}

/* Bytes of `text` that are in the set. */
static size_t span(struct bytes text, const char *set)
{
    size_t n = 0;

    while (n < text.len && one_of(set, text.ptr[n]))
        n++;
    return n;
}

/* Bytes before the first one of the set. */
static size_t span_not(struct bytes text, const char *set)
{
    size_t n = 0;

    while (n < text.len && !one_of(set, text.ptr[n]))
        n++;
    return n;
}

static struct bytes behind(struct bytes text, size_t n)
{
    return (struct bytes){text.ptr + n, text.len - n};
}

static bool begins(struct bytes text, const char *with)
{
    size_t n = strlen(with);

    return text.len >= n && strncasecmp(text.ptr, with, n) == 0;
}

/* A secret in the text's first bytes: `keep` of them stay, `drop` behind those are it. drop 0: there is none. */
struct found {
    size_t keep, drop;
};

/* "://user:password@": the user may be a secret, too. */
static struct found find_url(struct bytes text)
{
    struct bytes rest;
    const char *at;

    if (!begins(text, "://"))
        return (struct found){0, 0};
    rest = behind(text, 3);
    rest.len = span_not(rest, "/?# \t\r\n\"'\\<>");
    at = memrchr(rest.ptr, '@', rest.len);
    return (struct found){3, at ? (size_t)(at - rest.ptr) : 0};
}

/* Bytes before the quote that ends what `quote` began, with `escapes` backslashes before it. In JSON's strings quotes have one
 * more, and those within quotes three. */
static size_t quoted_len(struct bytes text, char quote, size_t escapes)
{
    size_t run = 0; /* backslashes just before */

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '\\') {
            run++;
            continue;
        }
        if (c == '\n' || ((c == quote || c == '"') && run % 2 == 0))
            return i;
        if (c == quote && escapes > 0 && run % 4 == 1)
            return i - 1;
        run = 0;
    }
    return text.len;
}

/* Bytes of a value without quotes; in JSON's strings a backslash may belong to it, or to what ends it. */
static size_t bare_len(struct bytes text)
{
    size_t n = 0;

    while (n < text.len && !one_of(" \t\r\n\"'&,;)]}", text.ptr[n])) {
        bool escapes = text.ptr[n] == '\\' && n + 1 < text.len;

        if (escapes && one_of("\"nrt", text.ptr[n + 1]))
            break;
        n += escapes ? 2 : 1;
    }
    return n;
}

/* The value that begins there. */
static struct found find_value(struct bytes text, bool name_is_quoted)
{
    size_t escapes = span(text, "\\"), keep = 0, scheme;
    struct bytes rest = text;
    char quote = 0;

    if (escapes < text.len && one_of("\"'", text.ptr[escapes])) {
        keep = escapes + 1;
        quote = text.ptr[escapes];
        rest = behind(text, keep);
    } else if (name_is_quoted) { /* JSON's numbers and words */
        return (struct found){0, 0};
    }
    scheme = begins(rest, "bearer ") ? strlen("bearer ") : begins(rest, "basic ") ? strlen("basic ") : 0;
    rest = behind(rest, scheme);
    return (struct found){keep + scheme, quote ? quoted_len(rest, quote, escapes) : bare_len(rest)};
}

/* `name=value`, `name: value`, `"name":"value"`. */
static struct found find_named(struct bytes text)
{
    size_t n = 0, quotes, separators;
    struct found value;

    for (size_t i = 0; i < ARRAY_LEN(secret_names) && n == 0; i++)
        if (begins(text, secret_names[i]))
            n = strlen(secret_names[i]);
    if (n == 0)
        return (struct found){0, 0};
    n += span(behind(text, n), name_more);
    quotes = span(behind(text, n), "\\\"'");
    n += quotes;
    n += span(behind(text, n), " ");
    separators = span(behind(text, n), "=:");
    if (separators == 0)
        return (struct found){0, 0};
    n += separators;
    n += span(behind(text, n), " ");
    value = find_value(behind(text, n), quotes > 0);
    return (struct found){n + value.keep, value.drop};
}

typedef struct found finder(struct bytes text, const char *token);

static struct found find_token(struct bytes text, const char *token)
{
    size_t n = token ? strlen(token) : 0;

    return (struct found){0, n >= TOKEN_MIN && text.len >= n && memcmp(text.ptr, token, n) == 0 ? n : 0};
}

static struct found find_written(struct bytes text, const char *token)
{
    (void)token;
    if (*text.ptr == ':')
        return find_url(text);
    return one_of("aAcCpPsStT", *text.ptr) ? find_named(text) /* how secret_names begin */
                                           : (struct found){0, 0};
}

static int add(struct buffer *out, struct bytes text)
{
    return text.len > 0 ? buffer_add(out, text.ptr, text.len) : 0;
}

/* Bytes of the escape in a JSON string that begins there, or 1. */
static size_t escape_len(struct bytes text)
{
    size_t n = *text.ptr != '\\' || text.len < 2 ? 1 : text.ptr[1] == 'u' ? 6 : 2;

    return MIN(n, text.len);
}

/* Appends the text without what `find` finds. `escaped`: it is the inside of a JSON string, of which no escape is cut. */
static int pass(finder *find, struct bytes text, const char *token, bool escaped, struct buffer *out)
{
    size_t plain = 0; /* bytes in front that stay */

    while (plain < text.len) {
        struct found f = find(behind(text, plain), token);

        if (f.drop == 0) {
            plain += escaped ? escape_len(behind(text, plain)) : 1;
            continue;
        }
        if (add(out, (struct bytes){text.ptr, plain + f.keep}) < 0 || add(out, BYTES_LIT(SCRUB_MARK)) < 0)
            return -1;
        text = behind(text, plain + f.keep + f.drop);
        plain = 0;
    }
    return add(out, text);
}

/* The token goes first: it may stand in a name, which stays. */
static int scrub_text(struct bytes text, const char *token, bool escaped, struct buffer *out)
{
    struct buffer known = {0};
    int ret = pass(find_token, text, token, escaped, &known);

    if (ret == 0)
        ret = pass(find_written, buffer_bytes(&known), NULL, escaped, out);
    buffer_clear(&known);
    return ret;
}

int scrub(struct bytes text, const char *token, struct buffer *out)
{
    return scrub_text(text, token, false, out);
}

/* --- JSON ------------------------------------------------------------------------------------ */

/* Bytes of the string that begins there, without its quotes. */
static size_t string_len(struct bytes text)
{
    size_t n = 0;

    while (n < text.len && text.ptr[n] != '"')
        n += escape_len(behind(text, n));
    return n;
}

static bool is_secret_name(struct bytes name)
{
    for (size_t at = 0; at < name.len; at++)
        for (size_t i = 0; i < ARRAY_LEN(secret_names); i++)
            if (begins(behind(name, at), secret_names[i]))
                return true;
    return false;
}

int scrub_json(struct bytes text, const char *token, struct buffer *out)
{
    bool secret = false; /* what follows is the value of a secret's name */

    while (text.len > 0) {
        size_t before = MIN(span_not(text, "\"") + 1, text.len);
        struct bytes string = behind(text, before), rest;
        bool is_name;

        string.len = string_len(string);
        rest = behind(text, before + string.len);
        is_name = rest.len > 0 && begins(behind(rest, 1 + span(behind(rest, 1), " \t\r\n")), ":");
        if (add(out, (struct bytes){text.ptr, before}) < 0)
            return -1;
        if (secret && !is_name && string.len > 0)
            string = BYTES_LIT(SCRUB_MARK);
        if (scrub_text(string, token, true, out) < 0)
            return -1;
        if (is_name)
            secret = is_secret_name(string);
        before = MIN(rest.len, 1); /* its closing quote */
        if (add(out, (struct bytes){rest.ptr, before}) < 0)
            return -1;
        text = behind(rest, before);
    }
    return 0;
}
