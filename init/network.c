#include "init/network.h"

#include <arpa/inet.h>
#include <stdio.h>

#include <linux/if_arp.h>
#include <linux/rtnetlink.h>

static void complain(void *arg, const struct err *e)
{
    struct network *n = arg;

    boot_problem(n->boot, "network: %s", e->text);
}

/* --- one interface --------------------------------------------------------------------------- */

static bool is_named(const struct config_net *net, const struct rtnl_link *link)
{
    char mac[18];

    if (strcmp(net->name, link->name) == 0)
        return true;
    snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", link->mac[0], link->mac[1], link->mac[2],
             link->mac[3], link->mac[4], link->mac[5]);
    return link->has_mac && strcasecmp(net->name, mac) == 0;
}

static bool takes_any(const struct config_net *net)
{
    return strcmp(net->name, "*") == 0;
}

/* The port that a link is for: one that names it, or else one that takes any. NULL: none, or it has it already. */
static struct network_port *port_for(struct network *n, const struct rtnl_link *link)
{
    struct network_port *any = NULL;

    for (unsigned i = 0; i < n->count; i++) {
        struct network_port *p = &n->ports[i];

        if (p->link.index == link->index)
            return NULL;
        if (is_named(p->net, link))
            return p->link.index == 0 ? p : NULL;
        if (!any && p->link.index == 0 && takes_any(p->net) && link->type == ARPHRD_ETHER)
            any = p;
    }
    return any;
}

static void on_link(void *arg, const struct rtnl_link *link)
{
    struct network *n = arg;
    struct network_port *p = port_for(n, link);

    if (!p)
        return;
    p->link = *link;
    n->missing--;
}

/* Whether the address lies in the network of one of the interface's own. */
static bool is_near(const struct config_net *net, const struct config_prefix *address)
{
    for (const struct config_prefix *own = net->addresses; own; own = own->next) {
        unsigned bytes = own->bits / 8, bits = own->bits % 8;

        if (own->family == address->family && memcmp(own->addr, address->addr, bytes) == 0 &&
            (bits == 0 || ((own->addr[bytes] ^ address->addr[bytes]) >> (8 - bits)) == 0))
            return true;
    }
    return false;
}

static void set_up(struct rtnl *r, struct network_port *p)
{
    struct rtnl_object of = {p->link.index, p->link.name};

    rtnl_link_up(r, of, p->net->mtu);
    for (const struct config_prefix *a = p->net->addresses; a; a = a->next)
        rtnl_add_address(r, of, a);
    for (const struct config_route *route = p->net->routes; route; route = route->next)
        rtnl_add_route(r, of,
                       &(struct rtnl_route){.route = route,
                                            .on_link = !is_near(p->net, &route->via),
                                            .origin = RTPROT_STATIC});
}

/* --- before the agent listens ---------------------------------------------------------------- */

static void take_config(struct network *n, const struct config *c)
{
    for (const struct config_net *net = c->nets; net; net = net->next) {
        if (n->count == NET_PORTS_MAX) {
            boot_problem(n->boot, "network: net %s: there are more than %d", net->name, NET_PORTS_MAX);
            continue;
        }
        n->ports[n->count++] = (struct network_port){.network = n, .net = net};
    }
    n->missing = n->count;
}

void network_up(struct network *n, const struct config *c, struct boot *boot)
{
    struct rtnl r;
    struct err e;

    n->boot = boot;
    n->events.fd = -1;
    take_config(n, c);
    if (rtnl_open(&r, 0, complain, n, &e) < 0) {
        complain(n, &e);
        return;
    }
    if (n->count > 0 && rtnl_links(&r, on_link, n, &e) < 0)
        complain(n, &e);
    rtnl_link_up(&r, (struct rtnl_object){RTNL_LO, "lo"}, 0);
    for (unsigned i = 0; i < n->count; i++)
        if (n->ports[i].link.index != 0)
            set_up(&r, &n->ports[i]);
    rtnl_close(&r);
}

/* --- while it serves ------------------------------------------------------------------------- */

static void on_leased(struct dhcp *d)
{
    struct network_port *p = CONTAINER_OF(d, struct network_port, dhcp);

    p->network->leased(p->network->arg, &d->lease);
}

static void on_dhcp_problem(struct dhcp *d, const struct err *e)
{
    struct network_port *p = CONTAINER_OF(d, struct network_port, dhcp);

    boot_problem(p->network->boot, "DHCP on %s: %s", p->link.name, e->text);
}

/* The interface is up. */
static void serve_port(struct network_port *p)
{
    static const struct dhcp_events events = {on_leased, on_dhcp_problem};

    if (p->net->dhcp)
        dhcp_start(&p->dhcp, p->network->loop, &p->link, p->net->mtu == 0, &events);
}

static void stop_waiting(struct network *n)
{
    ev_timer_stop(n->loop->ev, &n->patience);
    ev_io_stop(n->loop->ev, &n->readable);
    loop_close_fd(n->loop, &n->events.fd);
}

/* A link came that we wait for: it and perhaps others. */
static void on_late_link(void *arg, const struct rtnl_link *link)
{
    struct network *n = arg;
    struct network_port *p = port_for(n, link);
    struct rtnl r;
    struct err e;

    on_link(n, link);
    if (!p)
        return;
    if (rtnl_open(&r, 0, complain, n, &e) < 0) {
        complain(n, &e);
        return;
    }
    set_up(&r, p);
    rtnl_close(&r);
    serve_port(p);
}

static void on_events(struct ev_loop *ev, ev_io *w, int revents)
{
    struct network *n = CONTAINER_OF(w, struct network, readable);
    struct err e;

    (void)ev;
    (void)revents;
    if (rtnl_events(&n->events, on_late_link, n) && rtnl_links(&n->events, on_late_link, n, &e) < 0)
        complain(n, &e);
    if (n->missing == 0)
        stop_waiting(n);
}

static void on_patience(struct ev_loop *ev, ev_timer *w, int revents)
{
    struct network *n = CONTAINER_OF(w, struct network, patience);

    (void)ev;
    (void)revents;
    for (unsigned i = 0; i < n->count; i++)
        if (n->ports[i].link.index == 0)
            boot_problem(n->boot, "network: net %s: there is no such interface", n->ports[i].net->name);
    stop_waiting(n);
}

/* Listens first and asks then, so that none comes in between. */
static void wait_for_missing(struct network *n)
{
    struct err e;

    ev_init(&n->patience, on_patience);
    if (rtnl_open(&n->events, RTMGRP_LINK, complain, n, &e) < 0) {
        complain(n, &e);
        return;
    }
    ev_io_init(&n->readable, on_events, n->events.fd, EV_READ);
    ev_io_start(n->loop->ev, &n->readable);
    loop_timer(n->loop, &n->patience, NET_WAIT_MS);
    if (rtnl_links(&n->events, on_late_link, n, &e) < 0)
        complain(n, &e);
    if (n->missing == 0)
        stop_waiting(n);
}

void network_serve(struct network *n, struct loop *loop,
                   void (*leased)(void *arg, const struct dhcp_lease *lease), void *arg)
{
    n->loop = loop;
    n->leased = leased;
    n->arg = arg;
    for (unsigned i = 0; i < n->count; i++)
        if (n->ports[i].link.index != 0)
            serve_port(&n->ports[i]);
    if (n->missing > 0)
        wait_for_missing(n);
}
