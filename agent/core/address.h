/* Socket addresses as our command lines write them:
 *
 *   vsock:[CID:]PORT   AF_VSOCK; without a CID any (to listen), the host's 2 (to connect)
 *   unix:PATH          a path of at most 107 bytes
 *   tcp:HOST:PORT      HOST is a literal IPv4 or [IPv6] address, "localhost", or empty for any
 *
 * Sources: vsock(7), unix(7), ipv6(7). There is no name look-up: a static glibc has no resolver. */
#ifndef CORE_ADDRESS_H
#define CORE_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/vm_sockets.h>

#include "core/err.h"

enum transport { TRANSPORT_TCP, TRANSPORT_UNIX, TRANSPORT_VSOCK };

struct address {
    enum transport transport;
    socklen_t len;
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        struct sockaddr_vm vm;
    } sa;
};

#define ADDRESS_TEXT_MAX 128

/* Parses the text. Returns 0, or -1 with *e naming the text and what is wrong with it. */
int address_parse(const char *text, struct address *a, struct err *e);

/* The address in the same form. out has room for ADDRESS_TEXT_MAX bytes. */
void address_text(const struct address *a, char *out);

/* "tcp", "unix" or "vsock". */
const char *transport_name(enum transport t);

#endif
