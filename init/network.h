/* The guest's interfaces. lo and what is there come up before the agent listens; an interface that is not there yet is waited for
 * while it serves, by the kernel's events, and DHCP runs then.
 *
 * An interface: missing -> (its RTM_NEWLINK) -> up, with its addresses and routes -> perhaps a DHCP client, which lives as long as
 * the agent. When none is missing any more, or NET_WAIT_MS have passed, the events are not listened to any longer: then there
 * is neither a descriptor nor a timer of ours. */
#ifndef INIT_NETWORK_H
#define INIT_NETWORK_H

#include "core/limits.h"
#include "guest/boot.h"
#include "init/config.h"
#include "init/dhcp.h"
#include "init/rtnl.h"

struct network_port {
    struct network *network;
    const struct config_net *net;
    struct rtnl_link link; /* index 0: it is missing */
    struct dhcp dhcp;
};

struct network {
    struct boot *boot;
    unsigned count, missing;
    struct loop *loop; /* NULL: not serving yet */
    struct rtnl events;
    ev_io readable;
    ev_timer patience;
    /* A DHCP client's address is there and its routes are; NULL: nobody asks. */
    void (*leased)(void *arg, const struct dhcp_lease *lease);
    void *arg;
    struct network_port ports[NET_PORTS_MAX];
};

/* Brings lo up, and those of the configured interfaces that are there. *n is all zero: to write the ports, which most
 * guests have none of, would cost each guest their pages. */
void network_up(struct network *n, const struct config *c, struct boot *boot);

/* Waits for the others, and starts the DHCP clients. */
void network_serve(struct network *n, struct loop *loop,
                   void (*leased)(void *arg, const struct dhcp_lease *lease), void *arg);

#endif
