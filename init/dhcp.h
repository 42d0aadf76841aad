/* A DHCPv4 client on the loop: no thread, one timer, and one socket while something is asked for.
 *
 *   state        socket    timer            leaves by
 *   SELECTING    packet    retransmission   an offer: REQUESTING
 *   REQUESTING   packet    retransmission   an ACK: BOUND; a NAK, or no answer to DHCP_REQUESTS_MAX: SELECTING
 *   BOUND        none      T1               T1: RENEWING; a lease without end never leaves, and has no timer
 *   RENEWING     UDP       retransmission   an ACK: BOUND; a NAK: SELECTING; T2: REBINDING
 *   REBINDING    UDP       retransmission   an ACK: BOUND; a NAK, or the lease's end: SELECTING, without the address
 *
 * It asks until somebody answers: after 1 s, 2 s, 4 s ... 64 s, a quarter more or less by chance. Times are those of
 * CLOCK_MONOTONIC: a suspended or restored guest counts its lease from where it stood. It identifies itself by its hardware
 * address alone, as the kernel's ip=dhcp does: both get the same lease. Addresses are not probed before use (RFC 5227): in a
 * microVM's network they are the host's to give.
 *
 * Sources: RFC 2131 (states: figure 5, times: 4.1 and 4.4.5), packet(7). */
#ifndef INIT_DHCP_H
#define INIT_DHCP_H

#include "core/err.h"
#include "core/loop.h"
#include "init/dhcp_message.h"

struct dhcp;

struct dhcp_events {
    /* d->lease is there: the address and its routes are set. Again when it has changed. */
    void (*leased)(struct dhcp *d);
    /* Something is wrong, and it goes on. */
    void (*problem)(struct dhcp *d, const struct err *e);
};

enum dhcp_state { DHCP_SELECTING, DHCP_REQUESTING, DHCP_BOUND, DHCP_RENEWING, DHCP_REBINDING };

struct dhcp {
    struct loop *loop;
    const struct rtnl_link *link; /* up; lives as long as this */
    const struct dhcp_events *events;
    bool take_mtu; /* of the lease */
    enum dhcp_state state;
    int fd; /* -1: none */
    ev_io readable;
    ev_timer timer;
    uint32_t xid;
    unsigned tries;     /* messages sent in this state */
    bool told;          /* that nobody answers */
    uint64_t began_ms;  /* of asking, CLOCK_MONOTONIC */
    uint64_t asked_ms;  /* the last request: the lease counts from it */
    uint64_t leased_ms; /* the request that got the lease */
    bool has_lease;     /* `lease` is set up */
    struct dhcp_lease lease, offer;
};

/* Begins on a link that is up. It lives as long as the agent. */
void dhcp_start(struct dhcp *d, struct loop *loop, const struct rtnl_link *link, bool take_mtu,
                const struct dhcp_events *events);

#endif
