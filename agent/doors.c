#include "doors.h"

#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/log.h"
#include "guest/auth.h"
#include "guest/users.h"

#define STACYVM_MARK "stacyvm@"
#define STACYVM_DOOR STACYVM_MARK "vsock:1024"

/* --- who may come in ------------------------------------------------------------------------- */

/* At accept: on vsock the host, and who was named. */
static bool admit(const struct listener *l, const struct peer *peer)
{
    const struct door *door = l->policy;
    const struct flags *f = door->doors->flags;

    if (peer->transport != TRANSPORT_VSOCK || peer->cid == AUTH_CID_HOST)
        return true;
    for (unsigned i = 0; i < f->vsock_allow_count; i++)
        if (f->vsock_allow[i] == peer->cid)
            return true;
    return false;
}

/* A look-up of a Basic user, in a worker. */
struct user_job {
    struct job job;
    struct http *http;
    ticket exchange;
    char *name;
    struct err error;
    bool unknown;
};

static void user_run(struct job *j)
{
    struct user_job *u = CONTAINER_OF(j, struct user_job, job);
    struct user *user = users_find(u->name, &u->error);

    u->unknown = !user;
    if (u->unknown && u->error.status == STATUS_NOT_FOUND)
        err_set(&u->error, STATUS_UNAUTHENTICATED, 0, "invalid username: '%s'", u->name);
    free(user);
}

static void user_done(struct job *j)
{
    struct user_job *u = CONTAINER_OF(j, struct user_job, job);

    http_authorized(u->http, u->exchange, u->unknown ? &u->error : NULL);
    free(u->name);
    free(u);
}

/* Whether the Basic user exists is known only after a look into /etc/passwd. */
static enum http_verdict check_user(struct doors *d, struct http_exchange *x, char *name)
{
    struct user_job *u = calloc(1, sizeof *u);
    struct err e;

    x->user = strdup(name);
    x->waiting = ticket_new(&x->http->waiting, x);
    err_nomem(&e, "look up the user");
    if (u && x->user && x->waiting) {
        *u = (struct user_job){.job = {.run = user_run, .done = user_done},
                               .http = x->http,
                               .exchange = x->waiting,
                               .name = name};
        if (jobs_submit(d->workers, &u->job, &e) == 0)
            return HTTP_PENDING;
    }
    ticket_drop(&x->http->waiting, x->waiting);
    x->waiting = 0;
    free(u);
    free(name);
    http_deny(x, &e);
    return HTTP_DENY;
}

/* Public routes are so by their exact method only. */
static unsigned flags_of(const struct http_exchange *x)
{
    const struct http_route *r = &x->route;

    if (!r->begin)
        return 0;
    return (r->flags & HTTP_PUBLIC && strcmp(r->method, x->method) == 0 ? AUTH_PUBLIC : 0) |
           (r->flags & HTTP_HOST ? AUTH_HOST : 0);
}

/* Whose connection it is, without what is shown on it. */
static struct auth_caller caller_of(const struct conn *c)
{
    const struct door *door = c->listener->policy;
    const struct peer *peer = &c->peer;

    return (struct auth_caller){
        .transport = peer->transport,
        .cid = peer->cid,
        .trusted_uid = peer->known && (peer->uid == 0 || peer->uid == door->doors->uid),
        .listener_token = door->token[0] ? door->token : NULL,
    };
}

/* StacyVM's host has no token to show: with one set nobody but root's unix socket gets in. */
static int authorize_stacyvm(struct conn *c, struct err *e)
{
    const struct door *door = c->listener->policy;
    struct auth_caller caller = caller_of(c);

    return auth_check(door->doors->settings, &caller, 0, e);
}

static enum http_verdict authorize(struct http_exchange *x)
{
    struct doors *d = x->http->authorize_arg;
    struct auth_caller caller = caller_of(x->conn);
    bool malformed;
    char *user;
    struct err e;

    caller.token = http_request_field(x, "x-access-token");
    x->allowed = auth_check(d->settings, &caller, 0, &e) == 0;
    if (auth_check(d->settings, &caller, flags_of(x), &e) < 0) {
        http_error(x, http_status_of(e.status), "%s", e.text);
        return HTTP_DENY;
    }
    user = auth_basic_user(http_request_field(x, "authorization"), &malformed);
    return user ? check_user(d, x, user) : HTTP_ALLOW;
}

/* --- where we listen ------------------------------------------------------------------------- */

/* 32 random bytes. */
static int make_token(struct door *door)
{
    uint8_t bytes[32];

    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return -1;
    base64_encode(bytes, 30, door->token);
    door->token[40] = 0;
    for (char *p = door->token; (p = strpbrk(p, "+/")); p++)
        *p = *p == '+' ? '-' : '_'; /* easy to paste */
    return 0;
}

/* Who may call there, for the log. */
static const char *who(const struct door *door)
{
    const struct doors *d = door->doors;

    switch (door->listener.address.transport) {
    case TRANSPORT_VSOCK:
        return d->flags->vsock_allow_count ? "the host; allowed CIDs" : "the host";
    case TRANSPORT_UNIX:
        return "root and the agent's user; others with a token";
    case TRANSPORT_TCP:
        return door->token[0] || d->settings->token || d->settings->require_token ? "whoever has the token"
                                                                                  : "anybody";
    }
    return "";
}

