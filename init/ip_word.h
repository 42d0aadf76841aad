/* The kernel's own word for a network, ip=CLIENT:SERVER:GATEWAY:NETMASK:HOSTNAME:DEVICE:AUTOCONF:DNS:DNS:NTP, or ip=dhcp and its
 * like: taken as the statements `net`, `hostname` and `dns` would be, so that a kernel without CONFIG_IP_PNP does as one with it.
 * What that one has set up already is fine.
 *
 * Source: Documentation/admin-guide/nfs/nfsroot.rst, net/ipv4/ipconfig.c. */
#ifndef INIT_IP_WORD_H
#define INIT_IP_WORD_H

#include "init/config.h"

/* Takes the word's value, a string of the arena. Returns 0, or -1 with *e. */
MUST_CHECK int ip_word_take(struct config *c, const char *value, struct err *e);

#endif
