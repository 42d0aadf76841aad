#include "init/rtnl_wire.h"

#include <sys/types.h>

#include <linux/rtnetlink.h>

/* --- reading --------------------------------------------------------------------------------- */

ssize_t rtnl_next(struct bytes in, struct rtnl_message *m)
{
    struct nlmsghdr h;

    if (in.len == 0)
        return 0;
    if (in.len < sizeof h)
        return -1;
    memcpy(&h, in.ptr, sizeof h);
    if (h.nlmsg_len < sizeof h || h.nlmsg_len > in.len)
        return -1;
    m->type = h.nlmsg_type;
    m->flags = h.nlmsg_flags;
    m->seq = h.nlmsg_seq;
    m->payload = (struct bytes){in.ptr + sizeof h, h.nlmsg_len - sizeof h};
    return (ssize_t)MIN((size_t)NLMSG_ALIGN(h.nlmsg_len), in.len); /* the last one may lack its padding */
}

bool rtnl_attribute(struct bytes in, unsigned type, struct bytes *value)
{
    struct rtattr a;

    while (in.len >= sizeof a) {
        memcpy(&a, in.ptr, sizeof a);
        if (a.rta_len < sizeof a || a.rta_len > in.len)
            return false;
        if ((a.rta_type & NLA_TYPE_MASK) == type) {
            *value = (struct bytes){in.ptr + sizeof a, a.rta_len - sizeof a};
            return true;
        }
        in.ptr += MIN((size_t)RTA_ALIGN(a.rta_len), in.len);
        in.len -= MIN((size_t)RTA_ALIGN(a.rta_len), in.len);
    }
    return false;
}

int rtnl_read_error(const struct rtnl_message *m, int *errnum, struct bytes *text)
{
    struct bytes rest = m->payload;
    struct nlmsgerr error;
    size_t echoed;

    if (m->type != NLMSG_ERROR || rest.len < sizeof error)
        return -1;
    memcpy(&error, rest.ptr, sizeof error);
    if (error.error > 0 || error.error < -4095) /* MAX_ERRNO of the kernel */
        return -1;
    *errnum = -error.error;
    *text = (struct bytes){"", 0};
    if (!(m->flags & NLM_F_ACK_TLVS) || error.msg.nlmsg_len < sizeof error.msg)
        return 0;
    /* The request's own bytes come in between, unless they were left out. */
    echoed = m->flags & NLM_F_CAPPED ? 0 : (size_t)NLMSG_ALIGN(error.msg.nlmsg_len) - sizeof error.msg;
    if (echoed > rest.len - sizeof error)
        return 0;
    rest.ptr += sizeof error + echoed;
    rest.len -= sizeof error + echoed;
    if (rtnl_attribute(rest, NLMSGERR_ATTR_MSG, text))
        text->len = strnlen(text->ptr, text->len);
    return 0;
}

int rtnl_read_link(const struct rtnl_message *m, struct rtnl_link *link)
{
    struct bytes attributes = m->payload, value;
    struct ifinfomsg info;

    if (m->type != RTM_NEWLINK || attributes.len < sizeof info)
        return -1;
    memcpy(&info, attributes.ptr, sizeof info);
    attributes.ptr += sizeof info;
    attributes.len -= sizeof info;
    *link = (struct rtnl_link){.index = info.ifi_index, .flags = info.ifi_flags, .type = info.ifi_type};
    if (rtnl_attribute(attributes, IFLA_IFNAME, &value))
        memcpy(link->name, value.ptr, strnlen(value.ptr, MIN(value.len, sizeof link->name - 1)));
    if (rtnl_attribute(attributes, IFLA_ADDRESS, &value) && value.len == sizeof link->mac) {
        memcpy(link->mac, value.ptr, sizeof link->mac);
        link->has_mac = true;
    }
    return 0;
}

/* --- writing --------------------------------------------------------------------------------- */

struct nlmsghdr *rtnl_last(struct rtnl_out *out)
{
    return (struct nlmsghdr *)(void *)(out->bytes + out->last);
}

void rtnl_begin(struct rtnl_out *out, unsigned type, unsigned flags, uint32_t seq, const void *fixed,
                size_t size)
{
    struct nlmsghdr *h;

    out->last = out->len;
    h = rtnl_last(out);
    *h = (struct nlmsghdr){.nlmsg_len = (uint32_t)NLMSG_LENGTH(size),
                           .nlmsg_type = (uint16_t)type,
                           .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
                           .nlmsg_seq = seq};
    memcpy(NLMSG_DATA(h), fixed, size);
    memset(out->bytes + out->last + NLMSG_LENGTH(size), 0, NLMSG_SPACE(size) - NLMSG_LENGTH(size));
    out->len += NLMSG_SPACE(size);
}

void rtnl_put(struct rtnl_out *out, unsigned type, const void *value, size_t size)
{
    struct rtattr a = {.rta_type = (uint16_t)type, .rta_len = (uint16_t)RTA_LENGTH(size)};
    uint8_t *to = out->bytes + out->len;

    memcpy(to, &a, sizeof a);
    memcpy(to + sizeof a, value, size);
    memset(to + RTA_LENGTH(size), 0, RTA_SPACE(size) - RTA_LENGTH(size));
    out->len += RTA_SPACE(size);
    rtnl_last(out)->nlmsg_len = (uint32_t)(out->len - out->last);
}
