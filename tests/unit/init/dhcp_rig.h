/* A server's answer, put together by hand. */
#ifndef TESTS_UNIT_INIT_DHCP_RIG_H
#define TESTS_UNIT_INIT_DHCP_RIG_H

#include <arpa/inet.h>
#include <string.h>

#include "init/dhcp_message.h"

static const uint8_t mac[RTNL_MAC] = {2, 0, 0, 0, 0, 7};

struct answer {
    uint8_t bytes[1500];
    size_t len;
};

/* One without options. */
static inline void answer_begin(struct answer *a, uint32_t xid, const char *address)
{
    uint32_t n = htonl(xid);

    memset(a->bytes, 0, sizeof a->bytes);
    a->bytes[0] = 2; /* a reply */
    a->bytes[1] = 1;
    a->bytes[2] = 6;
    memcpy(a->bytes + 4, &n, 4);
    inet_pton(AF_INET, address, a->bytes + 16);
    memcpy(a->bytes + 28, mac, 6);
    memcpy(a->bytes + 236, "\x63\x82\x53\x63", 4);
    a->len = 240;
}

static inline void answer_put(struct answer *a, uint8_t option, const void *value, size_t len)
{
    a->bytes[a->len] = option;
    a->bytes[a->len + 1] = (uint8_t)len;
    memcpy(a->bytes + a->len + 2, value, len);
    a->len += 2 + len;
}

static inline void answer_put_u32(struct answer *a, uint8_t option, uint32_t value)
{
    value = htonl(value);
    answer_put(a, option, &value, 4);
}

/* With what a lease needs: the type, a server, an end in seconds. */
static inline void answer_lease(struct answer *a, enum dhcp_type type, uint32_t xid, const char *address,
                                uint32_t end_s)
{
    answer_begin(a, xid, address);
    answer_put(a, 53, &(uint8_t){(uint8_t)type}, 1);
    answer_put(a, 54, "\x0a\0\0\1", 4);
    answer_put_u32(a, 51, end_s);
}

static inline struct bytes answer_bytes(const struct answer *a)
{
    return (struct bytes){(const char *)a->bytes, a->len};
}

#endif
