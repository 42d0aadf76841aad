/* Who may call: one decision for every wire. It knows how the caller came, what it showed, and what it wants.
 *
 *   listener \ caller        without any token set            with a token set
 *   vsock, host (CID 2)      everything                       needs it
 *   vsock, --vsock-allow     all but host calls               needs it; no host calls
 *   unix, root or our uid    everything                       everything (it could read our memory)
 *   unix, another uid        public calls                     needs it
 *   tcp                      everything (the contract)        needs it
 *   tcp with a token of its own: needs it or the one that is set
 *
 * Public calls need no token; except the host's where others need the listener's own, or root's uid: who may call nothing else
 * may not set a token either. With require_token nothing else is served before one is set. */
#ifndef GUEST_AUTH_H
#define GUEST_AUTH_H

#include "core/address.h"
#include "guest/settings.h"

#define AUTH_CID_HOST 2u /* vsock(7): VMADDR_CID_HOST */

enum auth_flags {
    AUTH_PUBLIC = 1 << 0, /* the call needs no token */
    AUTH_HOST = 1 << 1,   /* on vsock only the host may call it */
};

struct auth_caller {
    enum transport transport;
    uint32_t cid;               /* vsock: the peer's */
    bool trusted_uid;           /* unix: root's or ours */
    struct bytes token;         /* what it showed; ptr is NULL without one */
    const char *listener_token; /* of its listener, or NULL */
};

/* Returns 0, or -1 with *e: unauthenticated, or permission_denied for a host call from elsewhere. */
int auth_check(const struct settings *s, const struct auth_caller *c, unsigned flags, struct err *e);

/* Compares in a time that tells nothing but the length. */
bool auth_token_equal(struct bytes given, const char *secret);

/* Parses the value of an Authorization field: the user of "Basic base64(user:password)" on the heap, the
 * password is ignored. NULL when it is another scheme, empty, or malformed (*malformed). */
char *auth_basic_user(struct bytes value, bool *malformed);

#endif
