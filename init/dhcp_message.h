/* The messages of DHCPv4: what a client sends, and what it takes of a server's answer. Reading is bounded by the bytes that are
 * there; what an option says wrongly is left out, and an answer without what a lease needs is none.
 *
 * Sources: RFC 2131, RFC 2132 (options), RFC 3396 (long options), RFC 3442 (classless routes). */
#ifndef INIT_DHCP_MESSAGE_H
#define INIT_DHCP_MESSAGE_H

#include <netinet/in.h>

#include "core/base.h"
#include "init/rtnl_wire.h"

enum { DHCP_SERVER_PORT = 67, DHCP_CLIENT_PORT = 68 };

#define DHCP_MESSAGE_MAX 1500 /* what we take; told to the server in option 57, less the headers */
#define DHCP_PACKET_MAX  320  /* what we send: a message with its IP and UDP headers */
#define DHCP_DNS_MAX     3    /* as many as resolv.conf(5) has */
#define DHCP_ROUTES_MAX  16   /* of one lease; more are left out */
#define DHCP_FOREVER     UINT32_MAX

enum dhcp_type { DHCP_DISCOVER = 1, DHCP_OFFER, DHCP_REQUEST, DHCP_DECLINE, DHCP_ACK, DHCP_NAK };

struct dhcp_route {
    struct in_addr to, via; /* via 0.0.0.0: it is on the link */
    uint32_t bits;
};

/* What a server grants. */
struct dhcp_lease {
    struct in_addr address, server;
    uint32_t bits; /* of the address's network part */
    uint32_t mtu;  /* bytes; 0: nothing is said */
    uint32_t dns_count, route_count;
    struct in_addr dns[DHCP_DNS_MAX];
    struct dhcp_route routes[DHCP_ROUTES_MAX];
    char hostname[65], domain[255]; /* letters, digits, '-', '_' and '.'; "" when nothing is said */
    /* From the request on, in seconds; DHCP_FOREVER: without end. renew < rebind < end. */
    uint32_t renew_s, rebind_s, end_s;
};

/* What a client says. */
struct dhcp_request {
    enum dhcp_type type; /* DHCP_DISCOVER or DHCP_REQUEST */
    uint32_t xid;
    uint16_t secs; /* since it began */
    uint8_t mac[RTNL_MAC];
    struct in_addr own;       /* 0.0.0.0 while it has none */
    struct in_addr wanted;    /* 0.0.0.0: any */
    struct in_addr server_id; /* 0.0.0.0: any */
};

/* Writes the message. Returns its length, which is below DHCP_PACKET_MAX. */
size_t dhcp_write(const struct dhcp_request *r, uint8_t out[DHCP_PACKET_MAX]);

/* The same as a broadcast IP packet of a host without an address. */
size_t dhcp_write_packet(const struct dhcp_request *r, uint8_t out[DHCP_PACKET_MAX]);

/* Finds the message in an IP packet to the client's port. Returns whether there is one. */
bool dhcp_unwrap(struct bytes packet, struct bytes *message);

/* Reads an answer to `xid` and `mac`. Returns its type (DHCP_OFFER, DHCP_ACK with *lease, DHCP_NAK), or 0 when it is none of
 * those, or not for us. */
int dhcp_read(struct bytes message, uint32_t xid, const uint8_t mac[RTNL_MAC], struct dhcp_lease *lease);

#endif
