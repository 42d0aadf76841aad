/* /etc/resolv.conf: of the `dns` and `search` statements; what they do not say is a DHCP lease's (resolv.conf(5)). */
#ifndef INIT_RESOLV_H
#define INIT_RESOLV_H

#include "init/config.h"
#include "init/dhcp_message.h"

#define RESOLV_FILE "/etc/resolv.conf"

/* The file's text, which the caller frees; NULL when there is nothing to say, or no memory. lease: NULL, there is none. */
char *resolv_text(const struct config *c, const struct dhcp_lease *lease);

#endif
