#include "init/dhcp_message.h"

#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

/* The fixed part (RFC 2131 figure 1) up to the options, which begin with the cookie. */
struct head {
    uint8_t op, htype, hlen, hops;
    uint32_t xid;
    uint16_t secs, flags;
    struct in_addr ciaddr, yiaddr, siaddr, giaddr;
    uint8_t chaddr[16];
    char sname[64], file[128];
    uint32_t cookie;
};
_Static_assert(sizeof(struct head) == 240, "no padding");

enum { REQUEST = 1, REPLY = 2 };
static const uint32_t cookie = 0x63825363;

enum option {
    PAD = 0,
    SUBNET_MASK = 1,
    ROUTER = 3,
    DNS = 6,
    HOST_NAME = 12,
    DOMAIN_NAME = 15,
    MTU = 26,
    WANTED_ADDRESS = 50,
    LEASE_TIME = 51,
    OVERLOAD = 52,
    TYPE = 53,
    SERVER_ID = 54,
    WANTED_OPTIONS = 55,
    SIZE_MAX_OPTION = 57,
    RENEW_TIME = 58,
    REBIND_TIME = 59,
    CLASSLESS_ROUTES = 121,
    END = 255
};

/* --- writing --------------------------------------------------------------------------------- */

static uint8_t *put(uint8_t *to, uint8_t option, const void *value, uint8_t size)
{
    *to++ = option;
    *to++ = size;
    memcpy(to, value, size);
    return to + size;
}

static uint8_t *put_address(uint8_t *to, uint8_t option, struct in_addr a)
{
    return a.s_addr ? put(to, option, &a, sizeof a) : to;
}

size_t dhcp_write(const struct dhcp_request *r, uint8_t out[DHCP_PACKET_MAX])
{
    /* The classless routes before the router, as RFC 3442 wants it. */
    static const uint8_t wanted[] = {SUBNET_MASK, CLASSLESS_ROUTES, ROUTER, DNS,
                                     HOST_NAME,   DOMAIN_NAME,      MTU,    LEASE_TIME,
                                     RENEW_TIME,  REBIND_TIME};
    struct head h = {.op = REQUEST,
                     .htype = ARPHRD_ETHER,
                     .hlen = RTNL_MAC,
                     .xid = htonl(r->xid),
                     .secs = htons(r->secs),
                     .ciaddr = r->own,
                     .cookie = htonl(cookie)};
    uint8_t *to = out + sizeof h, type = (uint8_t)r->type;
    uint16_t max = htons(DHCP_MESSAGE_MAX);

    memcpy(h.chaddr, r->mac, RTNL_MAC);
    memcpy(out, &h, sizeof h);
    to = put(to, TYPE, &type, sizeof type);
    to = put_address(to, WANTED_ADDRESS, r->wanted);
    to = put_address(to, SERVER_ID, r->server_id);
    to = put(to, SIZE_MAX_OPTION, &max, sizeof max);
    to = put(to, WANTED_OPTIONS, wanted, sizeof wanted);
    *to++ = END;
    return (size_t)(to - out);
}

/* The checksum of the internet (RFC 1071) over an even number of bytes, but for its complement. */
static uint32_t sum(const void *bytes, size_t len, uint32_t s)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i + 1 < len; i += 2)
        s += (uint32_t)(p[i] << 8 | p[i + 1]);
    return s;
}

static uint16_t checksum(uint32_t s)
{
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return htons((uint16_t)~s);
}

size_t dhcp_write_packet(const struct dhcp_request *r, uint8_t out[DHCP_PACKET_MAX])
{
    uint8_t message[DHCP_PACKET_MAX] = {0};
    uint16_t len = (uint16_t)dhcp_write(r, message), udp_len = (uint16_t)(len + sizeof(struct udphdr));
    struct iphdr ip = {.version = 4,
                       .ihl = sizeof ip / 4,
                       .tot_len = htons((uint16_t)(udp_len + sizeof ip)),
                       .ttl = 64,
                       .protocol = IPPROTO_UDP,
                       .daddr = htonl(INADDR_BROADCAST)};
    struct udphdr udp = {
        .source = htons(DHCP_CLIENT_PORT), .dest = htons(DHCP_SERVER_PORT), .len = htons(udp_len)};
    uint32_t s = sum(&ip.daddr, sizeof ip.daddr, IPPROTO_UDP + udp_len); /* of the pseudo header */

    s = sum(message, (len + 1u) & ~1u, sum(&udp, sizeof udp, s));
    udp.check = checksum(s);
    ip.check = checksum(sum(&ip, sizeof ip, 0));
    memcpy(out, &ip, sizeof ip);
    memcpy(out + sizeof ip, &udp, sizeof udp);
    memcpy(out + sizeof ip + sizeof udp, message, len);
    return sizeof ip + udp_len;
}

