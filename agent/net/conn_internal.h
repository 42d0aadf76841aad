/* What conn.c and net.c share and nobody else sees. */
#ifndef NET_CONN_INTERNAL_H
#define NET_CONN_INTERNAL_H

#include "net/conn.h"

void conn_timers_init(struct net *n);

/* A connection on the accepted socket, not yet given to a protocol. NULL: out of memory, fd stays the
 * caller's. */
struct conn *conn_new(struct net *n, struct listener *l, int fd, const struct peer *peer);

/* Gives it to its protocol and starts to read. */
void conn_open(struct conn *c, const struct net_protocol *protocol);

/* Closes an idle connection at once, with its protocol's last word where the socket takes it. */
void conn_evict(struct conn *c);

/* Calls `closed` and frees a dead connection. */
void conn_destroy(struct conn *c);

#endif
