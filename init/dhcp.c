#include "init/dhcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "core/clock.h"
#include "core/fd.h"
#include "core/limits.h"
#include "core/log.h"
#include "init/dhcp_lease.h"
#include "init/dhcp_socket.h"

static void on_readable(struct ev_loop *ev, ev_io *w, int revents);

/* Differs from guest to guest and from time to time; that nobody can guess it is not asked for (RFC 2131 4.1). */
static uint32_t chance(const struct dhcp *d)
{
    uint32_t n;

    if (getrandom(&n, sizeof n, GRND_NONBLOCK) != sizeof n) {
        memcpy(&n, d->link->mac + RTNL_MAC - sizeof n, sizeof n);
        n = (n ^ (uint32_t)clock_mono_ns()) * 2654435761u;
    }
    return n;
}

static bool has_socket_for_packets(const struct dhcp *d)
{
    return d->state == DHCP_SELECTING || d->state == DHCP_REQUESTING;
}

/* --- sending --------------------------------------------------------------------------------- */

static void close_socket(struct dhcp *d)
{
    if (d->fd < 0)
        return;
    ev_io_stop(d->loop->ev, &d->readable);
    loop_close_fd(d->loop, &d->fd);
}

static int open_socket(struct dhcp *d, struct err *e)
{
    if (d->fd >= 0)
        return 0;
    d->fd = has_socket_for_packets(d) ? dhcp_open_packet(d->link->index, e) : dhcp_open_udp(d->link->name, e);
    if (d->fd < 0)
        return -1;
    ev_io_init(&d->readable, on_readable, d->fd, EV_READ);
    ev_io_start(d->loop->ev, &d->readable);
    return 0;
}

/* What this state has to say (RFC 2131, table 5). */
static struct dhcp_request request_of(const struct dhcp *d)
{
    struct dhcp_request r = {.type = d->state == DHCP_SELECTING ? DHCP_DISCOVER : DHCP_REQUEST,
                             .xid = d->xid,
                             .secs = (uint16_t)MIN((clock_mono_ms() - d->began_ms) / 1000, 0xffffu)};

    memcpy(r.mac, d->link->mac, RTNL_MAC);
    if (d->state == DHCP_REQUESTING) {
        r.wanted = d->offer.address;
        r.server_id = d->offer.server;
    } else if (d->state != DHCP_SELECTING) {
        r.own = d->lease.address;
    }
    return r;
}

static int send_request(struct dhcp *d, struct err *e)
{
    struct dhcp_request r = request_of(d);
    struct in_addr to = {d->state == DHCP_RENEWING ? d->lease.server.s_addr : htonl(INADDR_BROADCAST)};
    int result;

    if (open_socket(d, e) < 0)
        return -1;
    result = has_socket_for_packets(d) ? dhcp_send_packet(d->fd, d->link->index, &r)
                                       : dhcp_send_udp(d->fd, to, &r);
    return result < 0 ? err_set(e, STATUS_UNAVAILABLE, errno, "send") : 0;
}

/* RFC 2131 4.1: twice as long each time, and not all at the same moment. */
static uint64_t pause_ms(const struct dhcp *d)
{
    uint64_t ms = MIN((uint64_t)DHCP_RETRY_MS << MIN(d->tries, 16u), (uint64_t)DHCP_RETRY_MAX_MS);

    return ms - ms / 4 + chance(d) % (ms / 2);
}

/* RFC 2131 4.4.5: half of what is left until the next state, but not more often than once a minute. */
static uint64_t renewal_pause_ms(const struct dhcp *d)
{
    uint64_t until = (d->state == DHCP_RENEWING ? d->lease.rebind_s : d->lease.end_s) * (uint64_t)1000;
    uint64_t age = clock_mono_ms() - d->leased_ms, left = until > age ? until - age : 0;

    return MIN(MAX(left / 2, (uint64_t)DHCP_RENEW_MS), left);
}

/* Says what this state has to say, and sets the timer for the next time. */
static void ask(struct dhcp *d)
{
    uint64_t ms = has_socket_for_packets(d) ? pause_ms(d) : renewal_pause_ms(d);
    struct err e;
    int result;

    d->asked_ms = clock_mono_ms();
    result = send_request(d, &e);
    if (result == 0 && d->tries == DHCP_TRIES_TOLD && d->state == DHCP_SELECTING)
        result = err_set(&e, STATUS_UNAVAILABLE, 0, "no server has answered yet");
    if (result < 0 && !d->told) {
        d->told = true;
        d->events->problem(d, &e);
    }
    d->tries++;
    loop_timer(d->loop, &d->timer, ms);
}

/* --- states ---------------------------------------------------------------------------------- */

static void enter(struct dhcp *d, enum dhcp_state state)
{
    d->state = state;
    d->tries = 0;
}

/* From the beginning, without an address. */
static void begin(struct dhcp *d)
{
    close_socket(d);
    enter(d, DHCP_SELECTING);
    d->xid = chance(d);
    d->began_ms = clock_mono_ms();
}

