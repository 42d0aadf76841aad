#include "http/http.h"

#include "fuzz.h"

/* Go's url.QueryUnescape once more. NULL: it is broken, or holds a NUL. */
static char *unescape(struct bytes s)
{
    char *out = malloc(s.len + 1), *at = out;

    CHECK(out);
    for (size_t i = 0; i < s.len; i++) {
        unsigned code = (unsigned char)s.ptr[i] == '+' ? ' ' : (unsigned char)s.ptr[i];

        if (code == '%') {
            char digits[3] = {i + 1 < s.len ? s.ptr[i + 1] : 0, i + 2 < s.len ? s.ptr[i + 2] : 0, 0};

            code = strspn(digits, "0123456789abcdefABCDEF") == 2 ? (unsigned)strtoul(digits, NULL, 16) : 0;
            i += 2;
        }
        if (code == 0) {
            free(out);
            return NULL;
        }
        *at++ = (char)code;
    }
    *at = 0;
    return out;
}

/* What http_query should say of "k". */
static char *query(const char *text, bool *present)
{
    *present = false;
    for (size_t n; *text; text += n + (text[n] == '&')) {
        const char *value;

        n = strcspn(text, "&");
        value = text[0] == 'k' && text[1] == '=' ? text + 2 : text + 1;
        if (text[0] != 'k' || (n > 1 && text[1] != '='))
            continue;
        *present = true;
        return unescape((struct bytes){value, (size_t)(text + n - value)});
    }
    return NULL;
}

/* A request's target: its path and query are parts of it, and the query's parameters are what they are in Go. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = fuzz_text(data, size), *got = NULL, *want = NULL;
    struct http http;
    struct http_exchange *x;
    bool got_it, wanted;

    http_init(&http, NULL);
    x = http_exchange_new(&http, NULL, NULL, NULL);
    CHECK(x && http_exchange_target(x, "GET", bytes_of(text)) == 0);
    CHECK(strcmp(x->target, text) == 0);
    CHECK(x->path.len + x->query.len <= MAX(strlen(text), 1) && !memchr(x->path.ptr, '?', x->path.len));
    CHECK(strlen(x->query.ptr) == x->query.len);
    if (text[0] == '/' || strncasecmp(text, "http://", 7) == 0)
        CHECK(strlen(text) == 7 || x->path.ptr[0] == '/');
    got = http_query(x, "k", &got_it);
    want = query(x->query.ptr, &wanted);
    CHECK(got_it == wanted && (got != NULL) == (want != NULL));
    if (got)
        CHECK(strcmp(got, want) == 0);
    http_exchange_free(x);
    http_destroy(&http);
    return 0;
}
