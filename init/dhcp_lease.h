/* A lease and its interface: the address, the MTU and the routes are set, and taken back. */
#ifndef INIT_DHCP_LEASE_H
#define INIT_DHCP_LEASE_H

#include "core/err.h"
#include "init/dhcp_message.h"

/* Whether both give the same; their times do not count. */
bool dhcp_lease_is_same(const struct dhcp_lease *a, const struct dhcp_lease *b);

/* Sets the interface up by it. What fails is told, and the rest is done all the same. */
void dhcp_lease_add(const struct dhcp_lease *lease, const struct rtnl_link *link, bool take_mtu,
                    void (*failed)(void *arg, const struct err *e), void *arg);

/* Takes the address away, and with it the routes, whose source it is. */
void dhcp_lease_remove(const struct dhcp_lease *lease, const struct rtnl_link *link,
                       void (*failed)(void *arg, const struct err *e), void *arg);

#endif