/* --- reading --------------------------------------------------------------------------------- */

bool dhcp_unwrap(struct bytes packet, struct bytes *message)
{
    struct iphdr ip;
    struct udphdr udp;
    size_t head, whole;

    if (packet.len < sizeof ip)
        return false;
    memcpy(&ip, packet.ptr, sizeof ip);
    head = (size_t)ip.ihl * 4;
    whole = ntohs(ip.tot_len);
    if (ip.version != 4 || head < sizeof ip || whole < head + sizeof udp || whole > packet.len ||
        ip.protocol != IPPROTO_UDP || (ntohs(ip.frag_off) & (IP_OFFMASK | IP_MF)) ||
        checksum(sum(packet.ptr, head, 0)))
        return false;
    memcpy(&udp, packet.ptr + head, sizeof udp);
    if (ntohs(udp.dest) != DHCP_CLIENT_PORT || ntohs(udp.len) < sizeof udp || ntohs(udp.len) > whole - head)
        return false;
    /* The checksum of UDP is not looked at: a packet of the same machine, as a VMM's, has none yet. */
    *message = (struct bytes){packet.ptr + head + sizeof udp, ntohs(udp.len) - sizeof udp};
    return true;
}

/* An option's value, put together of all its parts (RFC 3396); what is beyond the room is left out. */
struct value {
    uint8_t bytes[512];
    size_t len;
};

/* Adds the parts that lie in an area of options. */
static void gather_in(struct bytes area, uint8_t option, struct value *v)
{
    while (area.len > 0 && (uint8_t)*area.ptr != END) {
        size_t size, n;

        if (*area.ptr == PAD) {
            area.ptr++;
            area.len--;
            continue;
        }
        if (area.len < 2 || (size = (uint8_t)area.ptr[1]) > area.len - 2)
            return;
        n = MIN(size, sizeof v->bytes - v->len);
        if ((uint8_t)*area.ptr == option) {
            memcpy(v->bytes + v->len, area.ptr + 2, n);
            v->len += n;
        }
        area.ptr += 2 + size;
        area.len -= 2 + size;
    }
}

/* The option's value in all areas: behind the cookie, and where option 52 says so in `file` and `sname`. */
static struct value find(struct bytes message, uint8_t option)
{
    struct bytes options = {message.ptr + sizeof(struct head), message.len - sizeof(struct head)};
    struct value v = {.len = 0}, overload = {.len = 0};

    gather_in(options, option, &v);
    gather_in(options, OVERLOAD, &overload);
    if (overload.len == 1 && (overload.bytes[0] & 1))
        gather_in((struct bytes){message.ptr + offsetof(struct head, file), 128}, option, &v);
    if (overload.len == 1 && (overload.bytes[0] & 2))
        gather_in((struct bytes){message.ptr + offsetof(struct head, sname), 64}, option, &v);
    return v;
}

static uint32_t find_u32(struct bytes message, uint8_t option, uint32_t otherwise)
{
    struct value v = find(message, option);
    uint32_t n;

    if (v.len != sizeof n)
        return otherwise;
    memcpy(&n, v.bytes, sizeof n);
    return ntohl(n);
}

static struct in_addr find_address(struct bytes message, uint8_t option)
{
    return (struct in_addr){htonl(find_u32(message, option, 0))};
}

/* A name that may stand in a file of /etc; anything else is "". */
static void find_name(struct bytes message, uint8_t option, char *out, size_t size)
{
    struct value v = find(message, option);

    v.len = strnlen((char *)v.bytes, v.len); /* some servers send a NUL along */
    for (size_t i = 0; i < v.len; i++) {
        char c = (char)v.bytes[i];

        if (hex_digit(c) < 0 && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !strchr("-_.", c))
            return;
    }
    if (v.len >= size || (v.len > 0 && strchr("-.", v.bytes[0])))
        return;
    memcpy(out, v.bytes, v.len);
    out[v.len] = 0;
}

