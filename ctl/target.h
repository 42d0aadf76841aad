/* Where the agent is, and how to get a socket to it.
 *
 *   hybrid:PATH[:PORT]   the unix socket of a Firecracker or Cloud Hypervisor guest; one line asks for the
 * port vsock:CID[:PORT]     AF_VSOCK unix:PATH            a unix socket tcp:HOST:PORT        HOST is an IP
 * address or localhost
 *
 * PORT is 49983 unless said. */
#ifndef CTL_TARGET_H
#define CTL_TARGET_H

#include "core/address.h"

#define TARGET_PORT 49983u

struct target {
    const char *text; /* as written */
    bool hybrid;
    uint32_t port; /* hybrid: the guest's */
    struct address address;
    uint64_t wait_ms; /* try again for so long */
};

/* Parses the text; NULL: GUESTD_HOST, else the default unix socket. Returns 0, or -1 with *e. */
int target_parse(struct target *t, const char *text, struct err *e);

/* A connected socket, or -1 with *e: one line that says what is wrong and what to do next. A dial takes at
 * most 5 s; with wait_ms what may pass by itself (no socket yet, nothing listens) is tried again. */
int target_dial(const struct target *t, struct err *e);

/* A dial under way, for those who wait for other things meanwhile. */
struct target_dialing {
    const struct target *target;
    int fd;              /* wait until this (-1: nothing) is ready for `events` */
    short events;        /* of poll(2) */
    uint64_t wake_ms;    /* and until then at the longest, on the monotonic clock */
    uint64_t until_ms;   /* what may pass by itself is tried again until then */
    uint64_t give_up_ms; /* end of the try under way */
    enum { TARGET_PAUSED, TARGET_CONNECTING, TARGET_ASKED } state;
    char line[64]; /* the VMM's answer so far */
    size_t len;
};

void target_begin(struct target_dialing *d, const struct target *t);

/* Goes as far as it gets without waiting. Returns 1: d->fd is connected, and the caller's; 0: wait, as d says, and call it
 * again; -1 with *e, and nothing is open. */
int target_go_on(struct target_dialing *d, struct err *e);

#endif
