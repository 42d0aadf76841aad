/* The guest's name: of the configuration, else of /etc/hostname (hostname(5)), else as the kernel has it. */
#ifndef INIT_HOSTNAME_H
#define INIT_HOSTNAME_H

#include "init/config.h"

#define HOSTNAME_FILE "/etc/hostname"

/* Sets it. Returns 1 when somebody named the guest, 0 when nobody did (a DHCP server may then), or -1 with *e. */
MUST_CHECK int hostname_set(const struct config *c, struct err *e);

/* Gives the guest that name. Returns 0, or -1 with *e. */
MUST_CHECK int hostname_give(const char *name, struct err *e);

#endif
