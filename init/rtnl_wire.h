/* The bytes of rtnetlink: messages, and the attributes in them. What comes from the kernel is read with the same care as what
 * comes from a peer: nothing beyond the bytes that are there.
 *
 * Sources: netlink(7), rtnetlink(7), linux/netlink.h, linux/rtnetlink.h, linux/if_link.h. */
#ifndef INIT_RTNL_WIRE_H
#define INIT_RTNL_WIRE_H

#include <net/if.h>

#include "core/base.h"

#define RTNL_MAC 6

/* A message that was read. */
struct rtnl_message {
    uint16_t type, flags; /* RTM_*, NLMSG_*; NLM_F_* */
    uint32_t seq;         /* of the request that it answers */
    struct bytes payload;
};

/* What an answer about a link says. */
struct rtnl_link {
    int index;
    unsigned flags;      /* IFF_* */
    unsigned type;       /* ARPHRD_* */
    char name[IFNAMSIZ]; /* "" when none is told */
    bool has_mac;
    uint8_t mac[RTNL_MAC];
};

/* Takes the next message of a datagram. Returns the bytes eaten, 0 when none is left, or -1 when what is left is no message. */
ssize_t rtnl_next(struct bytes in, struct rtnl_message *m);

/* Finds an attribute (of a nested one's type without its flags) in a row of them. Returns whether it is there. */
bool rtnl_attribute(struct bytes in, unsigned type, struct bytes *value);

/* Reads an NLMSG_ERROR: *errnum is 0 for an acknowledgement, *text the kernel's explanation (NETLINK_EXT_ACK) or empty.
 * Returns 0, or -1 when it is none. */
int rtnl_read_error(const struct rtnl_message *m, int *errnum, struct bytes *text);

/* Reads an RTM_NEWLINK. Returns 0, or -1 when it is none. */
int rtnl_read_link(const struct rtnl_message *m, struct rtnl_link *link);

/* Requests that are being written, one behind the other. */
struct rtnl_out {
    _Alignas(4) uint8_t bytes[4096];
    size_t len;  /* of all requests */
    size_t last; /* where the last one begins */
};

/* Longest request of ours: a header, a fixed part, and four attributes with an IPv6 address at most. */
#define RTNL_REQUEST_MAX 160

/* Begins a request with its fixed part, `size` bytes at `fixed`; there must be RTNL_REQUEST_MAX bytes left. */
void rtnl_begin(struct rtnl_out *out, unsigned type, unsigned flags, uint32_t seq, const void *fixed,
                size_t size);

/* Puts an attribute into the request that was begun last. */
void rtnl_put(struct rtnl_out *out, unsigned type, const void *value, size_t size);

/* The header of the request that was begun last, to set flags in. */
struct nlmsghdr *rtnl_last(struct rtnl_out *out);

#endif
