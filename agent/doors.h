/* The doors: where guestd listens, and who may come in by which. */
#ifndef AGENT_DOORS_H
#define AGENT_DOORS_H

#include "flags.h"
#include "http/http.h"
#include "stacyvm/stacyvm.h"

struct door {
    struct listener listener;
    struct doors *doors;
    char token[44]; /* of its own; empty: none */
};

struct doors {
    const struct flags *flags;
    struct settings *settings;
    struct jobs *workers;
    struct http *http;
    struct stacyvm *stacyvm;
    struct boot *boot; /* of a machine's init; NULL: we are none */
    uid_t uid;
    unsigned count;
    struct door all[FLAGS_LISTEN_MAX + 4];
};

/* Opens all listeners and sets http's and stacyvm's authorization. An explicit one that cannot be opened is an error; a
 * default one is left out with a line in the log. Returns 0, or -1 with *e.
 *
 * boot: of a machine's init; NULL: we are none. There what is explicit and cannot be opened is a problem of the boot; when
 * nothing else is left, the defaults are opened. */
MUST_CHECK int doors_open(struct doors *d, const struct flags *flags, struct net *net, struct http *http,
                          struct stacyvm *stacyvm, struct settings *settings, struct jobs *workers,
                          struct boot *boot, struct err *e);

#endif
