#include "guest/auth.h"

#include "core/base64.h"
#include "core/utf8.h"

bool auth_token_equal(struct bytes given, const char *secret)
{
    volatile unsigned char diff = 0;
    size_t n = strlen(secret);

    if (!given.ptr || given.len != n)
        return false;
    for (size_t i = 0; i < n; i++)
        diff |= (unsigned char)(given.ptr[i] ^ secret[i]);
    return diff == 0;
}

/* Whether whoever can connect there is a stranger: a public host call sets the token, and would open what is closed to him. */
static bool is_closed(const struct auth_caller *c)
{
    return c->listener_token || (c->transport == TRANSPORT_UNIX && !c->trusted_uid);
}

int auth_check(const struct settings *s, const struct auth_caller *c, unsigned flags, struct err *e)
{
    bool vsock = c->transport == TRANSPORT_VSOCK, is_unix = c->transport == TRANSPORT_UNIX;

    if ((flags & AUTH_HOST) && vsock && c->cid != AUTH_CID_HOST)
        return err_set(e, STATUS_PERMISSION_DENIED, 0, "only the host may call this, not vsock CID %u",
                       c->cid);
    if (flags & AUTH_PUBLIC && !(flags & AUTH_HOST && is_closed(c)))
        return 0;
    if (is_unix && c->trusted_uid)
        return 0;
    if (s->token && auth_token_equal(c->token, s->token))
        return 0;
    if (c->listener_token && auth_token_equal(c->token, c->listener_token))
        return 0;
    if (!s->token && !c->listener_token && !s->require_token && !is_unix)
        return 0;
    return err_set(e, STATUS_UNAUTHENTICATED, 0,
                   "unauthorized access, please provide a valid access token or method signing if supported");
}

char *auth_basic_user(struct bytes value, bool *malformed)
{
    uint8_t *plain;
    ptrdiff_t n;
    char *colon;

    *malformed = false;
    if (value.len < 6 || strncasecmp(value.ptr, "Basic ", 6) != 0)
        return NULL;
    value.ptr += 6;
    value.len -= 6;
    while (value.len > 0 && *value.ptr == ' ') {
        value.ptr++;
        value.len--;
    }
    plain = malloc(value.len / 4 * 3 + 4);
    n = plain ? base64_decode(value, plain) : -1;
    if (n < 0 || memchr(plain, 0, (size_t)n)) {
        *malformed = true;
        free(plain);
        return NULL;
    }
    plain[n] = 0;
    colon = strchr((char *)plain, ':');
    if (!colon || !utf8_valid(bytes_of((char *)plain))) {
        *malformed = true;
        free(plain);
        return NULL;
    }
    memset(colon, 0, (size_t)((char *)plain + n - colon)); /* the password is nobody's business */
    if (colon == (char *)plain) {
        free(plain);
        return NULL;
    }
    return (char *)plain;
}
