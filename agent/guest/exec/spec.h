/* What to run, as asked for: plain data in one allocation, which goes from the wire to a worker and back to
 * the table. */
#ifndef GUEST_EXEC_SPEC_H
#define GUEST_EXEC_SPEC_H

#include "core/base.h"

struct exec_var {
    const char *name;
    const char *value;
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
};

/* A deep copy on the heap, to be freed with free(); NULL when out of memory. */
struct exec_spec *exec_spec_copy(const struct exec_spec *view);

#endif