static void complain(void *arg, const struct err *e)
{
    struct dhcp *d = arg;

    d->events->problem(d, e);
}

static void drop_lease(struct dhcp *d)
{
    if (d->has_lease)
        dhcp_lease_remove(&d->lease, d->link, complain, d);
    d->has_lease = false;
}

static void lose_lease(struct dhcp *d, const char *why)
{
    char address[INET_ADDRSTRLEN] = "";
    struct err e;

    inet_ntop(AF_INET, &d->lease.address, address, sizeof address);
    drop_lease(d);
    err_set(&e, STATUS_UNAVAILABLE, 0, "%s is lost: %s", address, why);
    d->events->problem(d, &e);
    begin(d);
    ask(d);
}

static void set_up(struct dhcp *d, const struct dhcp_lease *lease)
{
    char address[INET_ADDRSTRLEN] = "";

    drop_lease(d);
    d->lease = *lease;
    d->has_lease = true;
    dhcp_lease_add(lease, d->link, d->take_mtu, complain, d);
    inet_ntop(AF_INET, &lease->address, address, sizeof address);
    log_info("dhcp.lease", LOG_STR("network.interface.name", d->link->name),
             LOG_STR("network.local.address", address), LOG_INT("dhcp.lease_s", lease->end_s));
}

/* An ACK. What is as before stays untouched. */
static void bind_lease(struct dhcp *d, const struct dhcp_lease *lease)
{
    bool news = !d->has_lease || !dhcp_lease_is_same(&d->lease, lease);
    uint64_t age;

    close_socket(d);
    if (news)
        set_up(d, lease);
    d->lease = *lease;
    d->told = false;
    d->leased_ms = d->asked_ms;
    enter(d, DHCP_BOUND);
    age = clock_mono_ms() - d->leased_ms;
    if (lease->end_s == DHCP_FOREVER)
        ev_timer_stop(d->loop->ev, &d->timer);
    else
        loop_timer(d->loop, &d->timer, MAX(lease->renew_s * (uint64_t)1000, age + DHCP_LEASE_MIN_MS) - age);
    if (news)
        d->events->leased(d);
}

static void take_message(struct dhcp *d, struct bytes message)
{
    struct dhcp_lease lease;
    int type = dhcp_read(message, d->xid, d->link->mac, &lease);

    if (type == DHCP_OFFER && d->state == DHCP_SELECTING) {
        d->offer = lease;
        enter(d, DHCP_REQUESTING);
        ask(d);
    } else if (type == DHCP_ACK && d->state == DHCP_REQUESTING) {
        if (lease.server.s_addr == d->offer.server.s_addr)
            bind_lease(d, &lease);
    } else if (type == DHCP_ACK && d->state != DHCP_SELECTING) {
        bind_lease(d, &lease);
    } else if (type == DHCP_NAK && d->state == DHCP_REQUESTING) {
        /* The timer goes on: a server that offers what it refuses is asked again after a pause. */
        begin(d);
    } else if (type == DHCP_NAK && d->state != DHCP_SELECTING) {
        lose_lease(d, "the server took it back");
    }
}

static void on_readable(struct ev_loop *ev, ev_io *w, int revents)
{
    struct dhcp *d = CONTAINER_OF(w, struct dhcp, readable);
    char in[DHCP_MESSAGE_MAX];

    (void)ev;
    (void)revents;
    for (int i = 0; i < TURN_MESSAGES && d->fd >= 0; i++) {
        bool packet = has_socket_for_packets(d);
        ssize_t n = RETRY_EINTR(recv(d->fd, in, sizeof in, 0));
        struct bytes message = {in, n > 0 ? (size_t)n : 0};

        if (n < 0) /* nothing more; or an error, as of a link that went down: the timer asks again */
            return;
        if (!packet || dhcp_unwrap(message, &message))
            take_message(d, message);
    }
}

static bool is_past(const struct dhcp *d, uint32_t seconds)
{
    return clock_mono_ms() - d->leased_ms >= seconds * (uint64_t)1000;
}

static void on_timer(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct dhcp *d = CONTAINER_OF(w, struct dhcp, timer);

    (void)ev;
    (void)revents;
    if (d->state == DHCP_REBINDING && is_past(d, d->lease.end_s)) {
        lose_lease(d, "nobody renewed it");
        return;
    }
    if (d->state == DHCP_REQUESTING && d->tries >= DHCP_REQUESTS_MAX)
        begin(d);
    else if (d->state == DHCP_RENEWING && is_past(d, d->lease.rebind_s))
        enter(d, DHCP_REBINDING);
    else if (d->state == DHCP_BOUND) {
        enter(d, DHCP_RENEWING);
        d->xid = chance(d);
        d->began_ms = clock_mono_ms();
    }
    ask(d);
}

void dhcp_start(struct dhcp *d, struct loop *loop, const struct rtnl_link *link, bool take_mtu,
                const struct dhcp_events *events)
{
    *d = (struct dhcp){.loop = loop, .link = link, .take_mtu = take_mtu, .events = events, .fd = -1};
    ev_init(&d->timer, on_timer);
    begin(d);
    ask(d);
}
