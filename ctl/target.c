#include "ctl/target.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/fd.h"

#define DIAL_MS  5000
#define AGAIN_MS 50 /* between two tries of --wait */

static void default_socket(char out[128])
{
    const char *dir = getenv("XDG_RUNTIME_DIR");

    snprintf(out, 128, "unix:%s/guestd.sock", dir && *dir && geteuid() != 0 ? dir : "/run");
}

/* "PATH[:PORT]": a last colon with digits behind it begins the port. */
static int parse_hybrid(struct target *t, const char *rest, struct err *e)
{
    const char *colon = strrchr(rest, ':');
    size_t len = strlen(rest);
    char path[8 + sizeof((struct sockaddr_un *)0)->sun_path];

    t->hybrid = true;
    if (colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
        unsigned long port = strlen(colon + 1) <= 10 ? strtoul(colon + 1, NULL, 10) : ULONG_MAX;

        if (port > UINT32_MAX)
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "target '%s': the port is beyond 4294967295",
                           t->text);
        t->port = (uint32_t)port;
        len = (size_t)(colon - rest);
    }
    if (snprintf(path, sizeof path, "unix:%.*s", (int)len, rest) >= (int)sizeof path)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "target '%s': the path is longer than 107 bytes",
                       t->text);
    return address_parse(path, &t->address, e);
}

int target_parse(struct target *t, const char *text, struct err *e)
{
    static char fallback[128];
    char vsock[64];

    if (!text)
        text = getenv("GUESTD_HOST");
    if (!text || !*text) {
        default_socket(fallback);
        text = fallback;
    }
    t->text = text;
    t->hybrid = false;
    t->port = TARGET_PORT;
    if (strncmp(text, "hybrid:", 7) == 0)
        return parse_hybrid(t, text + 7, e);
    if (strncmp(text, "vsock:", 6) == 0 && !strchr(text + 6, ':')) {
        snprintf(vsock, sizeof vsock, "%.32s:%u", text, TARGET_PORT);
        return address_parse(vsock, &t->address, e);
    }
    if (strncmp(text, "vsock:", 6) != 0 && strncmp(text, "unix:", 5) != 0 && strncmp(text, "tcp:", 4) != 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0,
                       "target '%s': it does not begin with hybrid:, vsock:, unix: or tcp:", text);
    return address_parse(text, &t->address, e);
}

/* --- dialling -------------------------------------------------------------------------------- */

/* Why a dial failed: `passing` when it may work a moment later. */
static int failed(const struct target *t, int errnum, bool *passing, struct err *e)
{
    *passing = true;
    switch (errnum) {
    case ENOENT:
        return err_set(e, STATUS_UNAVAILABLE, 0,
                       "%s: no such socket; is the %s running, and is the path right?", t->text,
                       t->hybrid ? "VM" : "agent");
    case EACCES:
    case EPERM:
        *passing = false;
        return err_set(e, STATUS_PERMISSION_DENIED, 0,
                       "%s: permission denied; the socket belongs to another user (try sudo)", t->text);
    case ECONNREFUSED:
        if (t->address.transport == TRANSPORT_UNIX)
            return err_set(e, STATUS_UNAVAILABLE, 0, "%s: refused; the %s that made this socket is gone",
                           t->text, t->hybrid ? "VM" : "agent");
        return err_set(e, STATUS_UNAVAILABLE, 0, "%s: refused; nothing listens there (try --wait 10s)",
                       t->text);
    case ECONNRESET:
        return err_set(e, STATUS_UNAVAILABLE, 0,
                       "%s: reset; nothing listens there, or the guest still boots (try --wait 10s)",
                       t->text);
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return err_set(e, STATUS_UNAVAILABLE, 0,
                       "%s: no answer (%s); is the guest running, and is its address right?", t->text,
                       errno_text(errnum));
    case ENODEV:
    case EAFNOSUPPORT:
    case EADDRNOTAVAIL:
        *passing = false;
        return err_set(e, STATUS_UNAVAILABLE, 0,
                       "%s: this host has no way there (%s); is vhost_vsock loaded?", t->text,
                       errno_text(errnum));
    default:
        *passing = false;
        return err_set(e, STATUS_UNAVAILABLE, errnum, "%s", t->text);
    }
}

/* Connected. To a VMM's socket a line goes first that asks for a port of the guest, in one write. */
static int connected(struct target_dialing *d, bool *passing, struct err *e)
{
    char line[64];
    int len = snprintf(line, sizeof line, "CONNECT %u\n", d->target->port);

    if (!d->target->hybrid)
        return 1;
    if (send(d->fd, line, (size_t)len, MSG_NOSIGNAL) != len)
        return failed(d->target, errno, passing, e);
    d->state = TARGET_ASKED;
    d->events = POLLIN;
    d->len = 0;
    return 0;
}

