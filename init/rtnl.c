#include "init/rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "core/fd.h"

enum {
    DATAGRAM = 32 * 1024, /* the kernel makes none larger for a listing (af_netlink.c, netlink_dump) */
    ANSWER = 4 * 1024,    /* nor for an answer: our request, and why it failed (netlink_ack) */
};

_Static_assert((size_t)RTNL_QUEUED *RTNL_REQUEST_MAX <= sizeof((struct rtnl_out){0}.bytes),
               "all requests fit");

int rtnl_open(struct rtnl *r, unsigned groups, void (*failed)(void *arg, const struct err *e), void *arg,
              struct err *e)
{
    struct sockaddr_nl self = {.nl_family = AF_NETLINK, .nl_groups = groups};

    r->seq = r->count = 0;
    r->out.len = r->out.last = 0;
    r->failed = failed;
    r->arg = arg;
    r->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (r->fd < 0)
        return err_set(e, STATUS_INTERNAL, errno, "rtnetlink");
    /* Without the explanations of the kernel there is still an errno. */
    setsockopt(r->fd, SOL_NETLINK, NETLINK_EXT_ACK, &(int){1}, sizeof(int));
    if (groups && bind(r->fd, (struct sockaddr *)&self, sizeof self) < 0) {
        err_set(e, STATUS_INTERNAL, errno, "rtnetlink: listen to events");
        fd_close(&r->fd);
        return -1;
    }
    return 0;
}

void rtnl_close(struct rtnl *r)
{
    rtnl_flush(r);
    fd_close(&r->fd);
}

/* --- requests -------------------------------------------------------------------------------- */

/* Begins a request; the format names its object. `fine`: the errno that is no failure. */
static void PRINTF_LIKE(7, 8) begin(struct rtnl *r, unsigned type, unsigned flags, const void *fixed,
                                    size_t size, int fine, const char *fmt, ...)
{
    va_list args;

    if (r->count == RTNL_QUEUED)
        rtnl_flush(r);
    rtnl_begin(&r->out, type, flags, ++r->seq, fixed, size);
    r->queued[r->count].fine = fine;
    va_start(args, fmt);
    vsnprintf(r->queued[r->count].what, sizeof r->queued->what, fmt, args);
    va_end(args);
    r->count++;
}

static size_t width(const struct config_prefix *p)
{
    return p->family == AF_INET ? 4 : 16;
}

struct prefix_text {
    char text[INET6_ADDRSTRLEN + 4];
};

static struct prefix_text text_of(const struct config_prefix *p)
{
    struct prefix_text t;
    char address[INET6_ADDRSTRLEN] = "";

    inet_ntop(p->family, p->addr, address, sizeof address);
    snprintf(t.text, sizeof t.text, "%s/%u", address, p->bits);
    return t;
}

