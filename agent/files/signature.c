#include "files/signature.h"

#include <errno.h>
#include <stdio.h>

#include <sha2.h>

#include "core/base64.h"
#include "core/clock.h"
#include "guest/auth.h"

#define VERSION     "v1_"
#define VERSION_LEN (sizeof VERSION - 1)

/* "v1_", 43 digits, a padding sign, NUL. */
#define SIGNATURE_SIZE (VERSION_LEN + BASE64_LEN((size_t)SHA256_DIGEST_LENGTH) + 1)

/* What a caller signs. */
struct signed_words {
    struct bytes path, operation, username, token, expiration; /* expiration: ptr is NULL without one */
};

static void add(SHA2_CTX *hash, struct bytes s)
{
    SHA256Update(hash, (const uint8_t *)s.ptr, s.len);
}

static void sign(const struct signed_words *w, char out[SIGNATURE_SIZE])
{
    const struct bytes words[] = {w->path, w->operation, w->username, w->token, w->expiration};
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA2_CTX hash;

    SHA256Init(&hash);
    for (size_t i = 0; i < ARRAY_LEN(words) && words[i].ptr; i++) {
        if (i > 0)
            add(&hash, BYTES_LIT(":"));
        add(&hash, words[i]);
    }
    SHA256Final(digest, &hash);
    explicit_bzero(&hash, sizeof hash); /* it has seen the token */
    memcpy(out, VERSION, VERSION_LEN);
    base64_encode(digest, sizeof digest, out + VERSION_LEN);
    out[VERSION_LEN + BASE64_BARE_LEN(sizeof digest)] = 0;
}

/* A parameter's bytes, empty without one. Returns -1 when it cannot be read. */
static int parameter(const struct http_exchange *x, const char *name, char **owned, struct bytes *out,
                     bool *present)
{
    size_t len = 0;

    *owned = http_query_bytes(x, name, &len, present);
    *out = *owned ? (struct bytes){*owned, len} : (struct bytes){"", 0};
    return *present && !*owned ? -1 : 0;
}

/* Seconds since 1970 in decimal. */
static int parse_expiration(const char *text, long long *out)
{
    char *end;

    errno = 0;
    *out = strtoll(text, &end, 10);
    return end == text || *end || errno ? -1 : 0;
}

static int check_signature(const struct settings *s, const struct http_exchange *x, const char *operation,
                           struct err *e)
{
    CLEANUP_FREE char *path = NULL, *username = NULL, *signature = NULL, *expiration = NULL;
    struct signed_words words = {.operation = bytes_of(operation), .token = bytes_of(s->token)};
    bool has_path, has_username, has_signature, expires;
    char expected[SIGNATURE_SIZE], seconds[24];
    struct bytes given, unused;
    long long until = 0;

    errno = 0;
    if (parameter(x, "signature", &signature, &given, &has_signature) < 0 ||
        parameter(x, "path", &path, &words.path, &has_path) < 0 ||
        parameter(x, "username", &username, &words.username, &has_username) < 0 ||
        parameter(x, "signature_expiration", &expiration, &unused, &expires) < 0)
        return errno == ENOMEM ? err_nomem(e, "check the signature")
                               : err_set(e, STATUS_INVALID_ARGUMENT, 0, "malformed query");
    if (expires && parse_expiration(expiration, &until) < 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "invalid format for parameter signature_expiration");
    if (!has_signature)
        return err_set(e, STATUS_UNAUTHENTICATED, 0, "missing signature query parameter");
    if (expires) {
        snprintf(seconds, sizeof seconds, "%lld", until);
        words.expiration = bytes_of(seconds);
    }
    sign(&words, expected);
    if (!auth_token_equal(given, expected))
        return err_set(e, STATUS_UNAUTHENTICATED, 0, "invalid signature");
    if (expires && until < clock_wall().tv_sec)
        return err_set(e, STATUS_UNAUTHENTICATED, 0, "signature is already expired");
    return 0;
}

int files_signature_check(const struct settings *s, const struct http_exchange *x, const char *operation,
                          struct err *e)
{
    if (x->allowed)
        return 0;
    if (http_request_field(x, "x-access-token").len > 0)
        return err_set(e, STATUS_UNAUTHENTICATED, 0, "access token present in header but does not match");
    if (!s->token) /* nobody can have signed anything */
        return err_set(
            e, STATUS_UNAUTHENTICATED, 0,
            "unauthorized access, please provide a valid access token or method signing if supported");
    return check_signature(s, x, operation, e);
}
