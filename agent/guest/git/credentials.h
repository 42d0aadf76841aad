/* Credentials of one call, and how git gets to them: by descriptors that it and what it starts inherit. Nothing secret stands in an
 * argument, a variable, a URL or a file.
 *
 *   basic   git asks GIT_ASKPASS, which is the agent's own program (a descriptor; agent/askpass.h), and that asks us over a socket
 *           (asker.h). Only the origin of the call's URL is answered for: a redirection elsewhere gets nothing
 *   bearer  a sealed memfd of the user's holds a piece of configuration with the header for that origin; -c include.path names it
 *   ssh     the key and the known hosts lie in such memfds too. ssh closes what it inherits, so it opens them where git has them:
 *           GIT_SSH_COMMAND is run by a shell, whose $PPID is git
 *
 * Threads: the loop's only. */
#ifndef GUEST_GIT_CREDENTIALS_H
#define GUEST_GIT_CREDENTIALS_H

#include <sys/types.h>

#include "guest/exec/spec.h"
#include "guest/git/url.h"

#define GIT_SSH_COMMAND_MAX 512 /* bytes: the options below, and numbers */

enum git_credentials_kind {
    GIT_CREDENTIALS_NONE,
    GIT_CREDENTIALS_BASIC,
    GIT_CREDENTIALS_BEARER,
    GIT_CREDENTIALS_SSH
};

/* A zeroed struct has none. Strings are owned, and wiped when they go. */
struct git_credentials {
    enum git_credentials_kind kind;
    char *username;    /* of basic */
    char *secret;      /* the password, the token, or the private key */
    char *origin;      /* for whom they are, as in url.h; NULL: nobody. Of ssh the known hosts say it */
    char *known_hosts; /* of ssh; NULL: those of the user and the system */
    bool accept_new;   /* of ssh: a host that is not known is taken */
};

/* What one run of git is given of them. */
struct git_lent {
    const char *args[4]; /* of git, before its verb */
    size_t arg_count;
    struct exec_var vars[2];
    size_t var_count;
    int fds[SPAWN_FDS_MAX]; /* for the process; owned until git_policy_spec takes them over */
    size_t fd_count;
    int socket; /* ours, for asker.h; -1: nobody asks; owned */
    char program[32], helper[32], include[48], ssh[GIT_SSH_COMMAND_MAX];
};

/* Takes copies. Returns 0, or -1 with *e: invalid_argument for control characters, for more than GIT_SECRET_MAX, and for a token that is no token68 (RFC 7235
 * section 2.1); resource_exhausted. */
MUST_CHECK int git_credentials_set(struct git_credentials *c, enum git_credentials_kind kind,
                                   const char *username, const char *secret, struct err *e);

/* The same of a private key, to which a last line feed is added, and of a known_hosts file (empty: none). -1 with *e:
 * invalid_argument: it does not begin as keys do, or either holds a NUL or more than GIT_SSH_KEY_MAX or GIT_KNOWN_HOSTS_MAX. */
MUST_CHECK int git_credentials_set_ssh(struct git_credentials *c, struct bytes key, struct bytes known_hosts,
                                       bool accept_new, struct err *e);

/* They are for the URL's origin; those that stand in the URL itself are taken where there are no others. Returns 0, or -1 with *e. */
MUST_CHECK int git_credentials_aim(struct git_credentials *c, const struct git_url *u, struct err *e);

/* Puts stars where the text holds the password or the token: a server may say it. Not of less than four
 * characters, which are in many a word. */
void git_credentials_hide(const struct git_credentials *c, char *text);

void git_credentials_clear(struct git_credentials *c);

/* Makes what a process of that user needs. Without credentials it is nothing. Returns 0, or -1 with *e: resource_exhausted. */
MUST_CHECK int git_credentials_lend(const struct git_credentials *c, uid_t uid, gid_t gid, struct git_lent *l,
                                    struct err *e);

/* Closes what nobody took over. */
void git_lent_clear(struct git_lent *l);

#endif
