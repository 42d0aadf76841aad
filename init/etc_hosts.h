/* /etc/hosts: what the image has stays; lines are added for localhost, the guest's own name, and the `host` statements, where they
 * are not there yet (hosts(5)). */
#ifndef INIT_ETC_HOSTS_H
#define INIT_ETC_HOSTS_H

#include "init/config.h"

#define ETC_HOSTS_FILE "/etc/hosts"

/* The text with what it lacks: `name` at 127.0.1.1 (NULL or "": none), and the statements. Returns it, which the caller frees, or NULL
 * when nothing is lacking or there is no memory. */
char *etc_hosts_complete(const char *text, const char *name, const struct config_pair *statements);

/* Completes the file. Returns 0, or -1 with *e. */
MUST_CHECK int etc_hosts_write(const char *name, const struct config_pair *statements, struct err *e);

#endif
