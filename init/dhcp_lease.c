#include "init/dhcp_lease.h"

#include <linux/rtnetlink.h>

#include "init/rtnl.h"

_Static_assert(offsetof(struct dhcp_lease, renew_s) == sizeof(struct in_addr) * (2 + DHCP_DNS_MAX) +
                                                           sizeof(struct dhcp_route) * DHCP_ROUTES_MAX + 16 +
                                                           320,
               "without holes, its bytes can be compared");

/* Everything but the times, which stand at its end. */
bool dhcp_lease_is_same(const struct dhcp_lease *a, const struct dhcp_lease *b)
{
    return memcmp(a, b, offsetof(struct dhcp_lease, renew_s)) == 0;
}

static struct config_prefix prefix_of(struct in_addr a, uint32_t bits)
{
    struct config_prefix p = {.family = AF_INET, .bits = bits};

    memcpy(p.addr, &a, sizeof a);
    return p;
}

static bool is_near(const struct dhcp_lease *lease, struct in_addr a)
{
    uint32_t mask = lease->bits ? htonl(UINT32_MAX << (32 - lease->bits)) : 0;

    return ((a.s_addr ^ lease->address.s_addr) & mask) == 0;
}

static void add_route(struct rtnl *r, struct rtnl_object of, const struct dhcp_lease *lease,
                      const struct dhcp_route *to)
{
    struct config_prefix from = prefix_of(lease->address, 32);
    struct config_route route = {
        .to = prefix_of(to->to, to->bits), .has_via = to->via.s_addr != 0, .via = prefix_of(to->via, 32)};

    rtnl_add_route(
        r, of,
        &(struct rtnl_route){
            .route = &route, .from = &from, .on_link = !is_near(lease, to->via), .origin = RTPROT_DHCP});
}

void dhcp_lease_add(const struct dhcp_lease *lease, const struct rtnl_link *link, bool take_mtu,
                    void (*failed)(void *arg, const struct err *e), void *arg)
{
    struct config_prefix address = prefix_of(lease->address, lease->bits);
    struct rtnl_object of = {link->index, link->name};
    struct rtnl r;
    struct err e;

    if (rtnl_open(&r, 0, failed, arg, &e) < 0) {
        failed(arg, &e);
        return;
    }
    if (take_mtu && lease->mtu > 0)
        rtnl_link_up(&r, of, lease->mtu);
    rtnl_add_address(&r, of, &address);
    for (uint32_t i = 0; i < lease->route_count; i++)
        add_route(&r, of, lease, &lease->routes[i]);
    rtnl_close(&r);
}

void dhcp_lease_remove(const struct dhcp_lease *lease, const struct rtnl_link *link,
                       void (*failed)(void *arg, const struct err *e), void *arg)
{
    struct config_prefix address = prefix_of(lease->address, lease->bits);
    struct rtnl r;
    struct err e;

    if (rtnl_open(&r, 0, failed, arg, &e) < 0) {
        failed(arg, &e);
        return;
    }
    rtnl_remove_address(&r, (struct rtnl_object){link->index, link->name}, &address);
    rtnl_close(&r);
}
