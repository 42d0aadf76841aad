/* What the host tells the guest about itself (POST /init and flags), and what every process gets of it.
 *
 * The processes' part is an immutable snapshot with a count of its users: a spawn in a worker reads the one
 * that was current when it was asked for, without a lock. Changing something makes a new snapshot.
 *
 * Threads: the loop's; struct guest_env also in workers. */
#ifndef GUEST_SETTINGS_H
#define GUEST_SETTINGS_H

#include "core/err.h"

/* Who a process is and what it finds in its environment, where its start says nothing else. */
struct guest_env {
    unsigned refs; /* atomic */
    char *default_user;
    char *workdir; /* default working directory, or "" */
    char *path;    /* the agent's own PATH */
    char **vars; /* "NAME=value", NULL-terminated: internal ones, then the host's; the last of a name wins */
    size_t var_count;
};

struct guest_env *guest_env_ref(struct guest_env *g);
void guest_env_unref(struct guest_env *g);

struct settings {
    struct guest_env *env; /* current; never NULL after settings_init */
    char **internal;       /* "NAME=value": the host's own, not changed by /init; NULL-terminated */
    char **user_vars;      /* of /init */
    char *token;           /* NULL: none is set. Wiped when it goes */
    bool require_token;    /* nothing but public calls before a token is set */
    bool initialized;      /* /init was accepted once */
    bool has_timestamp;
    int64_t timestamp_s; /* of the last accepted /init */
    int32_t timestamp_ns;
    char *secured_path; /* file that says that a token existed; NULL: none is kept */
};

/* Defaults: the user root unless another is given, no working directory, the agent's PATH. Returns 0 or
 * -1. */
MUST_CHECK int settings_init(struct settings *s, const char *default_user, struct err *e);

/* Replaces the host's variables: n names and values. invalid_argument for a name that is empty or holds '='
 * or NUL, or too many. On failure nothing changes. */
MUST_CHECK int settings_set_vars(struct settings *s, const char *const *names, const char *const *values,
                                 size_t n, struct err *e);

/* Sets one of the internal variables. */
MUST_CHECK int settings_set_internal(struct settings *s, const char *name, const char *value, struct err *e);

/* Sets the default user or working directory; NULL leaves it. */
MUST_CHECK int settings_set_defaults(struct settings *s, const char *user, const char *workdir,
                                     struct err *e);

/* Sets the token, NULL: clears it. The old one is wiped. When the agent keeps a secured file, setting writes
 * it: a restarted agent then refuses until it has a token again. */
MUST_CHECK int settings_set_token(struct settings *s, const char *token, struct err *e);

/* Reads the secured file at start: sets require_token when a token existed before. `dir` is made when it is
 * missing; it should lie on a tmpfs, so that a boot forgets. */
void settings_remember(struct settings *s, const char *dir);

void settings_destroy(struct settings *s);

#endif
