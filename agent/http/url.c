#include "http/url.h"

#include <stdio.h>

#define SCHEME       "http://"
#define DEFAULT_PORT 80

static int bad(struct err *e, const char *why)
{
    return err_set(e, STATUS_INVALID_ARGUMENT, 0, "URL: %s", why);
}

/* Where the port begins behind the host's last colon, or NULL: colons in brackets are the address's own. */
static const char *port_of(struct bytes authority)
{
    for (size_t i = authority.len; i-- > 0 && authority.ptr[i] != ']';)
        if (authority.ptr[i] == ':')
            return authority.ptr + i;
    return NULL;
}

/* An address needs a host, or it would be any. */
static int parse_authority(struct bytes authority, struct http_url *u, struct err *e)
{
    const char *port = port_of(authority);
    char text[96];

    if (authority.len == 0 || port == authority.ptr || authority.len >= sizeof u->authority)
        return bad(e, "there is no address, or it is too long");
    memcpy(u->authority, authority.ptr, authority.len);
    u->authority[authority.len] = 0;
    if (port)
        snprintf(text, sizeof text, "tcp:%s", u->authority);
    else
        snprintf(text, sizeof text, "tcp:%s:%d", u->authority, DEFAULT_PORT);
    return address_parse(text, &u->address, e) < 0 ? err_wrap(e, "URL") : 0;
}

int http_url_parse(struct bytes text, struct http_url *u, struct err *e)
{
    const size_t n = sizeof SCHEME - 1;
    struct bytes rest = {text.ptr + n, text.len - n};
    size_t host = 0, fragment;
    const char *slash;

    if (text.len < n || memcmp(text.ptr, SCHEME, n) != 0)
        return bad(e, "it does not begin with " SCHEME);
    for (size_t i = 0; i < rest.len; i++)
        if (rest.ptr[i] <= ' ' || rest.ptr[i] > '~')
            return bad(e, "it has a byte that no URL has");
    while (host < rest.len && !strchr("/?#", rest.ptr[host]))
        host++;
    for (fragment = host; fragment < rest.len && rest.ptr[fragment] != '#';)
        fragment++;
    slash = host < fragment && rest.ptr[host] == '/' ? "" : "/";
    if (fragment - host + strlen(slash) >= sizeof u->target)
        return bad(e, "it is too long");
    snprintf(u->target, sizeof u->target, "%s%.*s", slash, (int)(fragment - host), rest.ptr + host);
    return parse_authority((struct bytes){rest.ptr, host}, u, e);
}
