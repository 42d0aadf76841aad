/* Kernel parameters: files below /proc/sys. */
#ifndef INIT_SYSCTL_H
#define INIT_SYSCTL_H

#include "guest/boot.h"
#include "init/config.h"

/* Sets what the configuration asks for, in its order. One that fails is a problem of the boot. */
void sysctl_apply(const struct config *c, struct boot *b);

/* The path of a parameter as sysctl(8) names it: "net.ipv4.ip_forward" and "net/ipv4/ip_forward" are the same, and whichever of
 * '.' and '/' comes first separates; the other one stands for itself in a name ("net.ipv4.conf.eth0/1.mtu" and
 * "net/ipv4/conf/eth0.1/mtu"). Returns 0, or -1 when it is too long or leads out of /proc/sys. */
int sysctl_path(const char *name, char *out, size_t size);

#endif