void rtnl_link_up(struct rtnl *r, struct rtnl_object of, unsigned mtu)
{
    struct ifinfomsg info = {.ifi_index = of.index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

    /* The MTU by itself: an interface that refuses it comes up all the same. */
    if (mtu > 0) {
        begin(r, RTM_NEWLINK, 0, &(struct ifinfomsg){.ifi_index = of.index}, sizeof info, 0,
              "set the MTU of %s to %u", of.dev, mtu);
        rtnl_put(&r->out, IFLA_MTU, &(uint32_t){mtu}, sizeof(uint32_t));
    }
    begin(r, RTM_NEWLINK, 0, &info, sizeof info, 0, "bring %s up", of.dev);
}

static void put_address(struct rtnl *r, const struct config_prefix *a)
{
    rtnl_put(&r->out, IFA_LOCAL, a->addr, width(a));
    rtnl_put(&r->out, IFA_ADDRESS, a->addr, width(a));
}

void rtnl_add_address(struct rtnl *r, struct rtnl_object of, const struct config_prefix *a)
{
    struct ifaddrmsg info = {.ifa_family = (uint8_t)a->family,
                             .ifa_prefixlen = (uint8_t)a->bits,
                             .ifa_flags = IFA_F_PERMANENT,
                             .ifa_index = (unsigned)of.index};
    struct in_addr broadcast;

    if (a->family == AF_INET6)
        info.ifa_flags |= IFA_F_NODAD;
    else if (a->addr[0] == 127)
        info.ifa_scope = RT_SCOPE_HOST;
    begin(r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info, EEXIST, "add address %s to %s",
          text_of(a).text, of.dev);
    put_address(r, a);
    if (a->family == AF_INET && a->bits < 31) { /* RFC 3021: of two addresses none is for all */
        memcpy(&broadcast, a->addr, sizeof broadcast);
        broadcast.s_addr |= htonl(UINT32_MAX >> a->bits);
        rtnl_put(&r->out, IFA_BROADCAST, &broadcast, sizeof broadcast);
    }
}

void rtnl_remove_address(struct rtnl *r, struct rtnl_object of, const struct config_prefix *a)
{
    struct ifaddrmsg info = {
        .ifa_family = (uint8_t)a->family, .ifa_prefixlen = (uint8_t)a->bits, .ifa_index = (unsigned)of.index};

    begin(r, RTM_DELADDR, 0, &info, sizeof info, EADDRNOTAVAIL, "remove address %s from %s", text_of(a).text,
          of.dev);
    put_address(r, a);
}

void rtnl_add_route(struct rtnl *r, struct rtnl_object of, const struct rtnl_route *route)
{
    const struct config_route *to = route->route;
    struct rtmsg info = {.rtm_family = (uint8_t)to->to.family,
                         .rtm_dst_len = (uint8_t)to->to.bits,
                         .rtm_table = RT_TABLE_MAIN,
                         .rtm_protocol = route->origin,
                         .rtm_scope =
                             to->has_via || to->to.family == AF_INET6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
                         .rtm_type = RTN_UNICAST,
                         .rtm_flags = to->has_via && route->on_link ? RTNH_F_ONLINK : 0};
    uint32_t metric = to->metric;

    begin(r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info, EEXIST, "add route %s%s%.*s on %s",
          to->to.bits ? text_of(&to->to).text : "default", to->has_via ? " via " : "",
          (int)strcspn(text_of(&to->via).text, "/") * to->has_via, text_of(&to->via).text, of.dev);
    if (to->to.bits > 0)
        rtnl_put(&r->out, RTA_DST, to->to.addr, width(&to->to));
    if (to->has_via)
        rtnl_put(&r->out, RTA_GATEWAY, to->via.addr, width(&to->via));
    rtnl_put(&r->out, RTA_OIF, &of.index, sizeof of.index);
    if (metric > 0)
        rtnl_put(&r->out, RTA_PRIORITY, &metric, sizeof metric);
    if (route->from)
        rtnl_put(&r->out, RTA_PREFSRC, route->from->addr, width(route->from));
}

/* --- answers --------------------------------------------------------------------------------- */

/* Reads a datagram of the kernel. Returns its length, or -1 with errno: EAGAIN when there is none. */
static ssize_t receive(struct rtnl *r, char *in, size_t room)
{
    struct sockaddr_nl from = {0};
    struct iovec iov = {in, room};
    struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;

    do
        n = RETRY_EINTR(recvmsg(r->fd, &m, 0));
    while (n >= 0 && from.nl_pid != 0); /* anybody may write to us; the kernel is 0 (netlink(7)) */
    if (n >= 0 && (m.msg_flags & MSG_TRUNC)) {
        errno = EMSGSIZE;
        return -1;
    }
    return n;
}

static void fail(struct rtnl *r, int errnum, const char *what, struct bytes text)
{
    struct err e;

    err_set(&e, STATUS_INTERNAL, errnum, "%s%s%.*s", what, text.len ? ": " : "", (int)text.len, text.ptr);
    r->failed(r->arg, &e);
}

/* Takes the answers of a datagram. Returns whether the last request is answered. */
static bool take_answers(struct rtnl *r, struct bytes in)
{
    uint32_t first = r->seq - r->count + 1;
    struct rtnl_message m;
    bool last = false;
    ssize_t eaten;

    for (; (eaten = rtnl_next(in, &m)) > 0; in.ptr += eaten, in.len -= (size_t)eaten) {
        struct bytes text;
        int errnum;

        if (m.seq - first >= r->count || rtnl_read_error(&m, &errnum, &text) < 0)
            continue;
        last |= m.seq == r->seq;
        if (errnum != 0 && errnum != r->queued[m.seq - first].fine)
            fail(r, errnum, r->queued[m.seq - first].what, text);
    }
    return last;
}

/* Only the last request asks for an answer; of the others the kernel tells failures all the same (netlink_rcv_skb). */
void rtnl_flush(struct rtnl *r)
{
    char in[ANSWER];
    ssize_t n;

    if (r->count == 0)
        return;
    rtnl_last(&r->out)->nlmsg_flags |= NLM_F_ACK;
    n = RETRY_EINTR(send(r->fd, r->out.bytes, r->out.len, 0));
    while (n >= 0 && (n = receive(r, in, sizeof in)) >= 0 && !take_answers(r, (struct bytes){in, (size_t)n}))
        ;
    if (n < 0)
        fail(r, errno, "rtnetlink", (struct bytes){"", 0});
    r->count = 0;
    r->out.len = r->out.last = 0;
}

/* Takes the links of a datagram. Returns whether the list ends with it. */
static bool take_links(struct bytes in, void (*each)(void *arg, const struct rtnl_link *link), void *arg)
{
    struct rtnl_message m;
    struct rtnl_link link;
    bool end = false;
    ssize_t eaten;

    for (; (eaten = rtnl_next(in, &m)) > 0; in.ptr += eaten, in.len -= (size_t)eaten) {
        end |= m.type == NLMSG_DONE || m.type == NLMSG_ERROR;
        if (rtnl_read_link(&m, &link) == 0)
            each(arg, &link);
    }
    return end;
}

int rtnl_links(struct rtnl *r, void (*each)(void *arg, const struct rtnl_link *link), void *arg,
               struct err *e)
{
    struct rtnl_out ask = {.len = 0};
    char in[DATAGRAM];
    ssize_t n;

    rtnl_begin(&ask, RTM_GETLINK, NLM_F_DUMP, ++r->seq, &(struct ifinfomsg){0}, sizeof(struct ifinfomsg));
    rtnl_put(&ask, IFLA_EXT_MASK, &(uint32_t){RTEXT_FILTER_SKIP_STATS}, sizeof(uint32_t));
    n = RETRY_EINTR(send(r->fd, ask.bytes, ask.len, 0));
    while (n >= 0 && (n = receive(r, in, sizeof in)) >= 0 &&
           !take_links((struct bytes){in, (size_t)n}, each, arg))
        ;
    return n < 0 ? err_set(e, STATUS_INTERNAL, errno, "rtnetlink: list the interfaces") : 0;
}

bool rtnl_events(struct rtnl *r, void (*each)(void *arg, const struct rtnl_link *link), void *arg)
{
    char in[DATAGRAM];
    ssize_t n;

    while ((n = receive(r, in, sizeof in)) >= 0)
        take_links((struct bytes){in, (size_t)n}, each, arg);
    return errno != EAGAIN;
}
