/* What to run, as asked for: plain data in one allocation, which goes from the wire to a worker and back to
 * the table. */
#ifndef GUEST_EXEC_SPEC_H
#define GUEST_EXEC_SPEC_H

#include "core/base.h"
#include "core/limits.h"

struct exec_var {
    const char *name;
    const char *value;
};

/* Whom a signal reaches. */
enum exec_target {
    EXEC_TARGET_DEFAULT, /* the leader; with SIGKILL the tree, unless the process has a terminal */
    EXEC_TARGET_LEADER,
    EXEC_TARGET_GROUP, /* the leader's process group */
    EXEC_TARGET_TREE,  /* its cgroup; its session where there are no cgroups */
};

/* A resource limit: setrlimit(2). */
struct exec_limit {
    int resource;        /* RLIMIT_... */
    uint64_t soft, hard; /* UINT64_MAX: unlimited */
};

struct exec_spec {
    const char *cmd;         /* path, or a name to be looked up in the child's PATH */
    const char *const *args; /* without the program's name */
    size_t arg_count;
    const struct exec_var *vars; /* added to the environment; these win */
    size_t var_count;
    const char *cwd;  /* as the client wrote it; NULL: none was given */
    const char *tag;  /* NULL: none */
    const char *user; /* NULL: the default user */
    bool pty;
    uint16_t cols, rows; /* of the terminal; 0: the default */
    bool stdin_pipe;     /* without a terminal: a pipe, else /dev/null */
    bool in_agent_cgroup;
    uint64_t timeout_ms; /* the process's life; 0: no end */

    const char *key; /* idempotency key; NULL: none */
    bool no_new_privs;
    bool has_umask, has_nice;
    uint16_t umask;                  /* with has_umask; else 022 */
    int8_t nice;                     /* with has_nice; else 0 */
    const struct exec_limit *limits; /* set in this order */
    size_t limit_count;
    const char *const *groups; /* further supplementary groups: names or numbers */
    size_t group_count;
    enum exec_target kill_target; /* of the deadline, and of kill_on_gone */
    uint32_t grace_ms;            /* between their SIGTERM and their SIGKILL; 0: SIGKILL at once */
    bool kill_on_gone;            /* its starter's leaving kills it */
    uint64_t max_output;          /* bytes; 0: all */
    bool keep_tail;               /* the last max_output bytes, not the first */
    bool path_only;               /* of the environment PATH and `vars`, nothing else */
    bool must_run;                /* a program that cannot be run is a failed start, not an exit code */
    bool transient;               /* its output is not kept for those who come after its end */
    const char *hidden; /* the settings' variables whose names begin so are not for it; NULL: all are */

    /* Descriptors that it takes along, under the numbers that they have in the agent. The spec's: closed once the child has
     * them, or is not to come. */
    int fds[SPAWN_FDS_MAX];
    size_t fd_count;
};

/* A deep copy on the heap, to be freed with exec_spec_free; it takes over the descriptors. NULL when out of memory: they stay the
 * caller's. */
struct exec_spec *exec_spec_copy(const struct exec_spec *view);

/* Closes the descriptors; from any thread. */
void exec_spec_close(struct exec_spec *spec);

/* Closes them and frees it; NULL is nothing. */
void exec_spec_free(struct exec_spec *spec);

/* A resource by its name of getrlimit(2) without "RLIMIT_", in lower case ("nofile"), or -1; and back. */
int exec_limit_from_name(const char *name);
const char *exec_limit_name(int resource);

#endif
