/* What the guest and its hosts are called: the host name, /etc/hosts, /etc/resolv.conf and /etc/machine-id. In a container, whose
 * runtime has seen to all of this, only what the configuration states is done. What a DHCP lease says is written by a worker. */
#ifndef INIT_NAMES_H
#define INIT_NAMES_H

#include "core/jobs.h"
#include "guest/boot.h"
#include "init/config.h"
#include "init/dhcp_message.h"

struct names {
    struct boot *boot;
    const struct config *config;
    bool named;        /* by the configuration or the image */
    bool own;          /* the machine is ours */
    struct jobs *jobs; /* NULL: not serving yet */
};

/* Before the agent listens. own: we are the first process of a machine, not of a container. Both others outlive it. */
void names_set(struct names *n, const struct config *c, struct boot *boot, bool own);

/* A DHCP lease was given. */
void names_take_lease(struct names *n, const struct dhcp_lease *lease);

#endif
