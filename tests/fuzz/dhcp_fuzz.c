#include "init/dhcp_message.h"

#include "fuzz.h"

static void check_name(const char *name, size_t size)
{
    CHECK(strnlen(name, size) < size);
    for (; *name; name++)
        CHECK((*name >= '0' && *name <= '9') || (*name >= 'A' && *name <= 'Z') ||
              (*name >= 'a' && *name <= 'z') || strchr("-_.", *name));
}

/* The first byte says whether the rest is a packet or a message. What is taken makes a lease that can be used. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *copy = fuzz_copy(data, size);
    uint8_t mac[RTNL_MAC] = {0};
    struct bytes message = {copy + 1, size - 1};
    struct dhcp_lease lease;
    uint32_t xid = 0;
    int type;

    if (size == 0)
        return 0;
    if (*copy == 'p' && !dhcp_unwrap(message, &message))
        return 0;
    CHECK(message.ptr > copy && message.ptr + message.len <= copy + size);
    if (message.len >= 34) { /* it is an answer to just this */
        memcpy(&xid, message.ptr + 4, 4);
        memcpy(mac, message.ptr + 28, sizeof mac);
    }
    type = dhcp_read(message, ntohl(xid), mac, &lease);
    CHECK(type == 0 || type == DHCP_OFFER || type == DHCP_ACK || type == DHCP_NAK);
    if (type == 0 || type == DHCP_NAK)
        return 0;
    CHECK(lease.address.s_addr && lease.server.s_addr && lease.bits <= 32);
    CHECK(lease.dns_count <= DHCP_DNS_MAX && lease.route_count <= DHCP_ROUTES_MAX);
    for (uint32_t i = 0; i < lease.route_count; i++)
        CHECK(lease.routes[i].bits <= 32);
    CHECK(lease.end_s > 0 && lease.renew_s <= lease.rebind_s && lease.rebind_s <= lease.end_s);
    check_name(lease.hostname, sizeof lease.hostname);
    check_name(lease.domain, sizeof lease.domain);
    return 0;
}