/* Classless routes: a length, as many bytes as it needs, and a router, again and again. */
static void read_classless(const struct value *v, struct dhcp_lease *lease)
{
    for (size_t i = 0; i < v->len && lease->route_count < DHCP_ROUTES_MAX;) {
        unsigned bits = v->bytes[i++], bytes = (bits + 7) / 8;
        struct dhcp_route r = {.bits = bits};

        if (bits > 32 || v->len - i < bytes + 4)
            return;
        memcpy(&r.to, v->bytes + i, bytes);
        memcpy(&r.via, v->bytes + i + bytes, 4);
        r.to.s_addr &= htonl(bits ? UINT32_MAX << (32 - bits) : 0);
        lease->routes[lease->route_count++] = r;
        i += bytes + 4;
    }
}

/* The router counts only where there are no classless routes. */
static void read_routes(struct bytes message, struct dhcp_lease *lease)
{
    struct value v = find(message, CLASSLESS_ROUTES);

    if (v.len > 0) {
        read_classless(&v, lease);
        return;
    }
    v = find(message, ROUTER);
    if (v.len < sizeof(struct in_addr))
        return;
    memcpy(&lease->routes[0].via, v.bytes, sizeof(struct in_addr));
    lease->route_count = lease->routes[0].via.s_addr != 0;
}

static void read_times(struct bytes message, struct dhcp_lease *lease)
{
    uint32_t end = find_u32(message, LEASE_TIME, 0);

    lease->end_s = end;
    lease->rebind_s = find_u32(message, REBIND_TIME, 0);
    lease->renew_s = find_u32(message, RENEW_TIME, 0);
    /* RFC 2131 4.4.5: a half and 7/8 of it, unless the server says other times that make sense. */
    if (lease->renew_s == 0 || lease->renew_s >= lease->rebind_s || lease->rebind_s >= end) {
        lease->renew_s = end / 2;
        lease->rebind_s = end - end / 8;
    }
    if (end == DHCP_FOREVER)
        lease->renew_s = lease->rebind_s = end;
}

/* The network's length by its mask; without a sensible one all of the address: then it is alone on its link. */
static uint32_t read_mask(struct bytes message)
{
    uint32_t host = ~find_u32(message, SUBNET_MASK, UINT32_MAX);

    return (host & (host + 1)) == 0 ? 32 - (uint32_t)__builtin_popcount(host) : 32;
}

/* An address that a host can have. */
static bool is_host(struct in_addr a)
{
    uint32_t n = ntohl(a.s_addr);

    return n >> 24 != 0 && n >> 24 != 127 && n >> 28 < 14;
}

/* Returns whether there is all that a lease needs. */
static bool read_lease(struct bytes message, const struct head *h, struct dhcp_lease *lease)
{
    struct value dns = find(message, DNS), mtu = find(message, MTU);

    *lease = (struct dhcp_lease){.address = h->yiaddr, .server = find_address(message, SERVER_ID)};
    lease->bits = read_mask(message);
    read_times(message, lease);
    read_routes(message, lease);
    for (; lease->dns_count < DHCP_DNS_MAX && ((size_t)lease->dns_count + 1) * 4 <= dns.len;
         lease->dns_count++)
        memcpy(&lease->dns[lease->dns_count], dns.bytes + (size_t)lease->dns_count * 4, 4);
    lease->mtu = mtu.len == 2 ? (uint32_t)(mtu.bytes[0] << 8 | mtu.bytes[1]) : 0;
    if (lease->mtu < 576) /* RFC 791: what every host must take; less is a mistake */
        lease->mtu = 0;
    find_name(message, HOST_NAME, lease->hostname, sizeof lease->hostname);
    find_name(message, DOMAIN_NAME, lease->domain, sizeof lease->domain);
    return is_host(lease->address) && is_host(lease->server) && lease->end_s > 0;
}

int dhcp_read(struct bytes message, uint32_t xid, const uint8_t mac[RTNL_MAC], struct dhcp_lease *lease)
{
    struct head h;
    struct value type;

    if (message.len < sizeof h)
        return 0;
    memcpy(&h, message.ptr, sizeof h);
    if (h.op != REPLY || h.xid != htonl(xid) || h.cookie != htonl(cookie) ||
        memcmp(h.chaddr, mac, RTNL_MAC) != 0)
        return 0;
    type = find(message, TYPE);
    if (type.len != 1)
        return 0;
    switch (type.bytes[0]) {
    case DHCP_OFFER:
    case DHCP_ACK:
        return read_lease(message, &h, lease) ? type.bytes[0] : 0;
    case DHCP_NAK:
        return DHCP_NAK;
    default:
        return 0;
    }
}