/* What is spoken there, by what stands before the address, which is returned. NULL with *e. */
static const char *choose_protocol(const struct doors *d, struct listener *l, const char *text, struct err *e)
{
    const char *at = strchr(text, '@');

    l->protocol = &http_h1;
    l->protocol_arg = d->http;
    if (!at || strncmp(text, "unix:", 5) == 0)
        return text;
    if (strncmp(text, STACYVM_MARK, strlen(STACYVM_MARK)) != 0) {
        err_set(e, STATUS_INVALID_ARGUMENT, 0, "address '%s': there is no protocol but " STACYVM_MARK, text);
        return NULL;
    }
    l->protocol = &stacyvm_protocol;
    l->protocol_arg = d->stacyvm;
    return at + 1;
}

/* Opens one. `open`: TCP needs no token of its own. */
static int open_door(struct doors *d, struct net *net, const char *text, bool open, struct err *e)
{
    struct door *door = &d->all[d->count];
    struct listener *l = &door->listener;
    char address[ADDRESS_TEXT_MAX];
    const char *where;

    *door = (struct door){.doors = d};
    where = choose_protocol(d, l, text, e);
    if (!where || address_parse(where, &l->address, e) < 0)
        return -1;
    if (where != text && l->address.transport == TRANSPORT_TCP && !d->flags->open)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0,
                       "address '%s': nobody can show a token there: it needs --open", text);
    l->admit = admit;
    l->policy = door;
    if (d->boot && l->address.transport == TRANSPORT_TCP)
        boot_finish(d->boot); /* an address of lo is one only when lo is up */
    if (net_listen(net, l, e) < 0)
        return -1;
    if (l->address.transport == TRANSPORT_TCP && !open && make_token(door) < 0)
        return err_set(e, STATUS_INTERNAL, 0, "no random bytes for a token");
    d->count++;
    address_text(&l->address, address);
    log_info("listen", LOG_STR("server.address", address), LOG_STR("listen.who", who(door)),
             LOG_STR("network.protocol.name", l->protocol->name));
    if (door->token[0])
        dprintf(STDERR_FILENO, "guestd: the token for %s (header X-Access-Token) is %s\n", address,
                door->token);
    return 0;
}

/* A default that does not work here is left out. */
static bool try_door(struct doors *d, struct net *net, const char *text, bool open)
{
    struct err e;

    if (open_door(d, net, text, open, &e) == 0)
        return true;
    log_info("listen.skipped", LOG_STR("server.address", text), LOG_STR("error.message", e.text));
    return false;
}

/* Where a service without root keeps its socket. */
static void unix_default(char out[ADDRESS_TEXT_MAX])
{
    const char *dir = getenv("XDG_RUNTIME_DIR");

    snprintf(out, ADDRESS_TEXT_MAX, "unix:%s/guestd.sock", dir && *dir && geteuid() != 0 ? dir : "/run");
}

static int open_defaults(struct doors *d, struct net *net, struct err *e)
{
    const struct flags *f = d->flags;
    char text[ADDRESS_TEXT_MAX];

    if (f->envd) {
        snprintf(text, sizeof text, "tcp:[::]:%u", f->port);
        if (open_door(d, net, text, true, e) < 0) {
            snprintf(text, sizeof text, "tcp:0.0.0.0:%u", f->port); /* without IPv6 */
            if (e->status != STATUS_UNAVAILABLE || open_door(d, net, text, true, e) < 0)
                return -1;
        }
    } else if (!d->boot) {
        unix_default(text);
        if (open_door(d, net, text, true, e) < 0)
            return -1;
    }
    snprintf(text, sizeof text, "vsock:%u", FLAGS_PORT);
    try_door(d, net, text, true);
    if (f->stacyvm)
        try_door(d, net, STACYVM_DOOR, true);
    return 0;
}

/* One that was asked for. */
static int open_asked(struct doors *d, struct net *net, const char *text, bool open, struct err *e)
{
    if (open_door(d, net, text, open, e) == 0)
        return 0;
    if (!d->boot)
        return -1;
    boot_problem(d->boot, "%s", e->text);
    return 0;
}

int doors_open(struct doors *d, const struct flags *flags, struct net *net, struct http *http,
               struct stacyvm *stacyvm, struct settings *settings, struct jobs *workers, struct boot *boot,
               struct err *e)
{
    bool open = flags->open || flags->token_file || flags->require_token;
    char text[ADDRESS_TEXT_MAX];

    d->flags = flags;
    d->settings = settings;
    d->workers = workers;
    d->http = http;
    d->stacyvm = stacyvm;
    d->boot = boot;
    d->uid = geteuid();
    d->count = 0;
    stacyvm->authorize = authorize_stacyvm;
    http->authorize = authorize;
    http->authorize_arg = d;
    for (unsigned i = 0; i < flags->listen_count; i++)
        if (open_asked(d, net, flags->listen[i], open, e) < 0)
            return -1;
    if (d->count == 0 && open_defaults(d, net, e) < 0)
        return -1;
    if (flags->tcp) {
        snprintf(text, sizeof text, "tcp:127.0.0.1:%u", flags->port);
        if (open_asked(d, net, text, open, e) < 0)
            return -1;
    }
    return 0;
}
