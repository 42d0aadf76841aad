#include "ctl/target.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

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

/* Waits until the socket is ready, at most until the deadline. Returns 0 or an errno. */
static int await(int fd, short events, uint64_t deadline_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    uint64_t now = clock_mono_ms();
    int n = RETRY_EINTR(poll(&p, 1, now < deadline_ms ? (int)(deadline_ms - now) : 0));

    return n > 0 ? 0 : n == 0 ? ETIMEDOUT : errno;
}

/* Asks the VMM for a port of the guest: "CONNECT <port>\n" in one write, then a line that begins with "OK ".
 * Bytes behind that line belong to the agent, so it is read byte by byte. */
static int handshake(const struct target *t, int fd, uint64_t deadline_ms, bool *passing, struct err *e)
{
    char line[64];
    size_t n = 0;
    int len = snprintf(line, sizeof line, "CONNECT %u\n", t->port);

    *passing = true;
    if (send(fd, line, (size_t)len, MSG_NOSIGNAL) != len)
        return failed(t, errno, passing, e);
    while (n < sizeof line - 1) {
        int errnum = await(fd, POLLIN, deadline_ms);
        ssize_t got = errnum ? -1 : RETRY_EINTR(recv(fd, line + n, 1, 0));

        if (errnum == ETIMEDOUT)
            return err_set(e, STATUS_UNAVAILABLE, 0,
                           "%s: the VMM did not answer within %d s; is the VM paused, or is this another "
                           "kind of socket?",
                           t->text, DIAL_MS / 1000);
        if (got <= 0)
            return err_set(e, STATUS_UNAVAILABLE, 0,
                           "%s: closed without OK; nothing listens on port %u in the guest, or it still "
                           "boots (try --wait 10s)",
                           t->text, t->port);
        if (line[n++] == '\n')
            break;
    }
    line[n] = 0;
    if (strncmp(line, "OK ", 3) != 0) {
        *passing = false;
        return err_set(e, STATUS_UNAVAILABLE, 0, "%s: not a VMM's vsock socket (it did not answer OK)",
                       t->text);
    }
    return 0;
}

/* One try. */
static int dial(const struct target *t, bool *passing, struct err *e)
{
    uint64_t deadline = clock_mono_ms() + DIAL_MS;
    CLEANUP_FD int fd = socket(t->address.sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int errnum = 0;
    socklen_t len = sizeof errnum;

    if (fd < 0)
        return failed(t, errno, passing, e);
    while (connect(fd, &t->address.sa.any, t->address.len) < 0) {
        if (errno == EAGAIN && clock_mono_ms() < deadline) { /* a unix socket whose queue is full: unix(7) */
            usleep(AGAIN_MS * 1000);
            continue;
        }
        if (errno != EINPROGRESS)
            return failed(t, errno, passing, e);
        errnum = await(fd, POLLOUT, deadline);
        if (errnum == 0)
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &len);
        if (errnum)
            return failed(t, errnum, passing, e);
        break;
    }
    if (t->hybrid && handshake(t, fd, deadline, passing, e) < 0)
        return -1;
    return fd_take(&fd);
}

int target_dial(const struct target *t, struct err *e)
{
    uint64_t until = clock_mono_ms() + t->wait_ms;
    const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000L};
    bool passing;
    int fd;

    while ((fd = dial(t, &passing, e)) < 0 && passing && clock_mono_ms() < until)
        nanosleep(&pause, NULL);
    return fd;
}
