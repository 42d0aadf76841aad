/* guestd's command line: one table, which is also --help, guestd(8) and the completions. */
#ifndef AGENT_FLAGS_H
#define AGENT_FLAGS_H

#include "core/log.h"
#include "core/options.h"
#include "guest/boot.h"
#include "system/system.h"

#define FLAGS_LISTEN_MAX 16
#define FLAGS_PORT       49983u /* envd's, and ours */

struct flags {
    const char *listen[FLAGS_LISTEN_MAX];
    unsigned listen_count;
    bool tcp;                   /* --tcp */
    bool open;                  /* --open */
    bool envd;                  /* started as envd, or with one of its single-dash flags */
    bool stacyvm;               /* started as stacyvm-agent */
    uint32_t stacyvm_timeout_s; /* --stacyvm-timeout */
    uint16_t port;              /* -port */
    uint32_t vsock_allow[FLAGS_LISTEN_MAX];
    unsigned vsock_allow_count;
    const char *token_file;
    bool require_token;
    const char *run_dir; /* NULL: the profile's default */
    enum compat compat;
    bool compat_named; /* --compat: a host of that product is there */
    bool isnotfc;
    const char *default_user; /* NULL: root, or whoever runs us */
    const char *cgroup_root;
    bool cgroups;
    size_t ring, ring_total; /* bytes; 0: the default */
    uint32_t max_connections;
    bool keep_processes;
    bool init;      /* --init */
    char **command; /* with it: the program behind "--" and its arguments, of argv; NULL: none */
    bool kill_leader;
    bool files_as_user;
    enum log_level log_level;
    enum log_format log_format;
    /* Print and exit. */
    bool help, version, told_version, commit, limits, check;
};

/* Fills *f with the defaults; `name` is what we were started as, or NULL. */
void flags_init(struct flags *f, const char *name);

/* Whether argv asks for a program behind "--init" and "--": guestd is a container's entrypoint then. */
bool flags_have_command(int argc, char **argv);

/* Adds what argv says. Returns 0, or -1 with *e: one line that names the word.
 *
 * boot: of a machine's init; NULL: we are none. The kernel hands its init the words of its command line that it does not know
 * (Documentation/admin-guide/kernel-parameters.rst); those without a dash are passed over. What is wrong is a problem of the
 * boot, and left out: 0 is returned. */
int flags_parse(struct flags *f, int argc, char **argv, struct boot *boot, struct err *e);

/* Adds a statement of the configuration (init/config.h): each flag that is not envd's is a key. Strings must live as long as *f.
 * Returns 1, 0 when there is no such flag, or -1 with *e. */
int flags_take_setting(void *flags, const char *key, char **words, unsigned count, struct err *e);

/* As if no setting had been taken: the configuration that they came from is another one now. Only before flags_parse. */
void flags_forget_settings(void *flags);

/* The table, for the man page and the completions. */
const struct option *flags_table(size_t *count);

void flags_print_help(void);
void flags_print_limits(void);

#endif