/* Begins a try. */
static int start(struct target_dialing *d, bool *passing, struct err *e)
{
    const struct address *a = &d->target->address;
    uint64_t now = clock_mono_ms();

    if (now < d->wake_ms)
        return 0;
    if (d->give_up_ms == 0)
        d->give_up_ms = now + DIAL_MS;
    d->fd = socket(a->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (d->fd < 0)
        return failed(d->target, errno, passing, e);
    if (connect(d->fd, &a->sa.any, a->len) == 0) {
        d->wake_ms = d->give_up_ms;
        return connected(d, passing, e);
    }
    if (errno == EAGAIN && now < d->give_up_ms) { /* a unix socket whose queue is full: unix(7) */
        fd_close(&d->fd);
        d->wake_ms = now + AGAIN_MS;
        return 0;
    }
    if (errno != EINPROGRESS)
        return failed(d->target, errno, passing, e);
    d->state = TARGET_CONNECTING;
    d->events = POLLOUT;
    d->wake_ms = d->give_up_ms;
    return 0;
}

static int connecting(struct target_dialing *d, bool *passing, struct err *e)
{
    struct pollfd p = {.fd = d->fd, .events = POLLOUT};
    int errnum = 0;
    socklen_t len = sizeof errnum;

    if (poll(&p, 1, 0) <= 0)
        return clock_mono_ms() < d->give_up_ms ? 0 : failed(d->target, ETIMEDOUT, passing, e);
    getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &errnum, &len);
    return errnum ? failed(d->target, errnum, passing, e) : connected(d, passing, e);
}

/* Reads the VMM's answer, a line that begins with "OK ". Bytes behind it are the agent's, so it is read byte by byte. */
static int asked(struct target_dialing *d, bool *passing, struct err *e)
{
    const struct target *t = d->target;

    *passing = true;
    do {
        ssize_t n = RETRY_EINTR(recv(d->fd, d->line + d->len, 1, MSG_DONTWAIT));

        if (n < 0 && errno == EAGAIN && clock_mono_ms() < d->give_up_ms)
            return 0;
        if (n < 0 && errno == EAGAIN)
            return err_set(e, STATUS_UNAVAILABLE, 0,
                           "%s: the VMM did not answer within %d s; is the VM paused, or is this another "
                           "kind of socket?",
                           t->text, DIAL_MS / 1000);
        if (n <= 0)
            return err_set(e, STATUS_UNAVAILABLE, 0,
                           "%s: closed without OK; nothing listens on port %u in the guest, or it still "
                           "boots (try --wait 10s)",
                           t->text, t->port);
    } while (d->line[d->len++] != '\n' && d->len < sizeof d->line - 1);
    d->line[d->len] = 0;
    if (strncmp(d->line, "OK ", 3) == 0)
        return 1;
    *passing = false;
    return err_set(e, STATUS_UNAVAILABLE, 0, "%s: not a VMM's vsock socket (it did not answer OK)", t->text);
}

void target_begin(struct target_dialing *d, const struct target *t)
{
    *d = (struct target_dialing){.target = t, .fd = -1, .until_ms = clock_mono_ms() + t->wait_ms};
}

int target_go_on(struct target_dialing *d, struct err *e)
{
    static int (*const steps[])(struct target_dialing *, bool *, struct err *) = {
        [TARGET_PAUSED] = start, [TARGET_CONNECTING] = connecting, [TARGET_ASKED] = asked};
    bool passing = false;
    int ret = steps[d->state](d, &passing, e);

    if (ret >= 0)
        return ret;
    fd_close(&d->fd);
    if (!passing || clock_mono_ms() >= d->until_ms)
        return -1;
    d->state = TARGET_PAUSED;
    d->wake_ms = clock_mono_ms() + AGAIN_MS;
    d->give_up_ms = 0;
    return 0;
}

int target_dial(const struct target *t, struct err *e)
{
    struct target_dialing d;
    int ret;

    target_begin(&d, t);
    while ((ret = target_go_on(&d, e)) == 0) {
        struct pollfd p = {.fd = d.fd, .events = d.events};
        uint64_t now = clock_mono_ms();

        poll(&p, 1, now < d.wake_ms ? (int)(d.wake_ms - now) : 0);
    }
    return ret < 0 ? -1 : d.fd;
}
