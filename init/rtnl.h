/* Links, addresses and routes by rtnetlink, without a program. Requests are queued and go out together in one datagram; the
 * kernel carries them out in order and answers within the call that sends them: nothing here waits.
 *
 * What the kernel refuses is told to `failed` with a text that names the object and the kernel's own explanation; the others are
 * carried out all the same. What exists already, or is gone already, is fine.
 *
 * Sources: rtnetlink(7), linux/rtnetlink.h, linux/if_addr.h. */
#ifndef INIT_RTNL_H
#define INIT_RTNL_H

#include "init/config.h"
#include "init/rtnl_wire.h"

#define RTNL_QUEUED 24 /* requests in one datagram: RTNL_REQUEST_MAX times that fits */
#define RTNL_LO     1  /* the index of lo in every network namespace (net/loopback.c) */

/* The object of a request, for the text of its error. */
struct rtnl_object {
    int index;       /* of the interface */
    const char *dev; /* its name; lives until the requests are sent */
};

struct rtnl {
    int fd;
    uint32_t seq;   /* of the newest request */
    unsigned count; /* requests that are queued */
    struct rtnl_out out;
    struct {
        int fine; /* an errno that is no failure */
        char what[112];
    } queued[RTNL_QUEUED];
    void (*failed)(void *arg, const struct err *e);
    void *arg;
};

/* Opens the socket; `groups` are those of linux/rtnetlink.h (RTMGRP_*) that it listens to, or 0. Returns 0, or -1 with *e. */
MUST_CHECK int rtnl_open(struct rtnl *r, unsigned groups, void (*failed)(void *arg, const struct err *e),
                         void *arg, struct err *e);

/* Sends what is queued, and closes it. */
void rtnl_close(struct rtnl *r);

/* Tells `each` of all links. Returns 0, or -1 with *e, after some of them perhaps. */
MUST_CHECK int rtnl_links(struct rtnl *r, void (*each)(void *arg, const struct rtnl_link *link), void *arg,
                          struct err *e);

/* Reads what came for the groups, without waiting. Returns whether something was lost: all links are to be asked for again. */
bool rtnl_events(struct rtnl *r, void (*each)(void *arg, const struct rtnl_link *link), void *arg);

/* Queue a request: the link goes up, with an MTU in bytes unless it is 0. */
void rtnl_link_up(struct rtnl *r, struct rtnl_object of, unsigned mtu);

/* An address is added, an IPv6 one without looking for a duplicate; or taken away, with the routes that have it as source. */
void rtnl_add_address(struct rtnl *r, struct rtnl_object of, const struct config_prefix *a);
void rtnl_remove_address(struct rtnl *r, struct rtnl_object of, const struct config_prefix *a);

/* A route through the interface. on_link: its gateway is there though no address says so; from: the source address, or NULL. */
struct rtnl_route {
    const struct config_route *route;
    const struct config_prefix *from;
    bool on_link;
    uint8_t origin; /* RTPROT_* */
};
void rtnl_add_route(struct rtnl *r, struct rtnl_object of, const struct rtnl_route *route);

/* Sends what is queued and takes the answers. */
void rtnl_flush(struct rtnl *r);

#endif
