/* guestctl: what its verbs share. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "core/options.h"
#include "ctl/client/call.h"
#include "ctl/target.h"

/* Exit codes, as docker exec has them; a command's own code and 128 + signal come through as they are. */
enum {
    CTL_OK = 0,
    CTL_REFUSED = 1,   /* the agent answered with an error (verbs other than exec) */
    CTL_USAGE = 2,     /* unknown option or operand (verbs other than exec) */
    CTL_TIMEOUT = 124, /* exec --timeout was over */
    CTL_FAILED = 125,  /* guestctl's own: no connection, no terminal, a broken answer */
};

/* What stands before the verb. */
struct ctl {
    struct target target;
    enum call_protocol protocol; /* gRPC means HTTP/2 */
    bool json;                   /* --json: machine-readable output */
    const char *token;           /* shown as X-Access-Token; NULL: none */
    char token_text[4096];
    char *name; /* of the program, for messages */
};

struct verb {
    const char *name;
    const char *operands; /* "COMMAND [ARG...]", "" */
    const char *summary;  /* one line */
    const char *text;     /* what guestctl(1) says beyond the options; may be NULL */
    const struct option *options;
    size_t option_count;
    /* Gets argv from the first word after the verb. Returns the exit code. */
    int (*run)(struct ctl *c, const struct verb *v, int argc, char **argv);
};

extern const struct verb verbs[];
extern const size_t verb_count;
extern const struct option global_options[];
extern const size_t global_option_count;

/* All of guestctl: its options, then the verb. Returns the exit code. */
int ctl_run(int argc, char **argv);

/* Prints "guestctl: <text>" to stderr and returns the code. */
int ctl_fail(int code, const struct err *e);
int ctl_say(int code, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Writes the text to standard output, unless `made` (how it was made) is negative; frees it. Returns `made`. */
int ctl_print(struct chain *text, int made);

/* Parses a duration: "10s", "500ms", "2m", "1h", or plain seconds ("1.5"). Returns 0 or -1 with *e. */
int ctl_duration(const char *text, uint64_t *ms, struct err *e);

/* Starts parsing a verb's words; use with options_next. */
struct options ctl_options(const struct verb *v, int argc, char **argv);

/* Prints what `guestctl VERB --help` says. */
void ctl_verb_help(const struct verb *v);

/* Says what is wrong with a verb's words and returns `code`. */
int ctl_usage(const struct verb *v, int code, const char *why);

int verb_exec(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_attach(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_logs(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_git(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_bridge(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_ps(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_kill(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_boot(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_info(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_debug(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_doctor(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_ping(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_call(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_cp(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_ls(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_cat(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_stat(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_rm(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_mkdir(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_mv(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_chmod(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_watch(struct ctl *c, const struct verb *v, int argc, char **argv);
int verb_completion(struct ctl *c, const struct verb *v, int argc, char **argv);

#endif
