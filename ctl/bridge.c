/* bridge: a socket on this host whose connections are relayed to the agent. */
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fd.h"
#include "ctl/relay.h"
#include "ctl/verbs.h"

#define LINKS_MAX 512 /* connections at the same time; more wait in the listener's queue */
#define PAUSE_MS  100 /* without accepting, when descriptors or memory ran out */
#define OWN_FDS   16  /* descriptors that are not a link's */

/* A connection, and the one to the agent that it gets. */
struct link {
    int client; /* -1: in the relay */
    struct target_dialing dial;
    struct relay relay;
};

struct bridge {
    const struct ctl *ctl;
    struct address address;
    int listener, signal_fd;
    struct link links[LINKS_MAX];
    size_t count, max;
    uint64_t accept_ms; /* not before */
};

/* --- listening ------------------------------------------------------------------------------- */

static bool is_own_machine(const struct address *a)
{
    if (a->transport != TRANSPORT_TCP)
        return a->transport == TRANSPORT_UNIX;
    if (a->sa.any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&a->sa.in6.sin6_addr);
    return ntohl(a->sa.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* Whether a unix socket lies there to which nobody listens any more. */
static bool is_left_behind(const struct address *a)
{
    CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd >= 0 && connect(fd, &a->sa.any, a->len) < 0 && errno == ECONNREFUSED;
}

static int listen_at(struct bridge *b, const char *text, struct err *e)
{
    struct address *a = &b->address;
    bool unix_socket = a->transport == TRANSPORT_UNIX;
    mode_t before = umask(0077); /* of a unix socket: ours alone */
    int ret;

    b->listener = socket(a->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (!unix_socket)
        setsockopt(b->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    ret = b->listener < 0 ? -1 : bind(b->listener, &a->sa.any, a->len);
    if (ret < 0 && errno == EADDRINUSE && unix_socket && is_left_behind(a)) {
        unlink(a->sa.un.sun_path);
        ret = bind(b->listener, &a->sa.any, a->len);
    }
    umask(before);
    if (ret < 0 || listen(b->listener, SOMAXCONN) < 0)
        return err_set(e, STATUS_UNAVAILABLE, errno, "listen on '%s'", text);
    a->len = sizeof a->sa;
    getsockname(b->listener, &a->sa.any, &a->len);
    return 0;
}

/* --- links ----------------------------------------------------------------------------------- */

static void add_link(struct bridge *b, int fd)
{
    struct link *l = &b->links[b->count++];

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    l->client = fd;
    target_begin(&l->dial, &b->ctl->target);
}

static void accept_all(struct bridge *b)
{
    while (b->count < b->max) {
        struct address from = {.len = sizeof from.sa};
        int fd = RETRY_EINTR(accept4(b->listener, &from.sa.any, &from.len, SOCK_CLOEXEC | SOCK_NONBLOCK));

        if (fd < 0) {
            if (errno != EAGAIN && errno != ECONNABORTED)
                b->accept_ms = clock_mono_ms() + PAUSE_MS;
            return;
        }
        add_link(b, fd);
    }
}

static void close_link(struct link *l)
{
    if (l->client < 0) {
        relay_close(&l->relay);
        return;
    }
    fd_close(&l->dial.fd);
    fd_close(&l->client);
}

/* Goes on with the dial. Returns false when the link is to be closed. */
static bool dial(struct link *l)
{
    struct err e;
    int ret = target_go_on(&l->dial, &e);

    if (ret == 0)
        return true;
    if (ret < 0) {
        ctl_fail(0, &e);
        return false;
    }
    setsockopt(l->dial.fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return relay_open(&l->relay, fd_take(&l->client), fd_take(&l->dial.fd)) == 0;
}

/* --- the loop -------------------------------------------------------------------------------- */

/* What to wait for: p[0] signals, p[1] the listener, then two for each link. Returns for how many ms at most, or -1. */
static int prepare(const struct bridge *b, struct pollfd *p)
{
    uint64_t now = clock_mono_ms(), wake = UINT64_MAX;

    p[0] = (struct pollfd){.fd = b->signal_fd, .events = POLLIN};
    p[1] =
        (struct pollfd){.fd = b->count < b->max && now >= b->accept_ms ? b->listener : -1, .events = POLLIN};
    if (now < b->accept_ms)
        wake = b->accept_ms;
    for (size_t i = 0; i < b->count; i++) {
        const struct link *l = &b->links[i];
        struct pollfd *of_link = p + 2 + 2 * i;

        if (l->client < 0) {
            relay_poll(&l->relay, of_link);
            continue;
        }
        of_link[0] = (struct pollfd){.fd = l->dial.fd, .events = l->dial.events};
        of_link[1] = (struct pollfd){.fd = -1};
        wake = MIN(wake, l->dial.wake_ms);
    }
    return wake == UINT64_MAX ? -1 : wake > now ? (int)(wake - now) : 0;
}

static int run(struct bridge *b)
{
    static struct pollfd p[2 + 2 * LINKS_MAX];

    for (;;) {
        int timeout = prepare(b, p);
        size_t kept = 0;

        if (poll(p, 2 + 2 * b->count, timeout) < 0 && errno != EINTR)
            return ctl_say(CTL_FAILED, "poll: %s", errno_text(errno));
        if (p[0].revents)
            return CTL_OK;
        for (size_t i = 0; i < b->count; i++) {
            struct link *l = &b->links[i];

            if (l->client < 0 ? relay_move(&l->relay, p + 2 + 2 * i) : dial(l))
                b->links[kept++] = *l;
            else
                close_link(l);
        }
        b->count = kept;
        if (p[1].revents)
            accept_all(b);
    }
}

static int watch_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* As many links as there may be descriptors for. */
static size_t links_allowed(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return LINKS_MAX;
    limit.rlim_cur = MIN(limit.rlim_max, 2 * LINKS_MAX + OWN_FDS);
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > OWN_FDS + 2 ? (size_t)(limit.rlim_cur - OWN_FDS) / 2 : 1;
}

int verb_bridge(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    static struct bridge b;
    struct options o = ctl_options(v, argc, argv);
    char text[ADDRESS_TEXT_MAX];
    const char *value;
    bool open = false;
    struct err e;
    int id, code;

    while ((id = options_next(&o, &value, &e)) > 0)
        open = true;
    if (id == OPTIONS_ERROR)
        return ctl_fail(CTL_USAGE, &e);
    if (argc - o.at != 1)
        return ctl_usage(v, CTL_USAGE, argc == o.at ? "no address is given" : "one address at a time");
    b = (struct bridge){.ctl = c, .listener = -1, .max = links_allowed()};
    if (address_parse(argv[o.at], &b.address, &e) < 0)
        return ctl_fail(CTL_USAGE, &e);
    if (b.address.transport == TRANSPORT_VSOCK)
        return ctl_usage(v, CTL_USAGE, "it listens on tcp or unix");
    if (!open && !is_own_machine(&b.address))
        return ctl_usage(v, CTL_USAGE, "others than this machine can connect there (--open: they may)");
    b.signal_fd = watch_signals();
    if (listen_at(&b, argv[o.at], &e) < 0) {
        code = ctl_fail(CTL_FAILED, &e);
    } else {
        address_text(&b.address, text);
        puts(text);
        fflush(stdout);
        code = run(&b);
        if (b.address.transport == TRANSPORT_UNIX)
            unlink(b.address.sa.un.sun_path);
    }
    for (size_t i = 0; i < b.count; i++)
        close_link(&b.links[i]);
    fd_close(&b.listener);
    fd_close(&b.signal_fd);
    return code;
}
