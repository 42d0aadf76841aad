/* The sockets of a DHCP client: one for packets while the interface has no address, one of UDP when it has. Both are bound to the
 * interface, do not block, and let through only what comes to the client's port.
 *
 * Sources: packet(7), socket(7), Documentation/networking/filter.rst. */
#ifndef INIT_DHCP_SOCKET_H
#define INIT_DHCP_SOCKET_H

#include "core/err.h"
#include "init/dhcp_message.h"

/* Opens the socket for packets. Returns it, or -1 with *e. */
MUST_CHECK int dhcp_open_packet(int ifindex, struct err *e);

/* Opens the UDP socket on the interface of that name. Returns it, or -1 with *e. */
MUST_CHECK int dhcp_open_udp(const char *dev, struct err *e);

/* Sends a request: by the packet socket to all on the link, by the UDP socket to `to`. Returns 0, or -1 with errno. */
MUST_CHECK int dhcp_send_packet(int fd, int ifindex, const struct dhcp_request *r);
MUST_CHECK int dhcp_send_udp(int fd, struct in_addr to, const struct dhcp_request *r);

#endif
