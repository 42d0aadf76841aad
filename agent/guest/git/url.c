#include "guest/git/url.h"

#include "core/limits.h"

static int bad(struct err *e, const char *why)
{
    return err_set(e, STATUS_INVALID_ARGUMENT, 0, "url: %s", why);
}

/* A part of an address as a string, percent-decoded where it is to be. NULL with *e. */
static char *text_of(struct bytes part, bool decode, struct err *e)
{
    char *out = part.len <= GIT_SECRET_MAX ? malloc(part.len + 1) : NULL;
    size_t n = 0;

    if (!out) {
        if (part.len > GIT_SECRET_MAX)
            bad(e, "credentials that are too long");
        else
            err_nomem(e, "read a URL");
        return NULL;
    }
    for (size_t i = 0; i < part.len; i++) {
        char c = part.ptr[i];

        if (decode && c == '%') {
            int high = i + 2 < part.len ? hex_digit(part.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(part.ptr[i + 2]) : -1;

            c = low < 0 ? 0 : (char)(16 * high + low);
            i += 2;
        }
        if ((unsigned char)c < ' ' || c == 0x7f) {
            explicit_bzero(out, n);
            free(out);
            bad(e, "credentials hold a control character, or a '%' without two digits");
            return NULL;
        }
        out[n++] = c;
    }
    out[n] = 0;
    return out;
}

/* "user" or "user:password", before the '@'. */
static int take_user(struct bytes info, struct git_url *u, struct err *e)
{
    const char *colon = memchr(info.ptr, ':', info.len);
    struct bytes name = {info.ptr, colon ? (size_t)(colon - info.ptr) : info.len};

    u->username = text_of(name, true, e);
    if (!u->username)
        return -1;
    if (!colon)
        return 0;
    u->password = text_of((struct bytes){colon + 1, (size_t)(info.ptr + info.len - colon - 1)}, true, e);
    return u->password ? 0 : -1;
}

static char *join(struct bytes a, struct bytes b)
{
    char *s = malloc(a.len + b.len + 1);

    if (!s)
        return NULL;
    memcpy(s, a.ptr, a.len);
    memcpy(s + a.len, b.ptr, b.len);
    s[a.len + b.len] = 0;
    return s;
}

static bool ends(struct bytes s, const char *end)
{
    size_t n = strlen(end);

    return s.len >= n && memcmp(s.ptr + s.len - n, end, n) == 0;
}

/* "https://host:port" of a scheme with its "://" and an authority without a user. */
static char *origin_of(struct bytes scheme, struct bytes host)
{
    char *s;

    while (host.len > 0 && host.ptr[host.len - 1] == ':') /* an empty port */
        host.len--;
    if (ends(host, scheme.len == sizeof "https://" - 1 ? ":443" : ":80"))
        host.len -= scheme.len == sizeof "https://" - 1 ? 4 : 3;
    s = join(scheme, host);
    for (char *c = s; c && *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return s;
}

/* What follows "scheme://" where there is a host. */
static int take_authority(struct bytes scheme, struct bytes rest, struct git_url *u, struct err *e)
{
    struct bytes host = rest;
    size_t at = 0;

    for (host.len = 0; host.len < rest.len && !strchr("/?#\\", rest.ptr[host.len]); host.len++)
        if (rest.ptr[host.len] == '@')
            at = host.len + 1;
    if (at > 0 && u->kind == GIT_URL_HTTP && take_user((struct bytes){rest.ptr, at - 1}, u, e) < 0)
        return -1;
    if (at > 0 && u->kind != GIT_URL_HTTP && memchr(rest.ptr, ':', at))
        return bad(e, "a password, which ssh does not take");
    if (host.len == at || rest.ptr[at] == '-' || rest.ptr[at] == ':' || *rest.ptr == '-')
        return bad(e, "no host, or one that begins with '-'");
    if (u->kind != GIT_URL_HTTP)
        return (u->text = join(scheme, rest)) ? 0 : err_nomem(e, "read a URL");
    u->origin = origin_of(scheme, (struct bytes){rest.ptr + at, host.len - at});
    u->text = join(scheme, (struct bytes){rest.ptr + at, rest.len - at});
    return u->origin && u->text ? 0 : err_nomem(e, "read a URL");
}

static int take_scheme(struct bytes text, size_t colon, struct git_url *u, struct err *e)
{
    static const struct {
        const char *name;
        enum git_url_kind kind;
    } schemes[] = {{"https", GIT_URL_HTTP},  {"http", GIT_URL_HTTP},   {"ssh", GIT_URL_SSH},
                   {"git+ssh", GIT_URL_SSH}, {"ssh+git", GIT_URL_SSH}, {"git", GIT_URL_GIT},
                   {"file", GIT_URL_FILE}};
    struct bytes scheme = {text.ptr, colon}, rest = {text.ptr + colon + 3, text.len - colon - 3};

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (!bytes_are(scheme, schemes[i].name))
            continue;
        u->kind = schemes[i].kind;
        scheme.len = colon + 3;
        if (u->kind != GIT_URL_FILE)
            return take_authority(scheme, rest, u, e);
        return (u->text = join(text, (struct bytes){"", 0})) ? 0 : err_nomem(e, "read a URL");
    }
    return bad(e, "not https, http, ssh, git or file");
}

/* What has no "://": "user@host:path" where a colon comes before any slash, else a path. */
static int take_short(struct bytes text, size_t colon, struct git_url *u, struct err *e)
{
    const char *at = memchr(text.ptr, '@', colon);

    u->kind = colon < text.len && !memchr(text.ptr, '/', colon) ? GIT_URL_SSH : GIT_URL_PATH;
    if (u->kind == GIT_URL_SSH && (colon == 0 || (at && (at[1] == '-' || at == text.ptr + colon - 1))))
        return bad(e, "no host, or one that begins with '-'");
    return (u->text = join(text, (struct bytes){"", 0})) ? 0 : err_nomem(e, "read a URL");
}

static int parse(struct bytes text, struct git_url *u, struct err *e)
{
    const char *found;
    size_t colon;

    if (text.len == 0 || text.len > URL_MAX || *text.ptr == '-')
        return bad(e, "empty, too long, or it begins with '-'");
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return bad(e, "it holds a control character");
    found = memchr(text.ptr, ':', text.len);
    colon = found ? (size_t)(found - text.ptr) : text.len;
    if (text.len - colon >= 3 && memcmp(text.ptr + colon, "://", 3) == 0)
        return take_scheme(text, colon, u, e);
    if (text.len - colon >= 2 && text.ptr[colon + 1] == ':' && *text.ptr != '[')
        return bad(e, "git's remote helpers (\"name::\") are off");
    return take_short(text, colon, u, e);
}

int git_url_parse(struct bytes text, struct git_url *u, struct err *e)
{
    *u = (struct git_url){0};
    if (parse(text, u, e) == 0)
        return 0;
    git_url_clear(u);
    return -1;
}

void git_url_clear(struct git_url *u)
{
    if (u->username) /* some put a token there */
        explicit_bzero(u->username, strlen(u->username));
    if (u->password)
        explicit_bzero(u->password, strlen(u->password));
    free(u->text);
    free(u->origin);
    free(u->username);
    free(u->password);
    *u = (struct git_url){0};
}

/* --- credentials out ------------------------------------------------------------------------- */

/* Of an authority that begins at `start`: where its credentials end, behind the '@'; start: it has none. */
static size_t user_end(struct bytes text, size_t start)
{
    size_t end = start;

    for (size_t i = start; i < text.len && text.ptr[i] != 0 && !strchr("/?#\\ \t\r\n\"'", text.ptr[i]); i++)
        if (text.ptr[i] == '@')
            end = i + 1;
    return end;
}

/* How much of the user's part stays: ssh's user name is no secret, and it is part of the address. */
static size_t kept(struct bytes before, struct bytes user)
{
    const char *colon = memchr(user.ptr, ':', user.len);

    if (!ends(before, "ssh://") && !ends(before, "ssh+git://"))
        return 0;
    return colon ? (size_t)(colon - user.ptr) : user.len - 1;
}

size_t git_url_hide(char *text, size_t n)
{
    for (size_t at = 0; at + 3 <= n; at++) {
        size_t start = at + 3, end, keep;

        if (memcmp(text + at, "://", 3) != 0)
            continue;
        end = user_end((struct bytes){text, n}, start);
        if (end == start)
            continue;
        keep = kept((struct bytes){text, start}, (struct bytes){text + start, end - start});
        end -= keep > 0; /* the '@' stays with the name */
        memmove(text + start + keep, text + end, n - end);
        n -= end - start - keep;
    }
    return n;
}
